import NIOCore
import SIPWire

/// The dialog of one message session, as our end of it has it (RFC 3261 §12). Holds copies, no messages.
struct SessionDialog {
    let callID: SIPBytes
    let localTag: SIPBytes
    let remoteTag: SIPBytes
    /// From of our requests, with our tag.
    private let local: SIPBytes
    /// To of our requests, with the peer's tag.
    private let remote: SIPBytes
    /// The peer's Contact.
    private(set) var target: SIPBytes
    /// Values of Route for our requests.
    private let route: [SIPBytes]
    private let contact: SIPBytes
    let flow: SIPFlow
    private var localSequence: UInt32
    private var remoteSequence: UInt32

    /// Of an INVITE that came in, before it is answered; nil when it names no Contact.
    ///
    /// - Parameter contact: our own, with brackets.
    init?(accepting request: IncomingRequest, contact: SIPBytes) {
        let message = request.message
        guard let target = message.contact?.uri, let to = message.first(.to),
            let from = message.first(.from)
        else {
            return nil
        }
        callID = message.callID.detached
        localTag = request.localTag.detached
        remoteTag = message.fromTag.detached
        local = SIPBytes(to.array + Array(";tag=".utf8) + request.localTag.array)
        remote = from.detached
        self.target = target.text.detached
        route = message.all(.recordRoute).map(\.detached)
        self.contact = contact
        flow = request.flow
        localSequence = 1
        remoteSequence = message.cseqNumber
    }

    /// Of the 200 to our INVITE; nil when it names no Contact or tag.
    init?(answer: SIPMessage, flow: SIPFlow, contact: SIPBytes) {
        guard let target = answer.contact?.uri, !answer.toTag.isEmpty, let to = answer.first(.to),
            let from = answer.first(.from)
        else { return nil }
        callID = answer.callID.detached
        localTag = answer.fromTag.detached
        remoteTag = answer.toTag.detached
        local = from.detached
        remote = to.detached
        self.target = target.text.detached
        // What the answer has collected, from the far end on (§12.1.2).
        route = answer.all(.recordRoute).map(\.detached).reversed()
        self.contact = contact
        self.flow = flow
        localSequence = answer.cseqNumber
        remoteSequence = 0
    }

    var id: DialogID {
        DialogID(callID: callID.array, localTag: localTag.array, remoteTag: remoteTag.array)
    }

    /// Whether the request is in order (§12.2.2); notes its number and, of a re-INVITE, the new Contact.
    mutating func admits(_ message: SIPMessage) -> Bool {
        guard message.method == .ack || message.cseqNumber > remoteSequence || remoteSequence == 0
        else { return false }
        if message.method != .ack { remoteSequence = message.cseqNumber }
        if message.method.isTargetRefresh, let contact = message.contact?.uri {
            target = contact.text.detached
        }
        return true
    }

    /// A request of ours inside the dialog.
    ///
    /// - Parameter sequence: nil for the next one; that of the INVITE for its ACK.
    mutating func request(
        _ method: SIPMethod, maxForwards: Int, body: SIPBytes = .empty, type: SIPBytes? = nil,
        sequence: UInt32? = nil, fields: [(SIPHeader, String)] = []
    ) -> OutgoingRequest {
        if sequence == nil { localSequence += 1 }
        var builder = SIPRequestBuilder(method, target)
        for value in route { builder.add(.route, value) }
        builder.add(.maxForwards, number: maxForwards)
        builder.add(.from, local)
        builder.add(.to, remote)
        builder.add(.callID, callID)
        builder.addCSeq(sequence ?? localSequence, method)
        builder.add(.contact, contact)
        for (header, value) in fields { builder.add(header, text: value) }
        let bytes = type.map { builder.finish(body: body, type: $0) } ?? builder.finish()
        return OutgoingRequest(method: method, bytes: bytes)
    }

    /// Along the route; without one the way that the peer came, which leads through address translation.
    var way: SIPTarget {
        let route = route.compactMap { SIPAddress($0)?.uri }
        if route.isEmpty, flow.isOpen { return .flow(flow) }
        guard let uri = SIPURI(target) else { return .flow(flow) }
        return .uri(uri, route: route)
    }
}
