/// One contact in a user's list.
public struct AdminRosterItem: Codable, Sendable, Equatable, FieldDescribed {
    public var jid: String
    public var name: String
    public var groups: [String]
    /// `none`, `to`, `from` or `both` (RFC 6121 §2.1.2.5).
    public var subscription: String
    /// The user has asked for the contact's presence and has no answer yet.
    public var isAsked: Bool
    /// The contact has asked for the user's presence and has no answer yet.
    public var isWaiting: Bool

    public init(
        jid: String, name: String, groups: [String], subscription: String, isAsked: Bool, isWaiting: Bool
    ) {
        self.jid = jid
        self.name = name
        self.groups = groups
        self.subscription = subscription
        self.isAsked = isAsked
        self.isWaiting = isWaiting
    }

    public static var fields: [String: FieldNote] {
        [
            "jid": FieldNote("Address of the contact."),
            "name": FieldNote("What the user calls the contact; empty for nothing."),
            "groups": FieldNote("Groups the contact is in."),
            "subscription": FieldNote("Who sees whom: none, to (the user sees the contact), from, both."),
            "isAsked": FieldNote("Whether the user waits for the contact's approval."),
            "isWaiting": FieldNote("Whether the contact waits for the user's approval."),
        ]
    }
}

enum RosterOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "users.roster", .get, "/users/{jid}/roster",
            "The contacts of a user, open requests among them, in the order of their addresses.", parameters: [.jid],
            roles: .everyone, result: AdminPage<AdminRosterItem>.self
        ) { call in
            let items = try await call.backend.roster(of: try call.text("jid"))
            return AdminPage(items: items, total: items.count)
        }
    ]
}
