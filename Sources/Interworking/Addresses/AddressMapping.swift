import SIPWire
import XMPPWire

/// SIP addresses as JIDs and the other way round (RFC 7247 §6.4 and §6.5, with the characters of its table 1).
///
///     sip:d'artagnan@example.org            ↔ d\27artagnan@example.org          XEP-0106, percent escapes
///     sip:anna@example.org;gr=desk          ↔ anna@example.org/desk             GRUU (RFC 5627) and resource
///     sip:anna@xn--bcher-kva.example        ↔ anna@bücher.example               A-labels and U-labels
///     im:anna@example.org, pres:…, xmpp:…   → anna@example.org                  RFC 3860, RFC 3859, RFC 5122
public enum AddressMapping {
    /// Schemes that name a person wherever the person is (RFC 3861).
    public enum Scheme: String, Sendable { case sip, sips, im, pres }

    // MARK: From SIP

    /// The JID of a SIP URI; nil for one without a user or host that could be a JID. Port, transport and the other
    /// parameters say how to get there, not who it is.
    ///
    /// - Parameter keepsResource: false gives the bare address whatever `gr` says.
    public static func jid(of uri: SIPURI, keepsResource: Bool = true) -> JID? {
        switch uri.scheme {
        case .sip, .sips: break
        case .other: return jid(ofOther: uri.text)
        case .tel: return nil
        }
        let resource = keepsResource ? uri.gruu.flatMap(Self.resource(ofGRUU:)) : nil
        if let address = plainAddress(of: uri) {
            guard let bare = try? JID(parsing: String(decoding: address, as: UTF8.self)) else { return nil }
            guard let resource else { return bare }
            return try? bare.withResource(resource)
        }
        guard let user = uri.decodedUser, let local = localpart(ofUser: user) else { return nil }
        return try? JID(local: local, domain: uri.host.string, resource: resource)
    }

    /// The prepared bare address as bytes: what homes are found by. No JID is made in the usual case.
    public static func bareAddress(of uri: SIPURI) -> [UInt8]? {
        if uri.scheme != .other, let address = plainAddress(of: uri) { return address }
        return jid(of: uri, keepsResource: false).map { Array($0.description.utf8) }
    }

    /// `user@host` where nothing has to be escaped or prepared.
    private static func plainAddress(of uri: SIPURI) -> [UInt8]? {
        guard let user = uri.user else { return nil }
        let host = uri.host
        let bytes = [UInt8](unsafeUninitializedCapacity: user.count + host.count + 1) { buffer, count in
            var place = 0
            for byte in user {
                buffer[place] = byte
                place += 1
            }
            buffer[place] = 0x40
            place += 1
            for byte in host {
                buffer[place] = byte
                place += 1
            }
            count = place
        }
        let isPlain = bytes.withUnsafeBytes { raw -> Bool in
            guard let span = JIDSpan(raw), span.isPrepared, span.localEnd == user.count else { return false }
            // An escape of either kind means another character.
            return !user.contains { $0 == 0x25 || $0 == 0x5C }
        }
        return isPlain ? bytes : nil
    }

    /// `im:`, `pres:` and `xmpp:` URIs.
    private static func jid(ofOther text: SIPBytes) -> JID? {
        guard let colon = text.firstIndex(of: 0x3A) else { return nil }
        let scheme = text.part(0, colon)
        var rest = text.part(colon + 1, text.count)
        if let query = rest.firstIndex(of: 0x3F) { rest = rest.part(0, query) }
        if scheme.matches("xmpp") {
            return try? JID(parsing: String(decoding: SIPURI.unescaped(rest), as: UTF8.self))
        }
        guard scheme.matches("im") || scheme.matches("pres") else { return nil }
        guard let at = rest.firstIndex(of: 0x40), at > 0,
            let local = localpart(ofUser: SIPURI.unescaped(rest.part(0, at)))
        else { return nil }
        return try? JID(local: local, domain: rest.part(at + 1, rest.count).string, resource: nil)
    }

