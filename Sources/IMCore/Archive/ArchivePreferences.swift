import Storage
import XMPPWire

/// Whose messages a user wants to keep (XEP-0441).
public struct ArchivePreferences: Sendable, Equatable {
    /// What happens to messages with contacts that neither list names.
    public enum Mode: String, Sendable, CaseIterable { case always, never, roster }

    public var mode: Mode
    public var always: Set<JID>
    public var never: Set<JID>

    /// Addresses in both lists together.
    public static let capacity = 1_000

    public init(_ mode: Mode, always: Set<JID> = [], never: Set<JID> = []) {
        self.mode = mode
        self.always = always
        self.never = never
    }

    /// Every message is kept: no address has to be looked at.
    var keepsAll: Bool { mode == .always && never.isEmpty }

    /// Whether messages to and from `peer`, as the stanza names it, are kept (§2.2). Who is in both lists is not.
    public func keeps(_ peer: JID, isInRoster: @autoclosure () -> Bool) -> Bool {
        if !never.isEmpty, never.contains(peer) || never.contains(peer.bare) { return false }
        if !always.isEmpty, always.contains(peer) || always.contains(peer.bare) { return true }
        switch mode {
        case .always: return true
        case .never: return false
        case .roster: return isInRoster()
        }
    }
}

extension ArchivePreferences {
    /// Nil when the user has never said anything: the server's default applies.
    static func load(_ userID: Int64, in transaction: any Transaction) throws -> ArchivePreferences? {
        try transaction.query(
            "SELECT mode, always, never FROM archive_preferences WHERE user_id = ?", [.integer(userID)]
        ).first.flatMap { row in
            Mode(rawValue: row.text(0)).map {
                ArchivePreferences($0, always: addresses(row.text(1)), never: addresses(row.text(2)))
            }
        }
    }

    func save(_ userID: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO archive_preferences (user_id, mode, always, never) VALUES (?, ?, ?, ?)
            ON CONFLICT (user_id) DO UPDATE
                SET mode = excluded.mode, always = excluded.always, never = excluded.never
            """,
            [.integer(userID), .text(mode.rawValue), .text(Self.lines(always)), .text(Self.lines(never))])
    }

    /// One address a line: no address has a line feed.
    private static func lines(_ addresses: Set<JID>) -> String {
        addresses.map(\.description).sorted().joined(separator: "\n")
    }

    private static func addresses(_ lines: String) -> Set<JID> {
        Set(lines.split(separator: "\n").compactMap { try? JID(parsing: String($0)) })
    }
}
