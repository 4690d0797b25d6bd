/// `type` of a message (RFC 6121 §5.2.2); anything unknown is `normal`.
public enum MessageType: String, Sendable {
    case normal, chat, groupchat, headline, error

    /// ` type='…'` with a leading space, nothing for the default.
    public var attribute: String { self == .normal ? "" : " type='\(rawValue)'" }
}
