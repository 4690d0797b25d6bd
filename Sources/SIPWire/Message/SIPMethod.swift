/// A method of a request. Methods are compared with regard to case (RFC 3261 §7.1).
public enum SIPMethod: Hashable, Sendable {
    case register, invite, ack, bye, cancel, options, message, subscribe, notify, publish, info, refer, prack, update
    /// Any other token.
    case other([UInt8])

    private static let known: [(StaticString, SIPMethod)] = [
        ("REGISTER", .register), ("INVITE", .invite), ("ACK", .ack), ("BYE", .bye), ("CANCEL", .cancel),
        ("OPTIONS", .options), ("MESSAGE", .message), ("SUBSCRIBE", .subscribe), ("NOTIFY", .notify),
        ("PUBLISH", .publish), ("INFO", .info), ("REFER", .refer), ("PRACK", .prack), ("UPDATE", .update),
    ]

    /// Every method that has a case of its own, in the order of the cases.
    public static let all: [SIPMethod] = known.map(\.1)

    /// - Parameter token: at least one byte; the caller has checked that it is a token.
    public init(_ token: SIPBytes) {
        switch token.count {
        case 3:
            if token.equals("ACK") { self = .ack; return }
            if token.equals("BYE") { self = .bye; return }
        case 4:
            if token.equals("INFO") { self = .info; return }
        case 5:
            if token.equals("REFER") { self = .refer; return }
            if token.equals("PRACK") { self = .prack; return }
        case 6:
            if token.equals("INVITE") { self = .invite; return }
            if token.equals("NOTIFY") { self = .notify; return }
            if token.equals("CANCEL") { self = .cancel; return }
            if token.equals("UPDATE") { self = .update; return }
        case 7:
            if token.equals("MESSAGE") { self = .message; return }
            if token.equals("PUBLISH") { self = .publish; return }
            if token.equals("OPTIONS") { self = .options; return }
        case 8:
            if token.equals("REGISTER") { self = .register; return }
        case 9:
            if token.equals("SUBSCRIBE") { self = .subscribe; return }
        default: break
        }
        self = .other(token.array)
    }

    /// The token as it stands on the wire.
    public var token: SIPBytes {
        switch self {
        case .register: SIPBytes("REGISTER")
        case .invite: SIPBytes("INVITE")
        case .ack: SIPBytes("ACK")
        case .bye: SIPBytes("BYE")
        case .cancel: SIPBytes("CANCEL")
        case .options: SIPBytes("OPTIONS")
        case .message: SIPBytes("MESSAGE")
        case .subscribe: SIPBytes("SUBSCRIBE")
        case .notify: SIPBytes("NOTIFY")
        case .publish: SIPBytes("PUBLISH")
        case .info: SIPBytes("INFO")
        case .refer: SIPBytes("REFER")
        case .prack: SIPBytes("PRACK")
        case .update: SIPBytes("UPDATE")
        case .other(let bytes): SIPBytes(bytes)
        }
    }

    /// A request that makes or keeps a dialog's target may carry a Contact (RFC 3261 §12.2).
    public var isTargetRefresh: Bool {
        switch self {
        case .invite, .update, .subscribe, .notify, .refer: true
        default: false
        }
    }
}

extension SIPMethod: CustomStringConvertible {
    public var description: String { token.string }
}
