import Ground
import Storage

/// A new token.
public struct AdminTokenRequest: Codable, Sendable, Equatable, FieldDescribed {
    public var name: String
    public var role: AdminRole
    /// Beginnings of names of operations; none for all that the role allows.
    public var scopes: [String]?
    public var isReadOnly: Bool?
    /// Days until it expires; 90 when left out.
    public var expiresDays: Int?

    public init(
        name: String, role: AdminRole, scopes: [String]? = nil, isReadOnly: Bool? = nil, expiresDays: Int? = nil
    ) {
        self.name = name
        self.role = role
        self.scopes = scopes
        self.isReadOnly = isReadOnly
        self.expiresDays = expiresDays
    }

    public static var fields: [String: FieldNote] {
        [
            "name": FieldNote("What it is for; stands in the audit.", range: 1...64),
            "role": FieldNote("What it may do."),
            "scopes": FieldNote(
                "Names of operations or their beginnings, such as users or users.list; none for all of the role.",
                range: 0...50),
            "isReadOnly": FieldNote("Whether it can change nothing."),
            "expiresDays": FieldNote("Days until it expires; 90 when left out.", range: 1...3_650),
        ]
    }
}

/// A token that was made; the only time that its text is shown.
public struct AdminTokenCreated: Codable, Sendable, Equatable {
    public var id: String
    /// What goes into `Authorization: Bearer`.
    public var token: String
    /// ISO 8601.
    public var expires: String
}

enum TokenOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "tokens.list", .get, "/tokens", "Tokens of the API, without what proves them.", roles: .overseers,
            result: AdminPage<AdminToken>.self
        ) { call in AdminPage(items: try await call.admin.database.read { try TokenStore.all(in: $0) }) },
        AdminOperation(
            "tokens.create", .post, "/tokens", "Makes a token; its text is shown this once.",
            body: AdminTokenRequest.self, roles: .superusers, status: 201, result: AdminTokenCreated.self,
            run: create),
        AdminOperation(
            "tokens.revoke", .delete, "/tokens/{id}", "Makes a token void.",
            parameters: [.path("id", "Id of the token.", .string(1...64))], roles: .superusers,
            result: AdminDone.self
        ) { call in
            try AdministratorOperations.refuseLimited(call.principal)
            let id = try call.text("id")
            try await call.admin.write { transaction in
                guard let name = try TokenStore.remove(id, in: transaction) else {
                    throw AdminError(.notFound, "there is no token \(id)")
                }
                call.note.before = name
                try call.audit(in: transaction)
            }
            return AdminDone()
        },
    ]

    @Sendable private static func create(
        _ call: OperationCall, _ request: AdminTokenRequest
    ) async throws -> AdminTokenCreated {
        try AdministratorOperations.refuseLimited(call.principal)
        try call.admin.access.checkName(request.name)
        let scopes = request.scopes ?? []
        for (index, scope) in scopes.enumerated() where !isScope(scope, among: call.admin.operations) {
            throw AdminError(
                .invalid, "a scope is not allowed",
                faults: [.init(pointer: "/scopes/\(index)", detail: "no operation has this name or beginning")])
        }
        let text = AccessService.tokenPrefix + SecretBytes.text(SecretBytes.make(32))
        let now = call.admin.now
        let expires = now + Int64(request.expiresDays ?? 90) * 86_400_000
        let token = AdminToken(
            id: SecretBytes.hex(SecretBytes.make(6)), name: request.name, role: request.role, scopes: scopes,
            isReadOnly: request.isReadOnly ?? false, creator: call.principal.name, created: Timestamp.format(now),
            expires: Timestamp.format(expires))
        call.note.target = token.id
        call.note.after =
            "\(token.name), \(token.role.rawValue)" + (token.isReadOnly ? ", read only" : "")
            + (scopes.isEmpty ? "" : ", \(scopes.joined(separator: " "))")
        try await call.admin.write { transaction in
            try TokenStore.sweep(before: now - 30 * 86_400_000, in: transaction)
            guard try TokenStore.count(in: transaction) < TokenStore.limit else {
                throw AdminError(.conflict, "there are \(TokenStore.limit) tokens already: revoke some")
            }
            try TokenStore.add(
                token, hash: SecretBytes.hash(text), now: now, expires: expires, in: transaction)
            try call.audit(in: transaction)
        }
        return AdminTokenCreated(id: token.id, token: text, expires: token.expires)
    }

    private static func isScope(_ scope: String, among operations: [AdminOperation]) -> Bool {
        guard !scope.isEmpty, !scope.contains(" ") else { return false }
        let principal = AdminPrincipal(name: "", role: .superuser, origin: .socket, scopes: [scope])
        return operations.contains { principal.covers($0.name) }
    }
}

/// What `roost admin setup-code` asks.
public struct AdminSetupCode: Codable, Sendable, Equatable {
    /// Nil once there is an administrator.
    public var code: String?

    public init(code: String?) {
        self.code = code
    }
}

enum SetupOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "setup.code", .get, "/setup/code",
            "The code that makes the first superuser in the console; only over the Unix socket.",
            roles: .superusers, result: AdminSetupCode.self
        ) { call in
            guard call.principal.origin == .socket else {
                throw AdminError(.forbidden, "the setup code is told over the Unix socket only")
            }
            return AdminSetupCode(code: try await call.admin.access.setupCode())
        }
    ]
}

extension AdminToken: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "id": FieldNote("Names the token."),
            "name": FieldNote("What it is for."),
            "scopes": FieldNote("Beginnings of names of the operations that are allowed; empty for all."),
            "created": FieldNote("When.", format: "date-time"),
            "expires": FieldNote("When it becomes void.", format: "date-time"),
            "lastUsed": FieldNote("Last use, within a minute.", format: "date-time"),
        ]
    }
}
