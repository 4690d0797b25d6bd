import XMPPWire

/// What a stream is offered before its login (RFC 6120 §6.3.3, XEP-0388 §2.1, XEP-0440).
extension C2SSession {
    /// Strongest first. PLAIN only where nobody can listen.
    var mechanisms: [String] {
        let hashes: [ScramHash] = server.config.offersSHA256 ? [.sha256, .sha1] : [.sha1]
        let plus = channelBindings.isEmpty ? [] : hashes.map(\.plusMechanismName)
        // Only where it would work (XEP-0178 §2 step 9).
        let external = negotiation?.identities.isEmpty ?? true ? [] : ["EXTERNAL"]
        return external + plus + hashes.map(\.mechanismName) + (isSecure ? ["PLAIN"] : [])
    }

    /// What SCRAM-…-PLUS may bind to on this connection. Keying material cannot be had from the TLS library, so that
    /// tls-unique and tls-exporter are not among them (decision 0006).
    var channelBindings: [ChannelBinding] {
        guard server.config.offersChannelBinding, let bytes = link?.serverEndPoint else { return [] }
        return [ChannelBinding(type: ChannelBinding.serverEndPoint, bytes: bytes)]
    }

    /// Token mechanisms (XEP-0484): never where somebody can listen.
    var tokenMechanisms: [HashedTokenMechanism] {
        guard isSecure, server.config.tokenSeconds > 0 else { return [] }
        return HashedTokenMechanism.allCases.filter { $0 == .none || !channelBindings.isEmpty }
    }

    var authenticationFeatures: String {
        let names = mechanisms.map { "<mechanism>\($0)</mechanism>" }.joined()
        var xml = "<mechanisms xmlns='\(XMPPNamespace.sasl)'>\(names)</mechanisms>"
        xml += "<authentication xmlns='\(XMPPNamespace.sasl2)'>\(names)<inline>\(server.registry.inlineFeatures)"
        let tokens = tokenMechanisms
        if !tokens.isEmpty {
            xml += "<fast xmlns='\(XMPPNamespace.fast)'>"
            xml += tokens.map { "<mechanism>\($0.rawValue)</mechanism>" }.joined() + "</fast>"
        }
        xml += "</inline></authentication>"
        let bindings = channelBindings
        if !bindings.isEmpty {
            xml += "<sasl-channel-binding xmlns='\(XMPPNamespace.channelBinding)'>"
            xml += bindings.map { "<channel-binding type='\($0.type)'/>" }.joined() + "</sasl-channel-binding>"
        }
        if offersRegistration { xml += "<register xmlns='http://jabber.org/features/iq-register'/>" }
        return xml
    }
}
