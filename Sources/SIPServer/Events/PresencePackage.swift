import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMLWire
import XMPPWire

/// `presence` (RFC 3856): who may see whom is the roster's and the lists' word, the same as for XMPP (RFC 8048 §5.2).
final class PresencePackage: EventPackage {
    let name = "presence"
    let mediaType = PIDF.mediaType
    let numbersDocuments = false
    private unowned let server: SIPServer
    let partial = PartialPresence()

    init(server: SIPServer) { self.server = server }

    private var router: Router { server.router }

    func admit(_ watcher: EventWatcher, to target: JID, mayAsk: Bool, then: @escaping (Admission) -> Void) {
        router.homes.withHome(target) { [self] home in
            guard let home else { return then(.refused(.notFound)) }
            guard watcher.isLocal else { return then(outside(watcher.jid, home, mayAsk)) }
            if watcher.jid == target { return then(.active) }
            router.homes.withHome(watcher.jid) { [self] viewer in
                guard let viewer else { return then(.refused(.forbidden)) }
                then(inside(viewer, home, mayAsk))
            }
        }
    }

    private func inside(_ viewer: UserHome, _ home: UserHome, _ mayAsk: Bool) -> Admission {
        if let decided = Self.admission(router.watcherRight(of: home, for: viewer.jid, viewer)) { return decided }
        guard mayAsk else { return .refused(.forbidden) }
        let stanza = PresenceStanza(type: "subscribe", from: viewer.address).addressed(to: home.address)
        var failure: StanzaError?
        // Both homes are here, so an obstacle is told at once; the stores follow.
        router.sendSubscription(.subscribe, to: home.jid, from: viewer, stanza: stanza) { failure = failure ?? $0 }
        if let failure {
            return .refused(failure.condition == .resourceConstraint ? .busyHere : .forbidden)
        }
        return Self.admission(router.watcherRight(of: home, for: viewer.jid, viewer)) ?? .pending
    }

    private func outside(_ viewer: JID, _ home: UserHome, _ mayAsk: Bool) -> Admission {
        if let decided = Self.admission(router.watcherRight(of: home, for: viewer, nil)) { return decided }
        guard mayAsk else { return .refused(.forbidden) }
        guard router.requestDecision(from: viewer, at: home).verdict != .refuse else { return .refused(.busyHere) }
        router.requestPresence(of: home, from: viewer)
        return Self.admission(router.watcherRight(of: home, for: viewer, nil)) ?? .pending
    }

    private static func admission(_ right: WatcherRight) -> Admission? {
        switch right {
        case .sees: .active
        case .hidden: .hidden
        case .waits: .pending
        case .none: nil
        }
    }

    // MARK: Documents

    func prepare(_ resource: EventResource, then: @escaping () -> Void) {
        router.homes.withHome(resource.target) { [self] home in
            if let home {
                home.isWatchedOutside = true
                resource.setFull(mediaType, document(of: home))
            } else {
                resource.setFull(mediaType, PIDF.closed("pres:\(resource.target)"))
            }
            then()
        }
    }

    func body(for subscription: Subscription) -> EventBody {
        body(subscription.resource, isHidden: subscription.isHidden)
    }

    func body(_ resource: EventResource, isHidden: Bool) -> EventBody {
        if !isHidden, let full = resource.full { return full }
        if let closed = resource.closed { return closed }
        let uri = String(decoding: AddressMapping.uri(of: resource.target, .pres), as: UTF8.self)
        let closed = EventBody(type: mediaType, content: PIDF.closed(uri))
        resource.closed = closed
        return closed
    }

    private func document(of home: UserHome) -> [UInt8] {
        var clients: [PresentityDocument.Client] = []
        for endpoint in home.endpoints where !router.isSynthetic(endpoint, of: home) {
            guard let availability = endpoint.availability else { continue }
            clients.append(Self.client(endpoint.resource, availability))
        }
        let published = home.publications.filter { $0.event == .presence }.map { publication in
            var isLine = false
            if case .line = publication.source { isLine = true }
            return PresentityDocument.Published(isLine: isLine, body: publication.document)
        }
        let uri = AddressMapping.uri(of: home.jid)
        return PresentityDocument(
            address: String(decoding: uri.dropFirst(4), as: UTF8.self), clients: clients, published: published,
            composed: router.composedPresence(of: home), isOverruled: isOverruled(home)
        ).bytes
    }

    /// A telephone beside a client's publication says what the client does not know.
    private func isOverruled(_ home: UserHome) -> Bool {
        guard router.isOverruled(home) else { return false }
        if home.manual != nil { return true }
        if !home.calls.isEmpty { return true }
        // A client that publishes its own call says it itself.
        return home.publications.count > 1 || home.sessionCount > 0
            || home.publications.contains { if case .line = $0.source { true } else { false } }
    }

    private static func client(_ resource: String, _ availability: Availability) -> PresentityDocument.Client {
        let stanza = availability.stanza.bytes.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        let status = stanza?.child("status", namespace: StanzaNamespace.client)
        var client = PresentityDocument.Client(
            resource: resource, show: availability.show == "available" ? "" : availability.show,
            status: status?.text ?? "", priority: availability.priority, since: availability.since)
        client.language = status?["xml:lang"] ?? stanza?["xml:lang"] ?? ""
        return client
    }
}
