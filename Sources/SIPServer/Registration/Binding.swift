import SIPWire

/// One contact of a user (RFC 3261 §10.3).
public final class Binding {
    public var contact: SIPBytes
    /// Where it registered from, while that is open.
    public var flow: SIPFlow?

    public init(contact: SIPBytes, flow: SIPFlow?) {
        self.contact = contact
        self.flow = flow
    }

    /// What a request to it passes on its way (RFC 3327).
    public var path: [SIPURI] { [] }
}
