import NIOCore

/// STUN Binding over the SIP port (RFC 5389 §7, RFC 5626 §3.5.2): clients keep their flow open with it, and notice when their
/// address has changed.
enum STUNBinding {
    private static let cookie: UInt32 = 0x2112_A442

    /// The response; nil for anything but a Binding request.
    static func answer(to datagram: ByteBuffer, from remote: TransportAddress) -> ByteBuffer? {
        var request = datagram
        guard let type: UInt16 = request.readInteger(), type == 0x0001, let length: UInt16 = request.readInteger(),
            Int(length) + 16 <= request.readableBytes, length % 4 == 0,
            let cookie: UInt32 = request.readInteger(), cookie == Self.cookie,
            let id = request.readBytes(length: 12)
        else { return nil }
        var answer = ByteBufferAllocator().buffer(capacity: 44)
        answer.writeInteger(UInt16(0x0101))
        answer.writeInteger(UInt16(remote.isIPv6 ? 24 : 12))
        answer.writeInteger(Self.cookie)
        answer.writeBytes(id)
        // XOR-MAPPED-ADDRESS (§15.2)
        answer.writeInteger(UInt16(0x0020))
        answer.writeInteger(UInt16(remote.isIPv6 ? 20 : 8))
        answer.writeInteger(UInt16(remote.isIPv6 ? 2 : 1))
        answer.writeInteger(remote.port ^ UInt16(Self.cookie >> 16))
        guard remote.isIPv6 else {
            answer.writeInteger(UInt32(truncatingIfNeeded: remote.low) ^ Self.cookie)
            return answer
        }
        let first = id[0..<4].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let rest = id[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        answer.writeInteger(remote.high ^ (UInt64(Self.cookie) << 32 | first))
        answer.writeInteger(remote.low ^ rest)
        return answer
    }
}
