import Ground
import Storage
import XMLWire
import XMPPWire

/// Takes one account of a portable file (XEP-0227) into the store, record by record, in one transaction.
///
/// The account must be new. Whoever calls undoes everything when a `PortableProblem` is thrown.
public struct PortableImport {
    /// What a user may have here.
    public struct Limits: Sendable {
        public var contacts = 1_000
        public var blocked = 1_000
        public var vcardBytes = 262_144
        public var privateStorageBytes = 1_048_576
        public var pubsub = PubSubLimits()

        public init() {}
    }

    /// An account of the file, its records aside.
    public struct User: Sendable {
        public var jid: JID
        /// Line on which it begins.
        public var line: Int
        /// Of a password in clear, already derived; or of verifiers in its place.
        public var credentials: Credentials?

        public init(jid: JID, line: Int, credentials: Credentials?) {
            self.jid = jid
            self.line = line
            self.credentials = credentials
        }
    }

    let transaction: any Transaction
    let user: User
    let id: Int64
    let limits: Limits
    let names: OpaqueIDs
    /// Milliseconds since 1970.
    let now: Int64
    private var verifiers: [ScramVerifier] = []
    var contacts: [JID: RosterItem] = [:]
    var messages: PortableMessages
    /// What was left out.
    public internal(set) var problems: [PortableProblem] = []
    /// Problems that are told of one account; the rest is counted.
    static let toldProblems = 100
    private var untold = 0

    var address: String { user.jid.description }

    /// Imports one account.
    ///
    /// - Parameters:
    ///   - records: what came with the request.
    ///   - name: of the records that came before it; nil when there are none.
    /// - Returns: what was left out.
    /// - Throws: `PortableProblem` when the account cannot be taken.
    public static func run(
        _ user: User, records: [PortableRecord], waiting name: String?, limits: Limits, names: OpaqueIDs, now: Int64,
        in transaction: any Transaction
    ) throws -> [PortableProblem] {
        guard
            let id = try AccountStore.add(
                user.jid, name: nil, isAdmin: false, credentials: user.credentials ?? .none, now: now,
                in: transaction)
        else { throw PortableProblem(line: user.line, "the account exists already", isFatal: true) }
        var account = PortableImport(
            transaction: transaction, user: user, id: id, limits: limits, names: names, now: now)
        if let name { try PortableStore.forEach(of: name, in: transaction) { try account.take($0) } }
        for record in records { try account.take(record) }
        try account.finish()
        return account.problems
    }

    private init(
        transaction: any Transaction, user: User, id: Int64, limits: Limits, names: OpaqueIDs, now: Int64
    ) {
        self.transaction = transaction
        self.user = user
        self.id = id
        self.limits = limits
        self.names = names
        self.now = now
        messages = PortableMessages(latest: now - PortableMessages.distance)
    }

    mutating func leaveOut(_ line: Int, _ reason: String) {
        guard problems.count < Self.toldProblems else { return untold += 1 }
        problems.append(PortableProblem(line: line, reason, isFatal: false))
    }

    func refusal(_ line: Int, _ reason: String) -> PortableProblem {
        PortableProblem(line: line, reason, isFatal: true)
    }

    private mutating func take(_ record: PortableRecord) throws {
        guard let element = XMLElement(stored: record.bytes) else {
            throw refusal(record.line, "the element cannot be read")
        }
        switch record.place {
        case .user: try takeChild(element, record.line)
        case .offline: try takeOffline(element.asStanza(), record.line)
        case .archive: try takeArchived(element, record.line)
        case .nodes: try takeNode(element, record.line)
        case .items: try takeItem(element, node: record.node, record.line)
        }
    }

    private mutating func takeChild(_ element: XMLElement, _ line: Int) throws {
        switch (element.name, element.namespace) {
        case ("scram-credentials", PortableNamespace.scram):
            if let verifier = ScramVerifier(portable: element) {
                verifiers.append(verifier)
            } else {
                leaveOut(line, "credentials for \(element["mechanism"] ?? "no mechanism") cannot be used")
            }
        case ("account", PortableNamespace.account): try takeAccount(element, line)
        case ("query", "jabber:iq:roster"): try takeRoster(element, line)
        case ("presence", _) where element.asStanza().namespace == "jabber:client":
            try takeRequest(element.asStanza(), line)
        case ("vCard", "vcard-temp"): try takeVCard(element, line)
        case ("query", "jabber:iq:private"): try takePrivate(element, line)
        case ("query", "jabber:iq:privacy"): try takePrivacy(element, line)
        case ("prefs", "urn:xmpp:mam:2"):
            guard let preferences = ArchivePreferences(portable: element) else {
                return leaveOut(line, "archive preferences make no sense")
            }
            try preferences.save(id, in: transaction)
        default: leaveOut(line, "<\(element.name)/> of \(element.namespace) is unknown here")
        }
    }

