import Ground

/// A message between acceptance and settlement.
///
///     gathering ──commit──▶ durable ──acknowledged──▶ settled (row deleted)
///         └────────────acknowledged────────────────────▲      (never written)
///
/// A message that somebody's archive keeps is written in any case, and its sender hears of it after that commit.
///
/// Held by the journal while it is to be written and by each session that has it in flight.
public final class JournalEntry {
    public enum State { case gathering, committing, durable, settled }

    public let id: MessageID
    /// Row id of the recipient.
    public let userID: Int64
    /// The stanza as it is delivered, with `from` and the XEP-0359 id.
    public let bytes: [UInt8]
    public internal(set) var state: State
    /// A recipient's client has the message, or nobody ever will.
    public internal(set) var isSettled = false
    /// Archives that the message is still to be written to.
    var record: ArchiveRecord?
    /// The stanza is in the archive: the journal's row does without it.
    var isArchived = false
    /// The journal has a row for the message, or gets one with the commit under way.
    var isStored = false
    /// Whether the row must be written even if the durability setting asks for nothing.
    var mustStore = false
    /// Counted among the stored messages of its user: no client has it.
    var isParked = false
    /// Read back from the store: how long it was under way says nothing of the server.
    var isRestored = false
    /// Live sessions that have the message and have not settled it.
    var holders = 0
    /// Whose stream counts the message once it is safe; nil when that is done.
    var origin: (any MessageOrigin)?
    var originNumber: UInt64 = 0

    init(id: MessageID, userID: Int64, bytes: [UInt8], state: State) {
        self.id = id
        self.userID = userID
        self.bytes = bytes
        self.state = state
    }

    /// Tells the sender's stream, once, that the message is safe.
    func acknowledge() {
        guard let origin else { return }
        self.origin = nil
        origin.stanzaIsSafe(originNumber)
    }
}

/// The stream that a message came from.
public protocol MessageOrigin: AnyObject {
    /// The stanza with this number of the ledger is durable or settled.
    func stanzaIsSafe(_ number: UInt64)
}
