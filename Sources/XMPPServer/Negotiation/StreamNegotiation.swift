import Ground
import NIOCore
import XMLWire
import XMPPWire

/// Stream headers and features (RFC 6120 §4).
extension C2SSession {
    /// The client's header is in.
    func streamOpened() {
        guard let header = scanner.header else { return }
        let restarted = account != nil
        if domain.isEmpty, let to = header.to, let name = try? JIDPreparation.domainpart(to) { domain = name }
        sendHeader()
        if let refusal { return end(refusal) }
        guard header.streamNamespace == XMPPNamespace.stream, header.name == "stream" else {
            return end(
                header.streamNamespace == XMPPNamespace.stream
                    ? StreamError(.badFormat, "the root element must be 'stream'")
                    : StreamError(.invalidNamespace, "the stream namespace must be \(XMPPNamespace.stream)"))
        }
        guard header.defaultNamespace == XMPPNamespace.client else {
            return end(StreamError(.invalidNamespace, "the default namespace must be \(XMPPNamespace.client)"))
        }
        guard let version = header.version, Self.isSupported(version) else {
            return end(StreamError(.unsupportedVersion, "version 1.0 is required"))
        }
        guard let to = header.to else {
            return end(StreamError(.improperAddressing, "the stream header has no 'to'"))
        }
        guard let name = try? JIDPreparation.domainpart(to), server.router.serves(name) else {
            return end(StreamError(.hostUnknown))
        }
        guard !restarted || name == account?.domain else {
            return end(StreamError(.hostUnknown, "the domain changed after authentication"))
        }
        domain = name
        if let from = header.from, let account, (try? JID(parsing: from))?.bare != account {
            return end(StreamError(.invalidFrom))
        }
        guard isSecure || !server.config.requiresTLS || link?.negotiatesTLS ?? false else {
            return end(StreamError(.policyViolation, "TLS is required"))
        }
        language = header.lang.flatMap { $0.utf8.count <= 35 ? $0 : nil }
        findIdentities { [self] in
            phase = restarted ? .authenticated : .negotiating
            append(Array("<stream:features>\(features)</stream:features>".utf8))
        }
    }

    /// Any 1.x is spoken as 1.0 (RFC 6120 §4.7.5).
    private static func isSupported(_ version: String) -> Bool {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && Int(parts[0]) ?? 0 == 1 && Int(parts[1]) != nil
    }

