import Storage

/// A new administrator.
public struct AdminAdministratorRequest: Codable, Sendable, Equatable, FieldDescribed {
    public var name: String
    public var password: String
    public var role: AdminRole

    public init(name: String, password: String, role: AdminRole) {
        self.name = name
        self.password = password
        self.role = role
    }

    public static var fields: [String: FieldNote] {
        [
            "name": FieldNote("Letters, digits, or . - _ @.", range: 1...64),
            "password": FieldNote("Password for the console.", range: 1...1_023, format: "password"),
            "role": FieldNote("What the administrator may do."),
        ]
    }
}

/// What changes of an administrator; what is left out stays.
public struct AdminAdministratorChange: Codable, Sendable, Equatable, FieldDescribed {
    public var role: AdminRole?
    public var isDisabled: Bool?
    public var password: String?

    public init(role: AdminRole? = nil, isDisabled: Bool? = nil, password: String? = nil) {
        self.role = role
        self.isDisabled = isDisabled
        self.password = password
    }

    public static var fields: [String: FieldNote] {
        [
            "role": FieldNote("What the administrator may do."),
            "isDisabled": FieldNote("Whether signing in is refused."),
            "password": FieldNote("A new password for the console.", range: 1...1_023, format: "password"),
        ]
    }
}

enum AdministratorOperations {
    private static let name = AdminOperation.Parameter.path("name", "Name of the administrator.", .string(1...64))

    static let all: [AdminOperation] = [
        AdminOperation(
            "administrators.list", .get, "/administrators", "Who may sign in to the console.",
            roles: .overseers, result: AdminPage<Administrator>.self
        ) { call in
            AdminPage(items: try await call.admin.database.read { try AdministratorStore.all(in: $0) })
        },
        AdminOperation(
            "administrators.get", .get, "/administrators/{name}", "One administrator.", parameters: [name],
            roles: .overseers, isResource: true, result: Administrator.self
        ) { call in
            let name = try call.text("name")
            let found = try await call.admin.database.read { try AdministratorStore.administrator(name, in: $0) }
            guard let found else { throw AdminError(.notFound, "there is no administrator \(name)") }
            return found
        },
        AdminOperation(
            "administrators.create", .post, "/administrators", "Adds an administrator.",
            body: AdminAdministratorRequest.self, roles: .superusers, status: 201, result: Administrator.self,
            location: { "/administrators/\($0.name)" }, run: create),
        AdminOperation(
            "administrators.update", .patch, "/administrators/{name}",
            "Changes role or password of an administrator, or refuses the sign-in.", parameters: [name],
            body: AdminAdministratorChange.self, roles: .superusers, result: Administrator.self, run: update),
        AdminOperation(
            "administrators.delete", .delete, "/administrators/{name}", "Removes an administrator.",
            parameters: [name], roles: .superusers, result: AdminDone.self, run: delete),
    ]

    /// A token that is limited to a part must not make something that is not.
    static func refuseLimited(_ principal: AdminPrincipal) throws {
        guard principal.scopes.isEmpty else {
            throw AdminError(.forbidden, "a token with scopes cannot make or change administrators and tokens")
        }
    }

    @Sendable private static func create(
        _ call: OperationCall, _ request: AdminAdministratorRequest
    ) async throws -> Administrator {
        try refuseLimited(call.principal)
        let access = call.admin.access
        call.note.target = request.name
        call.note.after = request.role.rawValue
        try access.checkName(request.name)
        let hash = try await access.hash(request.password)
        let now = call.admin.now
        return try await call.admin.write { transaction in
            guard try AdministratorStore.count(in: transaction) < AdministratorStore.limit else {
                throw AdminError(.conflict, "there are \(AdministratorStore.limit) administrators already")
            }
            guard
                try AdministratorStore.add(request.name, hash: hash, role: request.role, now: now, in: transaction),
                let made = try AdministratorStore.administrator(request.name, in: transaction)
            else { throw AdminError(.conflict, "the administrator \(request.name) exists already") }
            try call.audit(in: transaction)
            return made
        }
    }

    @Sendable private static func update(
        _ call: OperationCall, _ change: AdminAdministratorChange
    ) async throws -> Administrator {
        try refuseLimited(call.principal)
        let (access, name) = (call.admin.access, try call.text("name"))
        var hash: PasswordHash?
        if let password = change.password { hash = try await access.hash(password) }
        let changed = try await call.admin.write { [hash] transaction in
            guard let old = try AdministratorStore.administrator(name, in: transaction) else {
                throw AdminError(.notFound, "there is no administrator \(name)")
            }
            let (role, isDisabled) = (change.role ?? old.role, change.isDisabled ?? old.isDisabled)
            if role != .superuser || isDisabled { try keepOne(but: old, in: transaction) }
            try AdministratorStore.set(role, isDisabled: isDisabled, of: name, in: transaction)
            if let hash { try AdministratorStore.setHash(hash, of: name, in: transaction) }
            func told(_ role: AdminRole, _ isDisabled: Bool) -> String {
                role.rawValue + (isDisabled ? ", disabled" : "")
            }
            call.note.before = told(old.role, old.isDisabled)
            call.note.after = told(role, isDisabled)
            if hash != nil { call.note.summary = "new password" }
            try call.audit(in: transaction)
            return try AdministratorStore.administrator(name, in: transaction) ?? old
        }
        // Whoever is signed in does so again, as what they are now.
        access.sessions.endAll(of: name)
        return changed
    }

    @Sendable private static func delete(_ call: OperationCall) async throws -> AdminDone {
        try refuseLimited(call.principal)
        let name = try call.text("name")
        try await call.admin.write { transaction in
            guard let old = try AdministratorStore.administrator(name, in: transaction) else {
                throw AdminError(.notFound, "there is no administrator \(name)")
            }
            try keepOne(but: old, in: transaction)
            try AdministratorStore.remove(name, in: transaction)
            call.note.before = old.role.rawValue
            try call.audit(in: transaction)
        }
        call.admin.access.sessions.endAll(of: name)
        return AdminDone()
    }

    /// The last superuser stays.
    private static func keepOne(but old: Administrator, in transaction: any Transaction) throws {
        guard old.role == .superuser, !old.isDisabled else { return }
        guard try AdministratorStore.otherSuperusers(than: old.name, in: transaction) > 0 else {
            throw AdminError(.conflict, "\(old.name) is the last superuser")
        }
    }
}

extension Administrator: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "name": FieldNote("Name for signing in."),
            "isDisabled": FieldNote("Whether signing in is refused."),
            "created": FieldNote("When.", format: "date-time"),
            "lastLogin": FieldNote("Last sign-in.", format: "date-time"),
        ]
    }
}
