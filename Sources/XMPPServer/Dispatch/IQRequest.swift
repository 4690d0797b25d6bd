import IMCore
import XMLWire
import XMPPWire

/// A request that the server answers itself. Exactly one of `reply` and `refuse` is called, now or later.
final class IQRequest {
    let server: C2SServer
    /// The client that asks; nil when a service or a component does, which is possible in the scopes `.server` and
    /// `.contact`.
    let session: C2SSession?
    /// Full address of the asker.
    let asker: JID
    /// The asker's home; for an asker without account an empty one that nothing is stored for.
    let home: UserHome
    let isSet: Bool
    /// The one child of the request.
    let payload: XMLElement
    /// The address asked, bare; nil when there was no `to`.
    let target: JID?
    private let id: String
    private let to: String?
    private let ledgerNumber: UInt64?
    private let source: any StanzaSource

    init(
        session: C2SSession, home: UserHome, isSet: Bool, payload: XMLElement, target: JID?, id: String, to: String?,
        ledgerNumber: UInt64?
    ) {
        server = session.server
        source = session
        asker = JID(preparedLocal: home.jid.local, domain: home.jid.domain, resource: session.resource)
        self.session = session
        self.home = home
        self.isSet = isSet
        self.payload = payload
        self.target = target
        self.id = id
        self.to = to
        self.ledgerNumber = ledgerNumber
        session.requestOpened()
    }

    /// A request of a service to a hosted domain or to the bare address of an account.
    init(of stanza: RoutedStanza, payload: XMLElement, server: C2SServer) {
        self.server = server
        source = stanza.source
        session = nil
        asker = stanza.from
        home = UserHome(visitor: stanza.from)
        isSet = stanza.element["type"] == "set"
        self.payload = payload
        target = stanza.to
        id = stanza.element["id"] ?? ""
        to = stanza.to.description
        ledgerNumber = nil
    }

    /// A result with serialised content, in the stream's namespace unless it says otherwise.
    func reply(_ content: String = "") { answer("result", content) }

    func reply(_ element: XMLElement) {
        var bytes: [UInt8] = []
        element.write(into: &bytes, inheritedNamespace: XMPPNamespace.client)
        reply(String(decoding: bytes, as: UTF8.self))
    }

    /// Errors of pubsub come with the request (RFC 6120 §8.3.1): some clients go on only if they see which node it was.
    func refuse(_ error: StanzaError) {
        guard payload.namespace.hasPrefix("http://jabber.org/protocol/pubsub") else {
            return answer("error", error.xml)
        }
        var bytes: [UInt8] = []
        payload.write(into: &bytes, inheritedNamespace: XMPPNamespace.client)
        answer("error", (bytes.count <= 2_048 ? String(decoding: bytes, as: UTF8.self) : "") + error.xml)
    }

    /// Finishes a change: an empty result, or the error.
    func finish(_ error: StanzaError?) {
        if let error { refuse(error) } else { reply() }
    }

    private func answer(_ type: String, _ content: String) {
        let from = to.map { " from='\(XMLText.escape($0))'" } ?? ""
        let receiver = XMLText.escape(asker.description)
        let head = "<iq type='\(type)' id='\(XMLText.escape(id))'\(from) to='\(receiver)'"
        source.deliver(Array((content.isEmpty ? head + "/>" : head + ">" + content + "</iq>").utf8))
        if let ledgerNumber { source.stanzaIsSafe(ledgerNumber) }
        session?.requestAnswered()
    }
}
