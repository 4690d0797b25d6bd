import Ground
import Storage
import XMLWire
import XMPPWire

/// Where a message is and how it came there.
public struct MessageExplanation: Sendable {
    public struct Step: Sendable {
        /// Milliseconds since 1970.
        public var at: Int64
        public var kind: MessageTrail.Kind
        /// Whose step it is: the sender, a client, an account; empty for none.
        public var subject: String
        public var object: String
        public var note: String
    }

    /// What the database has of it.
    public struct Stored: Sendable {
        /// Whose undelivered message it is; nil when none.
        public var waitingFor: String?
        public var sender: String?
        public var recipient: String?
        /// Accounts whose archives have it.
        public var archives: [String] = []
        /// Size of the stanza; 0 when there is none any more.
        public var bytes = 0
        /// The sender has taken it back (XEP-0424).
        public var isRetracted = false
    }

    public var id: MessageID
    /// As stanzas name it (XEP-0359).
    public var name: String
    /// Milliseconds since 1970.
    public var acceptedAt: Int64
    /// Empty when that is longer ago than the server remembers.
    public var steps: [Step]
    public var stored: Stored
    /// Clients that have it and have not acknowledged it, with the word `resumable` behind those whose link is lost.
    public var inFlight: [String]
}

/// SQL of explanations.
enum ExplanationStore {
    static func stored(_ id: MessageID, in transaction: any Transaction) throws -> MessageExplanation.Stored? {
        var stored = MessageExplanation.Stored()
        let waiting = try transaction.query(
            """
            SELECT u.localpart, u.domain, length(j.stanza) FROM journal j JOIN users u ON u.id = j.user_id
            WHERE j.id = ?
            """, [.integer(id.value)])
        if let row = waiting.first {
            stored.waitingFor = row.text(0) + "@" + row.text(1)
            stored.recipient = stored.waitingFor
            stored.bytes = Int(row.integer(2))
        }
        let archived = try transaction.query(
            """
            SELECT m.sender, m.sender_resource, m.recipient, m.recipient_resource, length(m.stanza), m.stanza,
                s.localpart, s.domain, r.localpart, r.domain
            FROM messages m LEFT JOIN users s ON s.id = m.sender_archive LEFT JOIN users r ON r.id = m.recipient_archive
            WHERE m.id = ?
            """, [.integer(id.value)])
        if let row = archived.first {
            func full(_ bare: String, _ resource: String) -> String { resource.isEmpty ? bare : bare + "/" + resource }
            stored.sender = full(row.text(0), row.text(1))
            stored.recipient = full(row.text(2), row.text(3))
            stored.bytes = Int(row.integer(4))
            stored.isRetracted = row.blob(5).withUnsafeBytes { ByteCompare.contains($0, "<retracted ") }
            for place in [6, 8] {
                guard let local = row.optionalText(place), let domain = row.optionalText(place + 1) else { continue }
                let owner = local + "@" + domain
                if !stored.archives.contains(owner) { stored.archives.append(owner) }
            }
        }
        return waiting.isEmpty && archived.isEmpty ? nil : stored
    }
}

extension Router {
    /// Messages that one id may mean, the newest last: the stanza id that the server gave, the number inside, or the id of
    /// the sender's client while the server remembers it.
    public static let explainedMessages = 20

    /// Looks a message up; calls back once everything accepted so far can be found.
    public func explainMessage(_ name: String, then: @escaping (Result<[MessageExplanation], any Error>) -> Void) {
        var ids: [MessageID] = []
        if let id = journal.names.id(named: name) { ids.append(id) }
        if let number = Int64(name), number > 0 { ids.append(MessageID(number)) }
        ids += journal.trail.ids(named: name)
        let wanted = Array(ids.suffix(Self.explainedMessages))
        guard !wanted.isEmpty else { return then(.success([])) }
        journal.perform({ transaction in
            try wanted.map { try ExplanationStore.stored($0, in: transaction) }
        }) { [self] result in
            then(
                result.map { rows in
                    zip(wanted, rows).compactMap { id, stored in explanation(of: id, stored) }
                })
        }
        journal.flush()
    }

    private func explanation(of id: MessageID, _ stored: MessageExplanation.Stored?) -> MessageExplanation? {
        // Which client alone gets it is found out a moment before it is taken.
        let all = journal.trail.steps(of: id)
        let steps = all.filter { $0.kind == .accepted } + all.filter { $0.kind != .accepted }
        guard stored != nil || !steps.isEmpty else { return nil }
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        var inFlight: [String] = []
        homes.forEach { home in
            for endpoint in home.endpoints where endpoint.inFlight.contains(where: { $0.id == id }) {
                inFlight.append(text(endpoint.address) + (endpoint.isHibernating ? " (resumable)" : ""))
            }
        }
        return MessageExplanation(
            id: id, name: text(journal.names.name(of: id)), acceptedAt: id.acceptedAt,
            steps: steps.map {
                MessageExplanation.Step(
                    at: $0.at == 0 ? id.acceptedAt : $0.at, kind: $0.kind, subject: text($0.subject),
                    object: text($0.object), note: $0.note)
            }, stored: stored ?? .init(), inFlight: inFlight)
    }
}
