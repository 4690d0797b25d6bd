import Ground
import Storage
import XMLWire
import XMPPWire

/// Which nodes a client wants to hear of: the features `…+notify` of its capabilities (XEP-0060 §9.2).
public final class PubSubInterests: Sendable {
    public let nodes: Set<String>

    public init(nodes: Set<String>) { self.nodes = nodes }
}

/// What messages of services carry.
public enum PubSubDelivery {
    static func stamp(_ milliseconds: Int64) -> String { Timestamp.format(milliseconds) }

    /// When an item that is sent later was published (XEP-0060 §7.1.2.1, XEP-0203).
    static func delay(_ milliseconds: Int64) -> String {
        "<delay xmlns='urn:xmpp:delay' stamp='\(stamp(milliseconds))'/>"
    }
}

/// A message to many: everything but `to`.
private struct PubSubMessage {
    let head: [UInt8]
    let tail: [UInt8]

    init(from: JID, type: MessageType, id: String, content: String) {
        head = Array("<message from='\(XMLText.escape(from.description))'\(type.attribute) id='\(id)' to='".utf8)
        tail = Array("'>\(content)</message>".utf8)
    }

    func addressed(to address: [UInt8]) -> [UInt8] { head + XMLText.escaped(address) + tail }
}

extension Router {
    /// Runs a request to a pubsub service in the journal's next transaction. Events follow the commit, behind the
    /// answer.
    public func pubsub(
        _ service: PubSubAddress, _ requester: PubSubRequester,
        _ body: @escaping @Sendable (inout PubSubEngine) throws -> String,
        then: @escaping (Result<String, StanzaError>) -> Void
    ) {
        let (limits, now) = (config.pubsub, time.now)
        journal.perform(
            { transaction in
                var engine = PubSubEngine(
                    service: service, requester: requester, limits: limits, now: now, in: transaction)
                let answer = try body(&engine)
                return (answer, engine.events, engine.avatar)
            },
            then: { [self] (result: Result<(String, [PubSubEvent], AvatarChange?), any Error>) in
                switch result {
                case .success(let (answer, events, avatar)):
                    then(.success(answer))
                    told(events, avatar, of: service)
                case .failure(let error):
                    if !(error is StanzaError) { logger.error("pubsub failed", metadata: ["error": "\(error)"]) }
                    then(.failure(error as? StanzaError ?? StanzaError(.wait, .internalServerError)))
                }
            })
    }

    /// Takes an account's answer to a request for subscription to one of its own nodes, which it sends to itself
    /// (XEP-0060 §8.6.2); false for any other form.
    func answersRequest(_ message: IncomingMessage, _ home: UserHome) -> Bool {
        guard message.fullAddress == nil, message.type != .error, let element = XMLElement(stored: message.bytes),
            let form = DataForm(in: element), form.kind == .submit,
            form.formType == PubSubNamespace.subscribeAuthorization
        else { return false }
        pubsub(
            PubSubAddress(jid: home.jid, userID: home.id), PubSubRequester(home.jid, isAccountOwner: true),
            {
                try $0.answerRequest(form)
                return ""
            },
            then: { [self] result in
                switch result {
                case .success: message.acknowledge()
                case .failure(let error): bounce(message, error)
                }
            })
        return true
    }

    /// What a home is to somebody who asks its service.
    public func pubsubRequester(_ jid: JID, at home: UserHome) -> PubSubRequester {
        let item = home.roster[jid.bare]
        return PubSubRequester(
            jid, isAccountOwner: jid.bare == home.jid, hasPresence: sharesPresence(home, with: jid.bare),
            groups: item?.groups ?? [])
    }

    /// Sends what a committed change is to tell.
    public func told(_ events: [PubSubEvent], _ avatar: AvatarChange?, of service: PubSubAddress) {
        if service.isPersonal {
            guard !events.isEmpty || avatar != nil else { return }
            homes.withHome(service.jid) { [self] home in
                guard let home else { return }
                for event in events { tell(event, of: service.jid, home) }
                if let avatar { avatarChanged(avatar, home) }
            }
        } else {
            for event in events { tell(event, of: service.jid, nil) }
        }
    }

    private func tell(_ event: PubSubEvent, of service: JID, _ home: UserHome?) {
        let message = PubSubMessage(
            from: service, type: event.type, id: PubSubEngine.makeID(), content: event.content)
        switch event.receiver {
        case .address(let jid): post(message, event.type, to: jid, from: service, home)
        case .audience(let audience):
            var explicit: Set<JID> = []
            for subscriber in audience.subscribers {
                if let home, !mayHear(subscriber, audience, home) { continue }
                if audience.isAvailableOnly, !isThere(subscriber) { continue }
                explicit.insert(subscriber)
                post(message, event.type, to: subscriber, from: service, home)
            }
            if let home { announce(message, event.node, audience, except: explicit, home) }
        }
    }

