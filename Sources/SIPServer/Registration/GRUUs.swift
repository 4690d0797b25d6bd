import Crypto
import Interworking
import SIPWire
import XMPPWire

/// Addresses of one instance of a user's clients (RFC 5627).
///
///     public      sip:anna@example.org;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6
///     temporary   sip:tg.bHk…@example.org;gr
///
/// A temporary one is the user and the beginning of the registration, sealed: nothing is kept of it, any number of them may
/// be given out, and all end when the client begins anew or is gone.
struct GRUUs {
    /// 32 bytes, kept for the life of the installation.
    var key: [UInt8] = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }

    private static let mark = Array("tg.".utf8)

    /// Nil for a contact without instance.
    ///
    /// - Parameter address: prepared bare address.
    func publicURI(of binding: Binding, _ address: [UInt8]) -> [UInt8]? {
        guard let urn = Self.urn(binding) else { return nil }
        return address.withUnsafeBytes { AddressMapping.uri(ofBareAddress: $0) } + Array(";gr=".utf8)
            + AddressMapping.escapedParameter(urn)
    }

    func temporaryURI(of binding: Binding, _ address: [UInt8]) -> [UInt8]? {
        guard Self.urn(binding) != nil, let at = address.lastIndex(of: 0x40) else { return nil }
        let plain = withUnsafeBytes(of: binding.since.bigEndian) { Array($0) } + address[..<at]
        let sealed = try? AES.GCM.seal(plain, using: SymmetricKey(data: key), authenticating: address[at...])
        guard let combined = sealed?.combined else { return nil }
        return Array("sip:".utf8) + Self.mark + Self.text(Array(combined)) + address[at...] + Array(";gr".utf8)
    }

    /// The bindings that a GRUU of ours names; empty when it names none any more. Nil for what is no GRUU.
    ///
    /// - Parameter domain: of the URI, prepared.
    func resolve(_ uri: SIPURI, domain: [UInt8], _ table: LocationTable) -> (address: [UInt8], bindings: [Binding])? {
        guard let value = uri.gruu else { return nil }
        if value.isEmpty { return resolveTemporary(uri, domain, table) }
        guard let user = AddressMapping.bareAddress(of: uri), let at = user.lastIndex(of: 0x40) else { return nil }
        let address = Array(user[...at]) + domain
        let urn = SIPURI.unescaped(value)
        return (address, Self.bindings(table.bindings(of: address)) { SIPBytes($0).matches(SIPBytes(urn)) })
    }

    private func resolveTemporary(
        _ uri: SIPURI, _ domain: [UInt8], _ table: LocationTable
    ) -> (address: [UInt8], bindings: [Binding])? {
        guard let user = uri.user, user.starts(with: Self.mark),
            let sealed = Self.bytes(user.part(Self.mark.count, user.count)),
            let box = try? AES.GCM.SealedBox(combined: sealed),
            let plain = try? AES.GCM.open(box, using: SymmetricKey(data: key), authenticating: [0x40] + domain),
            plain.count > 8
        else { return ([], []) }
        var since: Int64 = 0
        for byte in plain.prefix(8) { since = since << 8 | Int64(byte) }
        let address = Array(plain.dropFirst(8)) + [0x40] + domain
        let all = table.bindings(of: address)
        guard let one = all.first(where: { $0.since == since }), let urn = Self.urn(one) else { return (address, []) }
        return (address, Self.bindings(all) { $0.elementsEqual(urn) })
    }

    private static func bindings(_ all: [Binding], where isWanted: ([UInt8]) -> Bool) -> [Binding] {
        all.filter { binding in urn(binding).map { isWanted($0.array) } ?? false }
    }

    /// The instance without its brackets.
    private static func urn(_ binding: Binding) -> SIPBytes? {
        let instance = binding.instance
        guard instance.count > 2, instance[0] == 0x3C, instance[instance.count - 1] == 0x3E else {
            return instance.isEmpty ? nil : instance
        }
        return instance.part(1, instance.count - 1)
    }

    // MARK: base64url without padding: characters that a user part may hold as they are

    private static func text(_ bytes: [UInt8]) -> [UInt8] {
        Base64.encode(bytes).utf8.compactMap { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
    }

    private static func bytes(_ text: SIPBytes) -> [UInt8]? {
        var plain = text.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        while plain.count % 4 != 0 { plain.append(UInt8(ascii: "=")) }
        return Base64.decode(plain)
    }
}
