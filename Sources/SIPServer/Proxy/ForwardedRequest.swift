import NIOCore
import SIPWire

/// Writes what a proxy passes on (RFC 3261 §16.6): what all branches have in common is made once.
struct ForwardedRequest {
    let message: SIPMessage
    /// Header lines that every branch has, and the empty line and body behind them.
    private let rest: ByteBuffer

    /// - Parameters:
    ///   - splice: what our server transaction puts into the topmost Via.
    ///   - maxForwards: for a request that has none.
    ///   - isTrusted: the sender may say whom it speaks for (RFC 3325 §5).
    ///   - realms: whose digests are for us, and for nobody behind us.
    ///   - sessionSeconds: value of Session-Expires instead of the request's own (RFC 4028 §8.1); nil to leave it alone.
    init(
        _ message: SIPMessage, splice: SIPSplice?, maxForwards: Int, isTrusted: Bool, realms: [String],
        sessionSeconds: Int? = nil
    ) {
        self.message = message
        var buffer = ByteBufferAllocator().buffer(capacity: message.count + 256)
        var isFirstVia = true
        var hasLength = false
        var hasForwards = false
        message.forEachField { header, name, value in
            switch header {
            case .route, .maxBreadth: return
            case .sessionExpires where sessionSeconds != nil:
                // Who refreshes stays as it is wished.
                let rest = value.firstIndex(of: 0x3B).map { value.part($0, value.count) } ?? .empty
                Self.line(name, SIPBytes(Array("\(sessionSeconds ?? 0)".utf8) + rest), &buffer)
            case .pAssertedIdentity where !isTrusted: return
            // The older form of the same, which phones show as the caller.
            case .other where !isTrusted && name.matches("remote-party-id"): return
            case .proxyAuthorization, .authorization:
                if Self.isFor(realms, value) { return }
                Self.line(name, value, &buffer)
            case .maxForwards:
                guard !hasForwards else { return }
                hasForwards = true
                buffer.writeStaticString("Max-Forwards: ")
                let left = max(0, Int(message.maxForwards ?? UInt8(clamping: maxForwards)) - 1)
                buffer.writeString(String(left))
                buffer.writeStaticString("\r\n")
            case .via where isFirstVia:
                isFirstVia = false
                Self.firstVia(name, value, message, splice, &buffer)
            case .contentLength:
                hasLength = true
                Self.line(name, value, &buffer)
            default: Self.line(name, value, &buffer)
            }
        }
        if !hasForwards {
            buffer.writeStaticString("Max-Forwards: ")
            buffer.writeString(String(maxForwards))
            buffer.writeStaticString("\r\n")
        }
        if let sessionSeconds, !message.has(.sessionExpires) {
            buffer.writeString("Session-Expires: \(sessionSeconds)\r\n")
        }
        let body = message.body
        // Over UDP it may be missing; a connection needs it.
        if !hasLength {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(body.count))
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
        body.withBytes { _ = buffer.writeBytes($0) }
        rest = buffer
    }

    private static func line(_ name: SIPBytes, _ value: SIPBytes, _ buffer: inout ByteBuffer) {
        name.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString(": ")
        value.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString("\r\n")
    }

    private static func firstVia(
        _ name: SIPBytes, _ value: SIPBytes, _ message: SIPMessage, _ splice: SIPSplice?, _ buffer: inout ByteBuffer
    ) {
        guard let splice, let end = message.offset(after: value) else { return line(name, value, &buffer) }
        let place = splice.offset - (end - value.count)
        guard place >= 0, place <= value.count else { return line(name, value, &buffer) }
        name.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString(": ")
        value.part(0, place).withBytes { _ = buffer.writeBytes($0) }
        splice.bytes.withBytes { _ = buffer.writeBytes($0) }
        value.part(place, value.count).withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString("\r\n")
    }

    /// Whether a digest answers a challenge of ours (RFC 3261 §22.3).
    private static func isFor(_ realms: [String], _ value: SIPBytes) -> Bool {
        let text = value.string
        return realms.contains { text.contains("realm=\"\($0)\"") }
    }

    /// The request for one branch.
    ///
    /// - Parameters:
    ///   - uri: where it goes now.
    ///   - recordRoutes: whole values, top first.
    ///   - routes: values of Route, top first.
    ///   - breadth: what is left of Max-Breadth for this branch (RFC 5393 §5.3.3).
    func branch(
        to uri: SIPBytes, recordRoutes: [[UInt8]], routes: [SIPBytes], breadth: Int, loopMark: UInt32?
    ) -> OutgoingRequest {
        var buffer = ByteBufferAllocator().buffer(
            capacity: rest.readableBytes + uri.count + 320 + routes.reduce(0) { $0 + $1.count })
        message.method.token.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeInteger(UInt8(ascii: " "))
        uri.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString(" SIP/2.0\r\n")
        let viaOffset = buffer.readableBytes
        for value in recordRoutes {
            buffer.writeStaticString("Record-Route: ")
            buffer.writeBytes(value)
            buffer.writeStaticString("\r\n")
        }
        for value in routes {
            buffer.writeStaticString("Route: ")
            value.withBytes { _ = buffer.writeBytes($0) }
            buffer.writeStaticString("\r\n")
        }
        if message.method != .ack {
            buffer.writeStaticString("Max-Breadth: ")
            buffer.writeString(String(breadth))
            buffer.writeStaticString("\r\n")
        }
        buffer.writeImmutableBuffer(rest)
        return OutgoingRequest(method: message.method, bytes: buffer, viaOffset: viaOffset, loopMark: loopMark)
    }
}
