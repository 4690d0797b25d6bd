import Ground
import XMPPWire

/// Messages from a client of ours to a user of ours (RFC 6121 §8, source documents on forking).
extension Router {
    /// Routes a message to a local account, which may have to be read first.
    ///
    /// The sender's stream counts the message once it is stored, delivered or bounced, never before.
    public func route(_ message: IncomingMessage, to recipient: JID) {
        if let senderHome = message.senderHome, senderHome.hasRules,
            senderHome.blocks(recipient, .all, at: message.sender)
        {
            return bounce(
                message, .blocked,
                because: "at \(senderHome.jid): "
                    + senderHome.privacyVerdict(on: recipient, .all, at: message.sender).reason.text)
        }
        if message.senderHome?.policy.values.messaging.isEnabled == false, isStopped(message) { return }
        homes.withHome(recipient) { [self] home in
            guard let home else {
                copySent(message)
                return bounceUnknown(message)
            }
            route(message, to: home)
        }
    }

    /// Routes a message to a home in memory.
    public func route(_ message: consuming IncomingMessage, to home: UserHome) {
        messagesRouted += 1
        home.lastUse = time.uptime
        let senderHome = message.senderHome
        if !home.policy.values.messaging.isEnabled && message.type != .groupchat
            || senderHome?.policy.values.messaging.isEnabled == false, isStopped(message)
        {
            return
        }
        if message.traits.contains(.form), senderHome === home, answersRequest(message, home) { return }
        if let senderHome, message.traits.contains(.body), message.type == .chat || message.type == .normal {
            senderHome.forking.answered(home.id, from: message.sender.resource, uptime: time.uptime)
        }
        let isUnwanted = isBlocked(message, by: home)
        if !isUnwanted { noteArchives(&message, home) }
        // To oneself: every client gets the message itself.
        if senderHome !== home { copySent(message) }
        if isUnwanted {
            // XEP-0191 §3.1: as if the contact did not exist.
            guard message.type != .error else { return message.acknowledge() }
            return bounce(message, .serviceUnavailable, because: blockReason(message, by: home))
        }
        let isTaken = dispatch(message, home)
        if isTaken, !home.pushes.isEmpty { notifyAbsent(message, home) }
    }

    /// Which of the recipient's lists stops the message, in words for the trail.
    private func blockReason(_ message: IncomingMessage, by home: UserHome) -> String {
        guard let sender = sender(of: message) else { return "" }
        let addressed = message.fullAddress.flatMap { home.endpoint(address: $0) }
        return "at \(home.jid): " + home.privacyVerdict(on: sender, .message, at: addressed).reason.text
    }

    private func isBlocked(_ message: IncomingMessage, by home: UserHome) -> Bool {
        guard home.hasRules, let sender = self.sender(of: message) else { return false }
        let addressed = message.fullAddress.flatMap { home.endpoint(address: $0) }
        guard addressed == nil, home.privacy?.active.isEmpty == false, !home.endpoints.isEmpty else {
            return home.blocks(sender, .message, at: addressed)
        }
        // Sessions with lists of their own: unwanted when none of them takes it.
        return home.endpoints.allSatisfy { home.blocks(sender, .message, at: $0) }
    }

    private func sender(of message: IncomingMessage) -> JID? {
        message.from ?? (try? JID(parsing: String(decoding: message.sender.address, as: UTF8.self)))
    }

    /// The clients whose own lists take the message; all of them where no session has one.
    private func willing(_ endpoints: [any Endpoint], _ message: IncomingMessage, _ home: UserHome) -> [any Endpoint] {
        guard home.privacy?.active.isEmpty == false, let sender = sender(of: message) else { return endpoints }
        return endpoints.filter { !home.blocks(sender, .message, at: $0) }
    }

