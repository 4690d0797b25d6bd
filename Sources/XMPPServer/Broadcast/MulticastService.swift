import IMCore
import XMLWire
import XMPPWire

/// Sending to many as a service of its own (XEP-0033 §2.2), as `multicast.` of a hosted domain. The hosted domain itself
/// does the same.
final class MulticastService: DomainService {
    let domain: String
    let title = "Messages to many"
    private unowned let server: C2SServer

    init(domain: String, server: C2SServer) {
        self.domain = domain
        self.server = server
    }

    func receive(_ stanza: RoutedStanza) {
        guard stanza.kind == .iq else { return server.broadcast.receive(stanza) }
        let config = server.broadcast.config
        // Limits are not standardised: names of our own (XEP-0068 §3.4).
        let limits = DataForm(
            .result, type: ExtendedAddresses.namespace,
            fields: [
                FormField("{urn:roost:broadcast:0}max-addresses", value: String(config.addresses)),
                FormField("{urn:roost:broadcast:0}max-recipients", value: String(config.recipients)),
                FormField("{urn:roost:broadcast:0}recipients-per-minute", value: String(config.recipientsPerMinute)),
            ])
        let answers = ServiceAnswers(
            identity: .init(category: "service", type: "multicast", name: title),
            features: [ExtendedAddresses.namespace, ExtendedAddresses.groupNamespace], forms: [limits])
        guard answers.request(in: stanza) != nil else { return }
        stanza.refuse(.serviceUnavailable)
        stanza.settle()
    }
}

extension XMPPFeature {
    static var broadcast: XMPPFeature {
        XMPPFeature(
            "broadcast", [Standard("XEP-0033", "Extended Stanza Addressing", "1.2.1")],
            serverFeatures: [ExtendedAddresses.namespace])
    }
}
