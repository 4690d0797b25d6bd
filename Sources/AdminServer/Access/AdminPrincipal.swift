/// What an administrator may do.
public enum AdminRole: String, Codable, Sendable, CaseIterable {
    /// Everything.
    case superuser
    /// Everything but administrators, tokens, secrets and certificate keys.
    case administrator
    /// Users' sessions, new passwords, and why somebody does not see somebody; no settings.
    case helpDesk = "help-desk"
    /// Reads everything, changes nothing.
    case auditor
}

extension Set<AdminRole> {
    public static let everyone: Self = [.superuser, .administrator, .helpDesk, .auditor]
    /// Whoever may see how the server is set up.
    public static let readers: Self = [.superuser, .administrator, .auditor]
    /// Whoever may help users.
    public static let helpers: Self = [.superuser, .administrator, .helpDesk]
    public static let administrators: Self = [.superuser, .administrator]
    public static let superusers: Self = [.superuser]
    /// Those who may see, but not change, what only superusers change.
    public static let overseers: Self = [.superuser, .auditor]
}

/// Who asks.
public struct AdminPrincipal: Sendable, Equatable {
    /// How the caller has shown who it is.
    public enum Origin: Sendable, Equatable {
        /// The Unix socket: the user of the server or root.
        case socket
        /// A console session, by its public id.
        case console(String)
        /// An API token, by its public id.
        case token(String)
    }

    /// Name of the administrator, `token:NAME`, or `local:UID`.
    public var name: String
    public var role: AdminRole
    public var origin: Origin
    /// Beginnings of names of the operations that are allowed; empty for all.
    public var scopes: [String]
    public var isReadOnly: Bool

    public init(name: String, role: AdminRole, origin: Origin, scopes: [String] = [], isReadOnly: Bool = false) {
        self.name = name
        self.role = role
        self.origin = origin
        self.scopes = scopes
        self.isReadOnly = isReadOnly
    }

    /// A caller on the Unix socket, whom the kernel has vouched for.
    public static func local(_ user: UInt32) -> AdminPrincipal {
        AdminPrincipal(name: "local:\(user)", role: .superuser, origin: .socket)
    }

    /// Whether the caller's role, scopes and mode allow the operation.
    public func mayPerform(_ operation: AdminOperation) -> Bool {
        operation.roles.contains(role) && (!operation.changes || !isReadOnly) && covers(operation.name)
    }

    /// `users` and `users.` both cover `users.list`.
    func covers(_ name: String) -> Bool {
        scopes.isEmpty
            || scopes.contains { scope in name == scope || name.hasPrefix(scope.hasSuffix(".") ? scope : scope + ".") }
    }
}
