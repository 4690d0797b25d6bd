enum StatusOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "status", .get, "/status", "How the server is.", roles: .everyone, result: AdminStatus.self
        ) { call in try await call.backend.status() },
        AdminOperation(
            "whoami", .get, "/whoami", "Who asks, and which operations are allowed.", roles: .everyone,
            result: AdminCaller.self
        ) { call in
            AdminCaller(
                name: call.principal.name, role: call.principal.role,
                operations: call.admin.operations.filter { call.principal.mayPerform($0) }.map(\.name))
        },
    ]
}

/// Who asks, as the server sees it.
public struct AdminCaller: Codable, Sendable, Equatable {
    public var name: String
    public var role: AdminRole
    /// Names of the operations that are allowed.
    public var operations: [String]
}
