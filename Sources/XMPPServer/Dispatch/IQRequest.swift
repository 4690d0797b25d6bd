import IMCore
import XMLWire
import XMPPWire

/// A request that the server answers itself. Exactly one of `reply` and `refuse` is called, now or later.
final class IQRequest {
    let session: C2SSession
    let home: UserHome
    let isSet: Bool
    /// The one child of the request.
    let payload: XMLElement
    /// The address asked, bare; nil when there was no `to`.
    let target: JID?
    private let id: String
    private let to: String?
    private let ledgerNumber: UInt64?

    init(
        session: C2SSession, home: UserHome, isSet: Bool, payload: XMLElement, target: JID?, id: String, to: String?,
        ledgerNumber: UInt64?
    ) {
        self.session = session
        self.home = home
        self.isSet = isSet
        self.payload = payload
        self.target = target
        self.id = id
        self.to = to
        self.ledgerNumber = ledgerNumber
    }

    var server: C2SServer { session.server }

    /// A result with serialised content, in the stream's namespace unless it says otherwise.
    func reply(_ content: String = "") { answer("result", content) }

    func reply(_ element: XMLElement) {
        var bytes: [UInt8] = []
        element.write(into: &bytes, inheritedNamespace: XMPPNamespace.client)
        reply(String(decoding: bytes, as: UTF8.self))
    }

    func refuse(_ error: StanzaError) { answer("error", error.xml) }

    /// Finishes a change: an empty result, or the error.
    func finish(_ error: StanzaError?) {
        if let error { refuse(error) } else { reply() }
    }

    private func answer(_ type: String, _ content: String) {
        let from = to.map { " from='\(XMLText.escape($0))'" } ?? ""
        let receiver = XMLText.escape(String(decoding: session.address, as: UTF8.self))
        let head = "<iq type='\(type)' id='\(XMLText.escape(id))'\(from) to='\(receiver)'"
        session.deliver(Array((content.isEmpty ? head + "/>" : head + ">" + content + "</iq>").utf8))
        if let ledgerNumber { session.stanzaIsSafe(ledgerNumber) }
    }
}