    /// Whether an address of ours can be reached now.
    private func isThere(_ jid: JID) -> Bool {
        guard let home = homes.loaded(jid.bare) else { return false }
        return home.endpoints.contains {
            $0.availability != nil && (jid.isBare || $0.address.elementsEqual(jid.description.utf8))
        }
    }

    /// Whether a subscriber of an account's node still has access: rosters change without the node's knowing.
    private func mayHear(_ jid: JID, _ audience: PubSubEvent.Audience, _ home: UserHome) -> Bool {
        let bare = jid.bare
        if bare == home.jid { return true }
        let name = bare.description
        if audience.outcasts.contains(name) || home.blocks(jid, .all) { return false }
        if audience.affiliates.contains(name) { return true }
        switch audience.accessModel {
        case .open, .authorize: return true
        case .whitelist: return false
        case .presence: return home.roster[bare]?.subscription.from == true
        case .roster:
            guard let item = home.roster[bare], item.subscription.from else { return false }
            return item.groups.contains(where: audience.groups.contains)
        }
    }

    /// To the account's own clients and to contacts that see its presence, as far as they are interested
    /// (XEP-0163 §4.3).
    private func announce(
        _ message: PubSubMessage, _ node: String, _ audience: PubSubEvent.Audience, except explicit: Set<JID>,
        _ home: UserHome
    ) {
        deliver(message, node, to: home, except: explicit)
        guard audience.accessModel != .authorize || !audience.affiliates.isEmpty else { return }
        let isStatus = StatusNodes.contains(node)
        if isStatus, !home.isSharing { return }
        for item in home.roster.values where item.subscription.from {
            guard let contact = homes.loaded(item.address), !contact.endpoints.isEmpty, contact !== home,
                !home.blocks(item.contact, .all), !contact.blocks(home.jid, .message)
            else { continue }
            if isStatus, !contact.isSharing { continue }
            let isAffiliate = audience.affiliates.contains(item.contact.description)
            switch audience.accessModel {
            case .open, .presence: break
            case .roster:
                guard isAffiliate || item.groups.contains(where: audience.groups.contains) else { continue }
            case .whitelist, .authorize:
                guard isAffiliate else { continue }
            }
            if !audience.outcasts.isEmpty, audience.outcasts.contains(item.contact.description) { continue }
            deliver(message, node, to: contact, except: explicit)
        }
    }

    private func deliver(_ message: PubSubMessage, _ node: String, to home: UserHome, except explicit: Set<JID>) {
        if !explicit.isEmpty, explicit.contains(home.jid) { return }
        for endpoint in home.endpoints where endpoint.availability != nil {
            guard let interests = endpoint.interests, interests.nodes.contains(node) else { continue }
            if !explicit.isEmpty,
                explicit.contains(
                    JID(preparedLocal: home.jid.local, domain: home.jid.domain, resource: endpoint.resource))
            {
                continue
            }
            endpoint.deliver(message.addressed(to: endpoint.address))
        }
    }

    /// To one address: a client, all clients of an account, or another service.
    private func post(_ message: PubSubMessage, _ type: MessageType, to jid: JID, from service: JID, _ home: UserHome?)
    {
        let address = Array(jid.description.utf8)
        guard serves(jid.domain), jid.local != nil else { return }
        if !jid.isBare, homes.loaded(jid)?.endpoint(address: address) == nil, type == .headline {
            // A client that is gone does not come back under the same address and expect this.
            let at = service.description
            return journal.perform({ try PubSubStore.removeSubscriptions(ofClient: jid, at: at, in: $0) })
        }
        route(
            IncomingMessage(
                id: journal.nextID(), type: type, traits: [.substance, .noCopy], bytes: message.addressed(to: address),
                fullAddress: jid.isBare ? nil : address, ledgerNumber: nil, sender: PubSubSource(service),
                senderHome: nil, from: service),
            to: jid.bare)
    }
}

/// A service as the sender of its notifications: nothing that bounces is of interest.
private final class PubSubSource: StanzaSource {
    let address: [UInt8]
    let resource = ""

    init(_ service: JID) { address = Array(service.description.utf8) }

    func deliver(_ bytes: [UInt8]) {}
    func stanzaIsSafe(_ number: UInt64) {}
}
