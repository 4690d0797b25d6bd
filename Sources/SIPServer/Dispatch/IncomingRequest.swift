import Ground
import NIOCore
import SIPWire
import XMPPWire

/// Who sent a request, as far as it has been proven.
public enum SIPSender {
    case unknown
    /// Authenticated, bare.
    case user(JID)
    case trunk(SIPTrunk)
}

/// A request that came in, and its server transaction (RFC 3261 §17.2). Confined to the server's loop.
public final class IncomingRequest {
    public let message: SIPMessage
    public let flow: SIPFlow
    public internal(set) var sender = SIPSender.unknown
    public let server: SIPServer
    /// A final response was given.
    public internal(set) var isAnswered = false
    /// What goes into the topmost Via when it is copied (RFC 3581 §4, RFC 3261 §18.2.1).
    public let viaSplice: SIPSplice?
    /// Called when the peer gives up: CANCEL (RFC 3261 §9.2). The transaction then still wants a final response.
    public var whenCancelled: (() -> Void)?
    /// Called when no ACK came for a final response that wanted one, or when nobody answered this request in time.
    public var whenTimedOut: (() -> Void)?

    /// Where answers go: the flow, or another port of the same peer.
    let answerFlow: SIPFlow
    let key: KeyedHash.Value
    /// What a merged request has in common with it; nil when it cannot be one (§8.2.2.2).
    var origin: KeyedHash.Value?
    /// 0 while it is in no table: what is answered at once never is.
    var id: UInt64 = 0
    var machine = ServerMachine.none
    /// For repetitions; of an INVITE, and of provisional responses.
    var lastResponse: ByteBuffer?
    /// Repetitions of it are judged anew, so that its answer need not be kept.
    var isStateless = false

    enum ServerMachine {
        case none
        case invite(InviteServerMachine)
        case other(NonInviteServerMachine)
    }

    init(
        _ message: SIPMessage, flow: SIPFlow, answerFlow: SIPFlow, key: KeyedHash.Value, viaSplice: SIPSplice?,
        server: SIPServer
    ) {
        self.message = message
        self.flow = flow
        self.answerFlow = answerFlow
        self.key = key
        self.viaSplice = viaSplice
        self.server = server
    }

    public var method: SIPMethod { message.method }

    /// The authenticated user, if it is one.
    public var user: JID? {
        if case .user(let jid) = sender { return jid }
        return nil
    }

    /// The Request-URI; nil when it breaks the grammar, which is refused before anybody sees it.
    public var uri: SIPURI? { message.requestURI }
    public var from: SIPAddress? { message.from }
    public var to: SIPAddress? { message.to }

    /// The tag that our answers carry in To: the request's own inside a dialog, otherwise one that only we can foresee, the
    /// same for every answer to this request.
    public private(set) lazy var localTag: SIPBytes = Self.localTag(message, key)

    static func localTag(_ message: SIPMessage, _ key: KeyedHash.Value) -> SIPBytes {
        let given = message.toTag
        return given.isEmpty ? HexText.bytes(key.high) : given
    }

    /// Answers. What comes after a final response, and anything to an ACK, is dropped.
    ///
    /// - Parameters:
    ///   - reason: nil for the usual phrase.
    ///   - body: with its media type.
    ///   - headers: adds header fields.
    public func respond(
        _ status: SIPStatus, reason: StaticString? = nil, body: (bytes: SIPBytes, type: SIPBytes)? = nil,
        headers: (inout SIPResponseBuilder) -> Void = { _ in }
    ) {
        guard !isAnswered, method != .ack else { return }
        var builder = SIPResponseBuilder(
            to: message, status: status, reason: reason, toTag: status == .trying ? nil : localTag, splice: viaSplice,
            into: server.allocator.buffer(capacity: 640 + (body?.bytes.count ?? 0)))
        // With another phrase, the response cannot be told from its status alone.
        let from = reason == nil ? builder.writer.buffer.readableBytes : 0
        headers(&builder)
        let bytes = body.map { builder.finish(body: $0.bytes, type: $0.type) } ?? builder.finish()
        server.transactions.respond(to: self, status, bytes, from: from)
    }

    /// Gives no answer: whoever sent it is better left alone.
    func drop() {
        isStateless = true
        isAnswered = true
        if id != 0 { server.transactions.end(self) }
    }

    /// An INVITE that was answered with 2xx.
    var hasAccepted: Bool {
        if case .invite(let machine) = machine { return machine.state == .accepted }
        return false
    }

    /// Answers with a response that is made already: one that a proxy passes back, with our Via taken off.
    public func relay(_ status: SIPStatus, _ bytes: ByteBuffer) {
        // Of an INVITE every 2xx is passed back, whenever it comes (RFC 6026 §7.1).
        guard method != .ack, !isAnswered || (method == .invite && status.isSuccess) else { return }
        server.transactions.respond(to: self, status, bytes)
    }
}

enum HexText {
    static let alphabet = Array("0123456789abcdef".utf8)

    /// 16 characters.
    static func bytes(_ word: UInt64) -> SIPBytes {
        SIPBytes(count: 16) { text in
            for index in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * index) & 15)
                text[index] = digit < 10 ? digit &+ 0x30 : digit &+ 0x57
            }
        }
    }

    /// 16 characters.
    static func digits(_ word: UInt64) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(16)
        for shift in stride(from: 60, through: 0, by: -4) { text.append(alphabet[Int(word >> UInt64(shift) & 15)]) }
        return text
    }
}