    /// - Returns: false for a message to somebody offline that nobody keeps by policy.
    @discardableResult
    private func dispatch(_ message: IncomingMessage, _ home: UserHome) -> Bool {
        let addressed = message.fullAddress.flatMap { home.endpoint(address: $0) }
        let verdict = MessagePolicy.verdict(
            type: message.type, traits: message.traits, hasResource: message.fullAddress != nil,
            resourceMatches: addressed != nil, isReachable: home.isReachable)
        if let replay = home.replay, replay.holds(verdict, addressed) {
            hold(message, home, replay)
            return true
        }
        switch verdict {
        case .toResource: deliver(message, to: addressed.map { [$0] } ?? [], home)
        case .fork:
            let clients = fork(message, home)
            // Whoever is there does not take it, somebody else might.
            if clients.isEmpty, MessagePolicy.isStorable(type: message.type, traits: message.traits) {
                return store(message, home)
            }
            deliver(message, to: clients, home)
        case .toAll:
            let reachable = home.endpoints.filter { $0.isReachable }
            deliver(message, to: willing(reachable, message, home), home)
        case .store: return store(message, home)
        case .refuse: message.type == .error ? message.acknowledge() : bounce(message, .serviceUnavailable)
        case .ignore: message.acknowledge()
        }
        return true
    }

    /// The clients that get the primary copy: the one the conversation is locked to, or all.
    private func fork(_ message: IncomingMessage, _ home: UserHome) -> [any Endpoint] {
        let locked: String?
        if let senderHome = message.senderHome, home.policy.values.messaging.locksForks {
            locked =
                message.traits.contains(.body)
                ? home.forking.received(from: senderHome.id, uptime: time.uptime)
                : home.forking.lock(with: senderHome.id, uptime: time.uptime)
        } else {
            locked = nil
        }
        if home.endpoints.count == 1 { return home.endpoints }
        let reachable = willing(
            home.endpoints.filter { $0.isReachable }, message, home)
        if let locked, let endpoint = reachable.first(where: { $0.resource == locked }) {
            if MessagePolicy.isStorable(type: message.type, traits: message.traits) {
                journal.trail.note(message.id, .locked, endpoint.address)
            }
            return [endpoint]
        }
        return reachable
    }

    private func deliver(_ message: IncomingMessage, to endpoints: [any Endpoint], _ home: UserHome) {
        if MessagePolicy.isStorable(type: message.type, traits: message.traits) {
            guard !journal.isFull else { return bounce(message, .journalFull) }
            hand(accept(message, home), to: endpoints, as: message.bytes)
        } else {
            for endpoint in endpoints { endpoint.deliver(message.bytes) }
            message.acknowledge()
        }
        if home.endpoints.count > endpoints.count { copyReceived(message, home, besides: endpoints) }
    }

    private func hand(_ entry: JournalEntry, to endpoints: [any Endpoint], as bytes: [UInt8]) {
        entry.holders = endpoints.count
        counters.deliveries += endpoints.count
        for endpoint in endpoints {
            journal.trail.note(entry.id, .handed, endpoint.address)
            endpoint.deliver(entry, as: bytes)
        }
    }

    private func accept(_ message: IncomingMessage, _ home: UserHome) -> JournalEntry {
        if message.traits.contains(.retraction) { retract(message) }
        journal.trail.note(
            message.id, .accepted, message.sender.address, for: home.address, way: message.way,
            nameHash: message.nameHash)
        return journal.accept(
            id: message.id, userID: home.id, bytes: message.bytes, record: message.record,
            origin: message.ledgerNumber == nil ? nil : message.sender, number: message.ledgerNumber ?? 0)
    }

    /// - Returns: false where policy keeps nothing for who is offline.
    private func store(_ message: IncomingMessage, _ home: UserHome) -> Bool {
        guard !home.policy.values.messaging.suppressesOffline else {
            bounce(message, .offlineSuppressed)
            return false
        }
        guard home.storedMessages < config.offlineMessages, !journal.isFull else {
            bounce(message, home.storedMessages < config.offlineMessages ? .journalFull : .storeFull)
            return true
        }
        counters.stored += 1
        let entry = accept(message, home)
        journal.store(entry)
        journal.trail.note(entry.id, .stored, home.address)
        home.storedMessages += 1
        return true
    }

