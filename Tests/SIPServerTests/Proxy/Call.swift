import SIPWire
import Testing

/// A call between two phones, as both ends see it.
struct Call {
    let caller: Phone
    let callee: Phone
    let invite: SIPMessage
    let accepted: SIPMessage

    static let offer =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

    static func invite(_ caller: Phone, _ uri: String, callID: String, branch: String? = nil, lines: [String] = []) {
        caller.send(
            caller.make(
                "INVITE", uri, callID: callID, branch: branch,
                lines: lines + ["Contact: <\(caller.contact)>", "Content-Type: application/sdp"], body: offer))
    }

    /// Rings, is answered and acknowledged.
    static func establish(_ caller: Phone, _ callee: Phone, uri: String, callID: String) throws -> Call {
        invite(caller, uri, callID: callID)
        let invite = try callee.request(.invite)
        callee.answer(invite, 180)
        #expect(try caller.response(.invite).statusCode == 180)
        callee.answer(invite, 200, body: offer)
        let accepted = try caller.final(.invite)
        #expect(accepted.statusCode == 200)
        let call = Call(caller: caller, callee: callee, invite: invite, accepted: accepted)
        call.acknowledge(accepted)
        let ack = try callee.request(.ack)
        #expect(ack.requestURIText.string == callee.contact && !ack.has(.route))
        return call
    }

    func acknowledge(_ response: SIPMessage) {
        caller.send(fromCaller("ACK", cseq: response.cseqNumber))
    }

    /// A request inside the dialog, from the one who called.
    func fromCaller(_ method: String, cseq: UInt32? = nil, lines: [String] = []) -> String {
        let routes = accepted.values(.recordRoute).reversed().map { "Route: \($0)" }
        return caller.make(
            method, accepted.contactURI, to: accepted.first(.to)!.string, callID: accepted.callID.string, cseq: cseq,
            from: accepted.first(.from)!.string, lines: routes + lines)
    }

    /// A request inside the dialog, from the one who was called.
    func fromCallee(_ method: String, lines: [String] = []) -> String {
        let routes = invite.values(.recordRoute).map { "Route: \($0)" }
        return callee.make(
            method, invite.contactURI, to: invite.first(.from)!.string, callID: invite.callID.string,
            from: accepted.first(.to)!.string, lines: routes + lines)
    }
}
