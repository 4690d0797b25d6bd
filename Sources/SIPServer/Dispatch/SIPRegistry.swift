import SIPWire

/// Serves methods of requests that are for us or for our users. Called after the checks, loop detection and
/// authentication; confined to the server's loop.
public protocol SIPMethodHandler: AnyObject {
    var methods: [SIPMethod] { get }
    /// Whether a request with one of these methods is for it; what is not is passed on. Asked before authentication.
    func wants(_ message: SIPMessage) -> Bool
    /// Must answer sooner or later, or pass the request to `server.proxy`.
    func handle(_ request: IncomingRequest)
}

extension SIPMethodHandler {
    public func wants(_ message: SIPMessage) -> Bool { true }
}

/// Is an end of dialogs: gets the requests inside them, ACK with them.
public protocol SIPDialogUser: AnyObject {
    func handle(_ request: IncomingRequest, in dialog: SIPDialogKey)
}

/// Passes requests on: to contacts of our users, along a Route, to other domains and trunks.
public protocol SIPForwarding: AnyObject {
    /// Must answer sooner or later; an ACK is passed on, or dropped.
    func forward(_ request: IncomingRequest)
    /// To contacts of a user of ours that were chosen already.
    ///
    /// - Parameter owner: prepared bare address.
    func forward(_ request: IncomingRequest, toContacts bindings: [Binding], of owner: [UInt8])
}

/// Who serves which method.
public struct SIPRegistry {
    private var handlers: [SIPMethod: any SIPMethodHandler] = [:]
    /// As Allow names them.
    public private(set) var allow = SIPBytes("ACK, CANCEL, OPTIONS")

    /// Extensions that a request may require of us.
    public private(set) var options: [SIPBytes] = ["path", "outbound", "gruu", "eventlist", "recipient-list-subscribe"]
        .map { SIPBytes($0) }

    public init() {}

    /// - Parameter option: a tag in lower case that some handler understands.
    public mutating func understand(_ option: String) { options.append(SIPBytes(option)) }

    /// The last one to be added serves.
    public mutating func add(_ handler: any SIPMethodHandler) {
        for method in handler.methods { handlers[method] = handler }
        let own: Set<SIPMethod> = Set(handlers.keys).union([.ack, .cancel, .options])
        allow = SIPBytes(SIPMethod.all.filter { own.contains($0) }.map(\.description).joined(separator: ", "))
    }

    public subscript(method: SIPMethod) -> (any SIPMethodHandler)? { handlers[method] }
}
