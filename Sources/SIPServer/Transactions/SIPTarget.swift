import NIOCore
import SIPWire

/// Where a request goes.
public enum SIPTarget {
    /// A connection, or an address over one of our sockets.
    case flow(SIPFlow)
    /// The first URI of the route set, or the URI itself, looked up by RFC 3263.
    case uri(SIPURI, route: [SIPURI] = [])
    /// A registered contact: its flow while that is open, else its path or address.
    case binding(Binding)

    /// The flow, when the target has one that is open.
    @inline(__always)
    var openFlow: SIPFlow? {
        switch self {
        case .flow(let flow): flow.isOpen ? flow : nil
        case .binding(let binding): binding.flow.flatMap { $0.isOpen ? $0 : nil }
        case .uri: nil
        }
    }
}

/// What became of a request that we sent.
public enum SIPOutcome {
    /// A final response. Of an INVITE there may be several 2xx, one for each branch that answered.
    case response(SIPMessage)
    /// Nobody answered.
    case timeout
    /// No way to any server: names that do not resolve, connections that fail.
    case unreachable
    /// Larger than a datagram may be, and nothing but UDP leads there.
    case tooLarge
}

/// A request of ours, whole but for its Via: that depends on the way it takes.
public struct OutgoingRequest {
    public let method: SIPMethod
    /// Request line, header fields without our Via, blank line and body.
    public let bytes: ByteBuffer
    /// Where our Via goes, counted from the reader index: behind the request line.
    public let viaOffset: Int
    /// For a forwarded request: what our branch is made of beside chance, so that a loop is noticed (RFC 3261 §16.6
    /// step 8, RFC 5393 §4.2.1).
    public var loopMark: UInt32?

    public init(method: SIPMethod, bytes: ByteBuffer, viaOffset: Int, loopMark: UInt32? = nil) {
        self.method = method
        self.bytes = bytes
        self.viaOffset = viaOffset
        self.loopMark = loopMark
    }

    /// Finds the end of the request line.
    public init(method: SIPMethod, bytes: ByteBuffer) {
        let line = bytes.readableBytesView.firstIndex(of: 10).map { $0 + 1 - bytes.readerIndex } ?? 0
        self.init(method: method, bytes: bytes, viaOffset: line)
    }
}