    // MARK: Replay and dead sessions

    /// A live message that must come after the stored ones: accepted now, delivered when they are through.
    private func hold(_ message: IncomingMessage, _ home: UserHome, _ replay: OfflineReplay) {
        if MessagePolicy.isStorable(type: message.type, traits: message.traits) {
            guard home.storedMessages + replay.held.count < max(config.offlineMessages, 100) else {
                return bounce(message, .storeFull)
            }
            guard !journal.isFull else { return bounce(message, .journalFull) }
            replay.held.append(.init(message: message, entry: accept(message, home)))
            journal.trail.note(message.id, .held, replay.endpoint.address)
        } else {
            guard replay.held.count < max(config.offlineMessages, 100) else { return bounce(message, .storeFull) }
            message.acknowledge()
            replay.held.append(.init(message: message, entry: nil))
        }
    }

    /// Delivers what was held, in order, by the ordinary rules.
    func release(_ held: OfflineReplay.Held, _ home: UserHome) {
        guard let entry = held.entry else {
            var message = held.message
            message.ledgerNumber = nil
            dispatch(message, home)
            return
        }
        let addressed = held.message.fullAddress.flatMap { home.endpoint(address: $0) }
        let endpoints = addressed.map { [$0] } ?? (home.isReachable ? fork(held.message, home) : [])
        guard !endpoints.isEmpty else { return park(entry, home) }
        hand(entry, to: endpoints, as: entry.bytes)
        if home.endpoints.count > endpoints.count { copyReceived(held.message, home, besides: endpoints) }
    }

    /// Takes back what a client had not acknowledged.
    func giveBack(_ entries: [JournalEntry], from endpoint: any Endpoint, _ home: UserHome) {
        for entry in entries {
            entry.holders -= 1
            guard !entry.isSettled, entry.holders <= 0 else { continue }
            guard !home.isRemoved else {
                journal.settle(entry)
                continue
            }
            let others = home.endpoints.filter { $0.isReachable && $0 !== endpoint }
            if others.isEmpty || home.replay != nil {
                park(entry, home)
            } else {
                hand(entry, to: others, as: delayed(entry, home))
            }
        }
        // Parked while a replay was running: it must look again.
        if home.replay != nil, !entries.isEmpty { home.replay?.mustLookAgain = true }
    }

    /// What only a vanished client holds goes to the live ones too, before anything newer does.
    func shareInFlight(of endpoint: any Endpoint, _ home: UserHome) {
        let others = home.endpoints.filter {
            $0.isReachable && $0 !== endpoint && !$0.isHibernating
        }
        guard !others.isEmpty else { return }
        for entry in endpoint.inFlight where !entry.isSettled && entry.holders == 1 {
            entry.holders += others.count
            let bytes = delayed(entry, home)
            for other in others {
                journal.trail.note(
                    entry.id, .handed, other.address, "what another client has not acknowledged", at: time.now)
                other.deliver(entry, as: bytes)
            }
        }
    }

    /// The entry becomes a stored message: a row that no client has in flight.
    func park(_ entry: JournalEntry, _ home: UserHome) {
        entry.holders = 0
        entry.isParked = true
        journal.trail.note(entry.id, .parked, home.address, at: time.now)
        journal.store(entry)
        home.storedMessages += 1
    }

    /// The stanza with a delay stamp (XEP-0203) of when it was accepted.
    func delayed(_ entry: JournalEntry, _ home: UserHome) -> [UInt8] {
        StanzaStamp.delayed(
            entry.bytes, from: home.jid.domain, stamp: Timestamp.format(entry.id.acceptedAt))
    }

    // MARK: Copies (XEP-0280)

