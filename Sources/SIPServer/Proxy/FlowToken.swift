import Ground
import SIPWire
import XMPPWire

/// The user part of our Record-Route: proof that we wrote it for this dialog, and the flow that requests from there go over
/// (RFC 5626 §5.3). Nothing is kept of it; a token of an earlier run of the server proves nothing.
struct FlowTokens {
    /// What a token says.
    struct Content: Equatable {
        /// Nil where the way follows from the Request-URI.
        var peer: Peer?
    }

    struct Peer: Equatable {
        var transport: SIPTransport
        var address: TransportAddress
    }

    private let hash: KeyedHash
    private static let sealBytes = 8

    init(hash: KeyedHash = KeyedHash()) { self.hash = hash }

    /// - Parameter callID: of the dialog: the token is good for nothing else.
    func write(_ flow: SIPFlow?, callID: SIPBytes) -> [UInt8] {
        write(flow.map { Peer(transport: $0.transport, address: $0.remote) }, callID: callID)
    }

    func write(_ peer: Peer?, callID: SIPBytes) -> [UInt8] {
        var bytes: [UInt8] = []
        if let peer {
            bytes.append(peer.transport.rawValue | (peer.address.isIPv6 ? 0x10 : 0))
            let words = peer.address.isIPv6 ? [peer.address.high, peer.address.low] : [peer.address.low << 32]
            for word in words { withUnsafeBytes(of: word.bigEndian) { bytes += $0 } }
            if !peer.address.isIPv6 { bytes.removeLast(4) }
            bytes.append(UInt8(peer.address.port >> 8))
            bytes.append(UInt8(peer.address.port & 255))
        } else {
            bytes.append(0xFF)
        }
        withUnsafeBytes(of: seal(bytes, callID).bigEndian) { bytes += $0 }
        return Base64.encode(bytes).utf8.compactMap { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
    }

    /// Nil for what we did not write, or for another dialog.
    func read(_ text: SIPBytes, callID: SIPBytes) -> Content? {
        guard text.count >= 12, text.count <= 40 else { return nil }
        var plain = text.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        while plain.count % 4 != 0 { plain.append(UInt8(ascii: "=")) }
        guard let bytes = Base64.decode(plain), bytes.count > Self.sealBytes else { return nil }
        let content = Array(bytes.dropLast(Self.sealBytes))
        var given: UInt64 = 0
        for byte in bytes.suffix(Self.sealBytes) { given = given << 8 | UInt64(byte) }
        guard given == seal(content, callID) else { return nil }
        if content == [0xFF] { return Content(peer: nil) }
        guard let transport = SIPTransport(rawValue: content[0] & 0x0F) else { return nil }
        let isSix = content[0] & 0x10 != 0
        guard content.count == (isSix ? 19 : 7) else { return nil }
        let port = UInt16(content[content.count - 2]) << 8 | UInt16(content[content.count - 1])
        let address = content[1..<(content.count - 2)]
        let ip =
            isSix
            ? stride(from: 0, to: 16, by: 2).map {
                String(UInt16(address[1 + $0]) << 8 | UInt16(address[2 + $0]), radix: 16)
            }.joined(separator: ":")
            : address.map(String.init).joined(separator: ".")
        guard let remote = TransportAddress(ip: ip, port: port) else { return nil }
        return Content(peer: Peer(transport: transport, address: remote))
    }

    private func seal(_ bytes: [UInt8], _ callID: SIPBytes) -> UInt64 {
        var state = hash.stateForPieces()
        bytes.withUnsafeBytes { state.add($0) }
        callID.withBytes { state.add($0) }
        return state.finish().high
    }
}
