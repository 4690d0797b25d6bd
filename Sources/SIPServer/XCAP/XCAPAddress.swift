import Interworking
import SIPWire
import XMPPWire

/// Addresses in documents of SIP clients and the JIDs that they mean.
enum XCAPAddress {
    /// Nil for what is no address of XMPP: a telephone number, a URI of another kind.
    static func jid(_ text: String) -> JID? {
        guard let uri = SIPURI(text) else { return nil }
        if let jid = AddressMapping.jid(of: uri) { return jid }
        // Services and gateways have no user part.
        guard uri.scheme == .sip || uri.scheme == .sips, uri.user == nil else { return nil }
        return domain(uri.host.string)
    }

    /// Nil for what is no domain.
    static func domain(_ text: String) -> JID? { try? JID(local: nil, domain: text, resource: nil) }

    static func uri(_ jid: JID) -> String { String(decoding: AddressMapping.uri(of: jid), as: UTF8.self) }
}
