/// One MSRP request or response, whole (RFC 4975 §9). What is longer than a chunk may be was cut by the sender.
public struct MSRPFrame: Sendable {
    public enum Kind: Sendable, Equatable {
        case send
        case report
        /// A request of another method; answered with 501.
        case other
        case response(Int)
    }

    /// How a chunk ends (§7.1.1).
    public enum Continuation: UInt8, Sendable {
        /// `$`: the message ends here.
        case complete = 0x24
        /// `+`: more follows.
        case more = 0x2B
        /// `#`: the sender has given up.
        case aborted = 0x23
    }

    public let kind: Kind
    public let transaction: SIPBytes
    public internal(set) var toPath: [MSRPURI] = []
    public internal(set) var fromPath: [MSRPURI] = []
    public internal(set) var messageID = SIPBytes.empty
    /// First byte, counted from 1; last byte and total are nil for `*`.
    public internal(set) var range: (start: Int, end: Int?, total: Int?)?
    public internal(set) var wantsSuccessReport = false
    public internal(set) var failureReport = FailureReport.yes
    /// Of a REPORT: the code within `000 200 OK`.
    public internal(set) var status: Int?
    public internal(set) var contentType: SIPBytes?
    public internal(set) var body: SIPBytes?
    public internal(set) var continuation = Continuation.complete

    public enum FailureReport: Sendable {
        case yes
        case no
        case partial
    }

    init(kind: Kind, transaction: SIPBytes) {
        self.kind = kind
        self.transaction = transaction
    }
}

/// Bounds for MSRP.
public struct MSRPLimits: Sendable {
    /// Start line and header of one frame, in bytes.
    public var headerBytes = 4_096
    /// The body of one frame, in bytes. RFC 4975 §7.1.1 lets senders interrupt after 2,048, and big ones send at once.
    public var chunkBytes = 65_536

    public init() {}
}

/// What the scanner of a connection has found.
public enum MSRPEvent: Sendable {
    /// Call again with more bytes after the same ones.
    case needMoreBytes
    /// Consume so many bytes.
    case frame(MSRPFrame, length: Int)
    /// The connection cannot go on.
    case fault
}