    private func sendHeader() {
        let from = server.router.serves(domain) ? domain : (server.router.domainNames.first ?? "")
        // §4.7.2: whom the client says it is, until it has proven it.
        let client = account ?? scanner.header?.from.flatMap { try? JID(parsing: $0) }?.bare
        let to = client.map { " to='\(XMLText.escape($0.description))'" } ?? ""
        append(
            Array(
                ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='\(XMPPNamespace.stream)'"
                    + " id='\(RandomToken.make())' from='\(XMLText.escape(from))'\(to) version='1.0' xml:lang='en'>")
                    .utf8))
        hasSentHeader = true
    }

    /// A stream error needs a stream to stand in (RFC 6120 §4.9.1.2).
    func openStreamIfNeeded() {
        if !hasSentHeader { sendHeader() }
    }

    var features: String {
        if account == nil {
            var xml = ""
            if !isSecure, link?.negotiatesTLS ?? false {
                xml +=
                    "<starttls xmlns='\(XMPPNamespace.tls)'>\(server.config.requiresTLS ? "<required/>" : "")</starttls>"
                if server.config.requiresTLS { return xml }
            }
            return xml + authenticationFeatures
        }
        return server.registry.streamFeatures(policy)
    }

    // MARK: Elements before binding

    /// An element of negotiation: STARTTLS, SASL, binding or resumption.
    ///
    /// - Parameter rest: bytes that arrived behind it.
    func negotiate(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, rest: Int) {
        guard let header = scanner.header else { return }
        let prefixes = [(prefix: header.prefix, uri: header.streamNamespace)] + header.extraPrefixes
        guard
            let element = try? XMLElement(
                parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: prefixes)
        else { return end(StreamError(.notWellFormed)) }
        let sasl = negotiation?.profile.namespace ?? ""
        switch (phase, element.namespace, element.name) {
        case (.negotiating, XMPPNamespace.tls, "starttls"):
            startTLS(rest: rest)
        case (.negotiating, XMPPNamespace.sasl, "auth"):
            if server.config.requiresTLS, !isSecure { return saslFailed(.encryptionRequired) }
            authenticate(element)
        case (.negotiating, XMPPNamespace.sasl2, "authenticate"):
            extensibleAuthenticate(element)
        case (.authenticating, sasl, "response"):
            saslResponse(element)
        case (.authenticating, sasl, "abort"), (.negotiating, XMPPNamespace.sasl, "abort"):
            // Also behind a failure, where some clients still say it.
            negotiation?.exchange = nil
            saslFailed(.aborted)
        case (.authenticated, XMPPNamespace.client, "iq"):
            bindRequest(element)
        case (.authenticated, XMPPFeature.clientStateNamespace, "active"): becomeActive()
        case (.authenticated, XMPPFeature.clientStateNamespace, "inactive"): becomeInactive()
        case (.authenticated, XMPPNamespace.streamManagement, "resume"):
            resumeRequest(element)
        case (_, XMPPNamespace.streamManagement, "enable"), (_, XMPPNamespace.streamManagement, "r"),
            (_, XMPPNamespace.streamManagement, "resume"):
            // Resuming comes after authentication, enabling after binding (XEP-0198 §3, §5).
            append(Array(StreamManagementState.failed("unexpected-request").utf8))
        case (.negotiating, XMPPNamespace.client, "iq") where registrationRequest(element): break
        case (.negotiating, XMPPNamespace.client, "iq") where refusesEarly(element): break
        case (_, XMPPNamespace.client, "iq"), (_, XMPPNamespace.client, "message"),
            (_, XMPPNamespace.client, "presence"):
            end(StreamError(.notAuthorized))
        default:
            end(StreamError(.unsupportedStanzaType, "\(element.name) is not understood here"))
        }
    }

    /// A request before binding ends the stream unless it is for the server or for the client's own account
    /// (RFC 6120 §7.1): that is answered with an error.
    ///
    /// - Returns: false when the stream has to end.
    func refusesEarly(_ iq: XMLElement) -> Bool {
        guard ["get", "set"].contains(iq["type"]) else { return false }
        var from = ""
        if let text = iq["to"] {
            guard let to = try? JID(parsing: text), to.isBare, to == account || to.local == nil && to.domain == domain
            else { return false }
            from = " from='\(XMLText.escape(text))'"
        }
        let id = iq["id"].map { " id='\(XMLText.escape($0))'" } ?? ""
        let error = StanzaError(.auth, .notAuthorized, account == nil ? "log in first" : "bind a resource first")
        append(Array("<iq type='error'\(id)\(from)>\(error.xml)</iq>".utf8))
        return true
    }

    /// RFC 6120 §5.4.
    private func startTLS(rest: Int) {
        guard !isSecure, let link, link.negotiatesTLS else {
            append(Array("<failure xmlns='\(XMPPNamespace.tls)'/>".utf8))
            return endedByClient()
        }
        // What stands behind <starttls/> was sent in the clear and could have been put there by anybody.
        guard rest == 0 else { return end(StreamError(.policyViolation, "data after starttls")) }
        append(Array("<proceed xmlns='\(XMPPNamespace.tls)'/>".utf8))
        flush()
        isSecure = true
        phase = .header
        hasSentHeader = false
        domain = ""
        scanner.restart()
        link.startTLS()
    }
}

/// Names used in more than one place.
enum XMPPNamespace {
    static let stream = "http://etherx.jabber.org/streams"
    static let client = "jabber:client"
    static let tls = "urn:ietf:params:xml:ns:xmpp-tls"
    static let sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
    static let sasl2 = "urn:xmpp:sasl:2"
    static let channelBinding = "urn:xmpp:sasl-cb:0"
    static let bind2 = "urn:xmpp:bind:0"
    static let fast = "urn:xmpp:fast:0"
    static let bind = "urn:ietf:params:xml:ns:xmpp-bind"
    static let session = "urn:ietf:params:xml:ns:xmpp-session"
    static let streamManagement = "urn:xmpp:sm:3"
}

/// Unguessable identifiers.
enum RandomToken {
    /// 128 random bits in hexadecimal.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let words = (generator.next() as UInt64, generator.next() as UInt64)
        let high = String(words.0, radix: 16)
        let low = String(words.1, radix: 16)
        return String(repeating: "0", count: 16 - high.count) + high + String(repeating: "0", count: 16 - low.count)
            + low
    }

    static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
