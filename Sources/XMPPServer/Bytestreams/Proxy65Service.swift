import Crypto
import IMCore
import NIOCore
import XMLWire
import XMPPWire

/// SOCKS5 bytestreams proxy (XEP-0065 §6), as `proxy.` of a hosted domain: for users of the server, to whomever.
final class Proxy65Service: DomainService {
    static let namespace = "http://jabber.org/protocol/bytestreams"

    let domain: String
    let title = "File transfer proxy"
    private let host: String
    private let port: Int
    private let relay: NIOLoopBound<BytestreamRelay>
    private let router: Router
    private let loop: NIOIsolatedEventLoop
    private let answers = ServiceAnswers(
        identity: .init(category: "proxy", type: "bytestreams", name: "SOCKS5 Bytestreams Service"),
        features: [Proxy65Service.namespace])

    init(
        domain: String, host: String, config: Proxy65Config, relay: NIOLoopBound<BytestreamRelay>, router: Router,
        loop: NIOIsolatedEventLoop
    ) {
        self.domain = domain
        self.host = config.host.isEmpty ? host : config.host
        port = config.port
        self.relay = relay
        self.router = router
        self.loop = loop
    }

    func receive(_ stanza: RoutedStanza) {
        guard let (payload, isSet) = answers.request(in: stanza) else { return }
        guard payload.name == "query", payload.namespace == Self.namespace else {
            return refuse(stanza, .serviceUnavailable)
        }
        guard router.homes.loaded(stanza.from) != nil else {
            return refuse(stanza, StanzaError(.auth, .forbidden, "the proxy is for users of this server"))
        }
        guard isSet else {
            let streamhost = XMLElement(
                "streamhost", namespace: Self.namespace,
                attributes: ["jid": domain, "host": host, "port": String(port)])
            stanza.reply([XMLElement("query", namespace: Self.namespace, children: [.element(streamhost)])])
            return stanza.settle()
        }
        guard let sid = payload["sid"], !sid.isEmpty,
            let target = payload.child("activate", namespace: Self.namespace)?.text, !target.isEmpty
        else { return refuse(stanza, .badRequest("an activation names a sid and a target")) }
        guard let jid = try? JID(parsing: target) else { return refuse(stanza, .jidMalformed()) }
        activate(Self.hash(sid, stanza.from, jid), stanza)
    }

    /// XEP-0065 §6.3: SHA-1 of stream, initiator and target.
    static func hash(_ sid: String, _ initiator: JID, _ target: JID) -> String {
        let text = sid + initiator.description + target.description
        return Insecure.SHA1.hash(data: Array(text.utf8)).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }.joined()
    }

    private func activate(_ hash: String, _ stanza: RoutedStanza) {
        let owner = stanza.from.bare.description
        let relay = relay
        let finish = NIOLoopBound(
            { [self] (outcome: BytestreamRelay.Activation) in
                switch outcome {
                case .active:
                    stanza.reply()
                    stanza.settle()
                // §6.6.
                case .unknown: refuse(stanza, .itemNotFound)
                case .alone: refuse(stanza, .notAllowed)
                case .full: refuse(stanza, StanzaError(.wait, .resourceConstraint, "too many streams at once"))
                }
            } as (BytestreamRelay.Activation) -> Void, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        relay.eventLoop.execute {
            let outcome = relay.value.activate(hash, owner: owner)
            eventLoop.execute { finish.value(outcome) }
        }
    }
}

extension XMPPFeature {
    static var bytestreams: XMPPFeature {
        XMPPFeature(
            "bytestreams",
            [
                Standard(
                    "XEP-0065", "SOCKS5 Bytestreams", "1.8.2",
                    .partial("the proxy speaks TCP, not the optional UDP"))
            ])
    }
}