    private mutating func takeAccount(_ element: XMLElement, _ line: Int) throws {
        let isAdmin = element["administrator"] == "true"
        try AccountStore.describe(id, name: element["name"], isAdmin: isAdmin, in: transaction)
        if isAdmin { leaveOut(line, "note: the account administers the server") }
    }

    private mutating func finish() throws {
        if user.credentials == nil {
            guard let credentials = Credentials(verifiers: verifiers) else {
                throw refusal(user.line, "there is neither a password nor SCRAM credentials that can be used here")
            }
            try AccountStore.write(credentials, of: user.jid, in: transaction)
            if !credentials.isComplete {
                let known = credentials.sha256.isUsable ? "SCRAM-SHA-256" : "SCRAM-SHA-1"
                leaveOut(user.line, "only \(known) and PLAIN log in until the password is set again")
            }
        }
        for item in contacts.values { try RosterStore.save(item.record, of: id, in: transaction) }
        if !contacts.isEmpty { try RosterCountStore.recount(id, in: transaction) }
        if untold > 0 {
            problems.append(PortableProblem(line: user.line, "\(untold) more problems", isFatal: false))
        }
    }

    // MARK: Profile

    private func makeEngine() -> PubSubEngine {
        var engine = PubSubEngine(
            service: PubSubAddress(jid: user.jid, userID: id),
            requester: PubSubRequester(user.jid, isAccountOwner: true), limits: limits.pubsub, now: now,
            in: transaction)
        engine.privateStorageBytes = limits.privateStorageBytes
        engine.vcardBytes = limits.vcardBytes
        return engine
    }

    private mutating func takeVCard(_ vcard: XMLElement, _ line: Int) throws {
        guard vcard.standaloneBytes.count <= limits.vcardBytes else {
            throw refusal(line, "the vCard is larger than \(limits.vcardBytes) bytes")
        }
        let name = try AccountStore.account(user.jid, in: transaction)?.name
        var engine = makeEngine()
        do {
            try engine.setVCard(vcard, entries: SearchEntries.of(vcard: vcard, name: name))
        } catch let error as StanzaError {
            throw refusal(line, "the vCard: \(error.text ?? error.condition.rawValue)")
        }
    }

    private mutating func takePrivate(_ query: XMLElement, _ line: Int) throws {
        for element in query.elements {
            guard !element.namespace.isEmpty, element.namespace != query.namespace else {
                leaveOut(line, "private storage: <\(element.name)/> has no namespace of its own")
                continue
            }
            var engine = makeEngine()
            do {
                try engine.setPrivate([element])
            } catch let error as StanzaError {
                throw refusal(line, "private storage: \(error.text ?? error.condition.rawValue)")
            }
        }
    }

    // MARK: Blocking

    private mutating func takePrivacy(_ query: XMLElement, _ line: Int) throws {
        var lists = PrivacyLists(lists: [], defaultName: nil)
        for element in query.elements where element.name == "list" {
            do throws(StanzaError) {
                let list = try PrivacyList(element)
                if !list.items.isEmpty { lists[list.name] = list }
            } catch {
                leaveOut(line, "privacy list \(element["name"] ?? ""): \(error.text ?? error.condition.rawValue)")
            }
        }
        let chosen = query.child("default", namespace: query.namespace)?["name"]
        lists.defaultName = chosen.flatMap { lists[$0] == nil ? nil : $0 }
        let blocked = lists.blocked
        guard blocked.count <= limits.blocked else {
            throw refusal(line, "more than \(limits.blocked) addresses are blocked")
        }
        guard lists.lists.count <= PrivacyLists.capacity, lists.itemCount <= PrivacyLists.items + blocked.count else {
            throw refusal(line, "there are too many privacy lists or rules")
        }
        // Nothing but the block list that we make ourselves: no lists are needed.
        let isPlain = lists.lists == PrivacyLists(blocked: blocked).lists
        try PrivacyStore.save(isPlain ? nil : lists, blocked: blocked, of: id, in: transaction)
    }
}
