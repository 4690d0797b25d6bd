import IMCore
import XMLWire
import XMPPWire

/// The banner of the deployment (`authentication.banner`). XMPP has no place for it before the login, so clients that are
/// to see it get it as a message from their domain, once for each login, when they first say that they are available.
extension C2SSession {
    func showBanner() {
        guard !hasSeenBanner else { return }
        hasSeenBanner = true
        let text = server.config.banner
        guard !text.isEmpty, let home else { return }
        let message = XMLElement(
            "message", namespace: XMPPNamespace.client,
            attributes: [
                "type": "headline", "from": home.jid.domain, "to": String(decoding: address, as: UTF8.self),
            ],
            children: [
                .element(
                    XMLElement("body", namespace: XMPPNamespace.client, children: [.text(text)]))
            ])
        deliver(message.stanzaBytes)
    }
}