    private func copySent(_ message: IncomingMessage) {
        // A SIP sender needs no contact in the home: then even one client is another one.
        guard let senderHome = message.senderHome, let first = senderHome.endpoints.first,
            senderHome.endpoints.count > 1 || first !== message.sender
        else { return }
        var bytes = message.bytes
        if config.archive.isEnabled {
            // The sender's clients learn where the message is in their own archive (XEP-0313 §3.5).
            bytes = StanzaStamp.withoutStanzaID(bytes)
            if message.record?.sender != nil {
                bytes = StanzaStamp.identified(bytes, journal.names.name(of: message.id), by: senderHome.address)
            }
        }
        copySent(bytes, message.type, message.traits, by: message.sender, of: senderHome)
    }

    /// §7: whatever becomes of the message.
    func copySent(
        _ bytes: [UInt8], _ type: MessageType, _ traits: MessageTraits, by sender: any StanzaSource, of home: UserHome
    ) {
        guard MessagePolicy.isCopied(type: type, traits: traits), home.policy.values.messaging.copiesToDevices else {
            return
        }
        for endpoint in home.endpoints where endpoint.wantsCarbons && endpoint.address != sender.address {
            endpoint.deliver(
                StanzaStamp.carbon("sent", of: bytes, type: type, from: home.address, to: endpoint.address))
        }
    }

    private func copyReceived(_ message: IncomingMessage, _ home: UserHome, besides primary: [any Endpoint]) {
        guard MessagePolicy.isCopied(type: message.type, traits: message.traits),
            home.policy.values.messaging.copiesToDevices
        else { return }
        for endpoint in home.endpoints
        where endpoint.wantsCarbons && !primary.contains(where: { $0 === endpoint })
            && endpoint.address != message.sender.address
            && (home.privacy == nil || !willing([endpoint], message, home).isEmpty)
        {
            endpoint.deliver(
                StanzaStamp.carbon(
                    "received", of: message.bytes, type: message.type, from: home.address, to: endpoint.address))
        }
    }

    // MARK: Errors

    /// Answers the sender with an error, which settles the message. Errors are never answered (RFC 6120 §8.3.1).
    ///
    /// - Parameter reason: what the sender is not told; for the trail.
    public func bounce(_ message: IncomingMessage, _ error: StanzaError, because reason: String = "") {
        counters.bounced += 1
        noteRefusal(message, error, reason)
        if message.type != .error {
            let reply = StanzaStamp.errorReply(to: message.bytes, error: error)
            // Nothing is no stanza: the client could not count it.
            if !reply.isEmpty { message.sender.deliver(reply) }
        }
        message.acknowledge()
    }

    private func bounceUnknown(_ message: IncomingMessage) {
        switch message.type {
        case .error, .headline: message.acknowledge()
        case .normal, .chat, .groupchat: bounce(message, .serviceUnavailable, because: "there is no such account")
        }
    }

    private func noteRefusal(_ message: IncomingMessage, _ error: StanzaError, _ reason: String) {
        // Room messages that an occupant cannot be given and the like are no messages between people.
        guard MessagePolicy.isStorable(type: message.type, traits: message.traits) else { return }
        let note = ["\(message.way)", error.condition.rawValue, error.text ?? "", reason].filter { !$0.isEmpty }
        journal.trail.note(
            message.id, .refused, message.sender.address, for: message.recipient, note.joined(separator: ": "),
            nameHash: message.nameHash)
    }
}

extension StanzaError {
    /// XEP-0191 §3.1.
    public static let blocked = StanzaError(
        .cancel, .notAcceptable, "you have blocked this contact",
        extra: "<blocked xmlns='urn:xmpp:blocking:errors'/>")
    static let storeFull = StanzaError(
        .wait, .resourceConstraint, "the contact's store of offline messages is full")
    static let journalFull = StanzaError(.wait, .resourceConstraint, "the server cannot store messages fast enough")
}
