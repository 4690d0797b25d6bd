import Storage
import XMPPWire

/// What a home is built from, read in one transaction.
struct HomeRecord: Sendable {
    var account: Account
    var roster: [RosterRecord]
    var blocked: Set<JID>
    var allowed: Set<JID>
    var privacy: PrivacyLists?
    var storedMessages: Int
    var photoHash: String?
    var archivePreferences: ArchivePreferences?
    var pushes: [PushRecord]
    var manual: ManualPresence?
    var publications: [PublicationRecord]

    /// Nil when there is no such account.
    static func load(_ jid: JID, in transaction: any Transaction) throws -> HomeRecord? {
        guard let account = try AccountStore.account(jid, in: transaction) else { return nil }
        return HomeRecord(
            account: account, roster: try RosterStore.load(account.id, in: transaction),
            blocked: try BlockStore.load(account.id, in: transaction),
            allowed: try AllowStore.load(account.id, in: transaction),
            privacy: try PrivacyStore.load(account.id, in: transaction),
            storedMessages: try JournalStore.count(account.id, in: transaction),
            photoHash: try ProfileStore.photoHash(account.id, in: transaction),
            archivePreferences: try ArchivePreferences.load(account.id, in: transaction),
            pushes: try PushStore.load(account.id, in: transaction),
            manual: try ManualPresenceStore.load(account.id, in: transaction),
            publications: try PublicationStore.load(account.id, in: transaction))
    }
}