    /// The resource that a `gr` parameter stands for; nil where there is none: the parameter without value marks a
    /// temporary GRUU (RFC 5627 §5.4).
    public static func resource(ofGRUU value: SIPBytes) -> String? {
        guard !value.isEmpty else { return nil }
        return String(validating: SIPURI.unescaped(value), as: UTF8.self)
    }

    /// A user part, escapes taken back, as localpart: what may not stand in one is escaped (XEP-0106 §4.2).
    ///
    /// - Returns: nil for what no localpart can be: not UTF-8, empty, a space at either end.
    public static func localpart(ofUser user: [UInt8]) -> String? {
        guard !user.isEmpty, user.first != 0x20, user.last != 0x20, String(validating: user, as: UTF8.self) != nil
        else { return nil }
        var written: [UInt8] = []
        written.reserveCapacity(user.count)
        for (index, byte) in user.enumerated() {
            if byte == 0x5C ? JIDEscaping.escape(in: user, at: index) != nil : JIDEscaping.mustEscape(byte) {
                written += [0x5C, hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
            } else {
                written.append(byte)
            }
        }
        return String(decoding: written, as: UTF8.self)
    }

    // MARK: To SIP

    /// The localpart as it means, XEP-0106 taken back (§4.3): bytes for a user part, not escaped for one.
    public static func user(ofLocalpart local: String) -> [UInt8] { JIDEscaping.plain(local) }

    /// The URI of a JID. A resource becomes the `gr` parameter of a `sip:` or `sips:` URI; `im:` and `pres:` have none.
    public static func uri(of jid: JID, _ scheme: Scheme = .sip) -> [UInt8] {
        var uri = Array(scheme.rawValue.utf8)
        uri.append(0x3A)
        if let local = jid.local {
            let user = SIPURI.escapedUser(user(ofLocalpart: local))
            uri += scheme == .sip || scheme == .sips ? user : escapedMailbox(user)
            uri.append(0x40)
        }
        uri += Array(JID.asciiDomain(jid.domain).utf8)
        if let resource = jid.resource, scheme == .sip || scheme == .sips {
            uri += Array(";gr=".utf8)
            uri += escapedParameter(resource.utf8)
        }
        return uri
    }

    /// `sip:` and a prepared bare address, without a detour where nothing has to be escaped.
    public static func uri(ofBareAddress address: UnsafeRawBufferPointer) -> [UInt8] {
        if let span = JIDSpan(address), span.isPrepared, span.resourceStart < 0, span.localEnd > 0,
            address[..<span.localEnd].allSatisfy(isPlainUser)
        {
            return Array("sip:".utf8) + Array(address)
        }
        guard let jid = try? JID(parsing: String(decoding: address, as: UTF8.self)) else { return [] }
        return uri(of: jid.bare)
    }

    /// What may stand in the user part of a `sip:` URI and not in the mailbox of an `im:` one (§6.5 step 5; a dot may stand
    /// in either, and means the same escaped or not).
    private static func escapedMailbox(_ user: [UInt8]) -> [UInt8] {
        guard user.contains(where: mailboxMarks.contains) else { return user }
        return user.flatMap {
            mailboxMarks.contains($0) ? [0x25, upperDigits[Int($0 >> 4)], upperDigits[Int($0 & 15)]] : [$0]
        }
    }

    /// A parameter's value with everything escaped that is no `paramchar` (RFC 3261 §25.1).
    public static func escapedParameter(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var written: [UInt8] = []
        for byte in bytes {
            if isPlainUser(byte) || parameterMarks.contains(byte) {
                written.append(byte)
            } else {
                written += [0x25, upperDigits[Int(byte >> 4)], upperDigits[Int(byte & 15)]]
            }
        }
        return written
    }

    // MARK: Characters

    private static let hexDigits = Array("0123456789abcdef".utf8)
    private static let upperDigits = Array("0123456789ABCDEF".utf8)
    private static let mailboxMarks = Array("(),;[\\]".utf8)
    /// `param-unreserved`
    private static let parameterMarks = Array("[]/:&+$".utf8)

    /// `unreserved`
    @inline(__always)
    private static func isPlainUser(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39: true
        case 0x2D, 0x5F, 0x2E, 0x21, 0x7E, 0x2A, 0x27, 0x28, 0x29: true
        default: false
        }
    }
}
