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
        AdminOperation(
            "whoami.password", .put, "/whoami/password",
            "Sets the caller's own password for the console; other sessions of the caller end.",
            body: AdminOwnPassword.self, roles: .everyone, result: AdminDone.self
        ) { call, change in
            guard case .console(let session) = call.principal.origin else {
                throw AdminError(.forbidden, "only an administrator who is signed in to the console has a password")
            }
            let name = call.principal.name
            call.note.target = name
            try await call.admin.access.checkPassword(change.old, of: name, address: call.peer)
            let hash = try await call.admin.access.hash(change.new)
            try await call.admin.write { transaction in
                try AdministratorStore.setHash(hash, of: name, in: transaction)
                call.note.summary = "new password"
                try call.audit(in: transaction)
            }
            call.admin.access.sessions.endAll(of: name, but: session)
            return AdminDone()
        },
    ]
}

/// A caller's new password, with the one so far.
public struct AdminOwnPassword: Codable, Sendable, Equatable, FieldDescribed {
    public var old: String
    public var new: String

    public init(old: String, new: String) {
        self.old = old
        self.new = new
    }

    public static var fields: [String: FieldNote] {
        [
            "old": FieldNote("The password so far.", range: 1...1_023, format: "password"),
            "new": FieldNote("The new one.", range: 1...1_023, format: "password"),
        ]
    }
}

/// Who asks, as the server sees it.
public struct AdminCaller: Codable, Sendable, Equatable {
    public var name: String
    public var role: AdminRole
    /// Names of the operations that are allowed.
    public var operations: [String]
}
