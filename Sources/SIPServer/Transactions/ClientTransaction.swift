import Ground
import NIOCore
import SIPWire

/// A request of ours that waits for its answer (RFC 3261 §17.1). What is ended is forgotten.
public final class ClientTransaction {
    enum Machine {
        case invite(InviteClientMachine)
        case other(NonInviteClientMachine)

        var deadline: Int64 {
            switch self {
            case .invite(let machine): machine.deadline
            case .other(let machine): machine.deadline
            }
        }
    }

    /// Changes when the request goes another way.
    var id: UInt64 = 0
    var machine: Machine?
    var flow: SIPFlow?
    /// With our Via, for retransmission; over UDP, and of an INVITE.
    var sent: ByteBuffer?
    let method: SIPMethod
    /// For another server; nil once there is none left to try.
    var request: OutgoingRequest?
    /// Where else it may go when this server does not answer.
    var alternatives: [SIPHop] = []
    /// The server that it was sent to last; nil for a flow that was open.
    var hop: SIPHop?
    /// What a server has answered that has too much to do: the outcome, should the others not answer at all.
    var refusal: SIPMessage?
    /// Where it goes when the connection that was tried in its place is refused (RFC 3261 §18.1.1).
    var fallback: SIPFlow?
    /// A datagram could not have carried it.
    var isTooLarge = false
    var isCancelled = false
    var cancelSent = false
    let completion: (SIPOutcome) -> Void
    let provisional: ((SIPMessage) -> Void)?
    unowned let layer: TransactionLayer

    init(
        _ request: OutgoingRequest, layer: TransactionLayer, provisional: ((SIPMessage) -> Void)?,
        completion: @escaping (SIPOutcome) -> Void
    ) {
        method = request.method
        self.request = request
        self.layer = layer
        self.provisional = provisional
        self.completion = completion
    }

    /// Where it went last.
    public var way: SIPFlow? { flow }

    /// What is known of why its last server could not be reached; empty for nothing.
    public var problem: String { (flow?.link as? StreamLink)?.failure ?? "" }

    /// Gives an INVITE up (§9.1): at once when the peer has answered provisionally, otherwise when it does. The completion
    /// still comes.
    public func cancel() { layer.cancel(self) }
}

/// One server to try, in the order of RFC 3263.
public struct SIPHop: Sendable, Equatable {
    public var transport: SIPTransport
    public var address: TransportAddress
    /// The name that its certificate must have; empty for an address.
    public var name: String
    /// TCP where UDP was asked for, because of the size of the request: whoever does not know it is not waited for long.
    public var isSwitched = false

    public init(transport: SIPTransport, address: TransportAddress, name: String = "", isSwitched: Bool = false) {
        self.transport = transport
        self.address = address
        self.name = name
        self.isSwitched = isSwitched
    }
}
