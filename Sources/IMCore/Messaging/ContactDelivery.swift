import Ground
import Storage
import XMLWire
import XMPPWire

/// What becomes of messages that were handed to an endpoint which can refuse them or turn out not to be there: a contact of
/// another protocol.
extension Router {
    /// The endpoint can be reached from now on: it is given what is stored, and what other clients have not acknowledged.
    public func becameReachable(_ endpoint: any Endpoint, _ home: UserHome) {
        home.lastUse = time.uptime
        guard endpoint.isReachable else { return }
        startReplay(for: endpoint, home)
    }

    /// The endpoint cannot be reached, though it is still one of the user's: what it had not taken goes to the others or into
    /// the store. It must say so itself (`isReachable`) before.
    ///
    /// - Parameter reason: for the trail.
    public func becameUnreachable(
        _ endpoint: any Endpoint, _ home: UserHome, returning entries: [JournalEntry], because reason: String
    ) {
        for entry in entries where !entry.isSettled {
            journal.trail.note(entry.id, .returned, endpoint.address, reason, at: time.now)
        }
        home.forking.presenceChanged(endpoint.resource)
        replayEnded(for: endpoint, home) { giveBack(entries, from: endpoint, home) }
    }

    /// The endpoint does not want the message, and would not want it later. Unless another client has it or may take it, the
    /// sender gets the error and the message is settled.
    public func refused(
        _ entry: JournalEntry, by endpoint: any Endpoint, _ home: UserHome, _ error: StanzaError
    ) {
        journal.trail.note(entry.id, .returned, endpoint.address, error.text ?? error.condition.rawValue, at: time.now)
        entry.holders -= 1
        guard !entry.isSettled, entry.holders <= 0 else { return }
        counters.bounced += 1
        journal.trail.note(entry.id, .refused, home.address, error.condition.rawValue, at: time.now)
        defer { journal.settle(entry) }
        guard !home.isRemoved else { return }
        let bytes = StanzaStamp.errorReply(to: entry.bytes, error: error)
        // A sender that waits for this very message, and is no client that other stanzas reach too.
        if let source = entry.origin as? any StanzaSource, !(source is any Endpoint) { return source.deliver(bytes) }
        if let reply = XMLElement(stored: bytes) { send(reply, from: endpoint) }
    }

    /// How a message leaves for an endpoint, for the trail.
    ///
    /// - Parameters:
    ///   - way: in words that end before the address.
    ///   - place: the address that it goes to.
    public func noteDelivery(
        of entry: JournalEntry, to endpoint: any Endpoint, _ way: StaticString, _ place: UnsafeRawBufferPointer
    ) {
        journal.trail.note(entry.id, .handed, endpoint.address, way: way, place: place, at: time.now)
    }
}

extension JournalStore {
    /// Accounts that messages wait for.
    ///
    /// - Parameter limit: of accounts.
    public static func recipients(limit: Int, in transaction: any Transaction) throws -> [JID] {
        try transaction.query(
            """
            SELECT localpart, domain FROM users WHERE id IN (SELECT DISTINCT user_id FROM journal) LIMIT ?
            """, [.integer(Int64(limit))]
        ).map { JID(preparedLocal: $0.text(0), domain: $0.text(1), resource: nil) }
    }

    /// Those of the accounts that messages wait for.
    public static func recipients(among jids: [JID], in transaction: any Transaction) throws -> [JID] {
        try jids.filter {
            try !transaction.query(
                """
                SELECT 1 FROM journal j JOIN users u ON u.id = j.user_id WHERE u.localpart = ? AND u.domain = ? LIMIT 1
                """, [.text($0.local ?? ""), .text($0.domain)]
            ).isEmpty
        }
    }
}
