import SIPWire
import Testing

@testable import SIPServer

@Suite("Flow tokens")
struct FlowTokenTests {
    @Test("say what was written, in their dialog only", arguments: ["192.0.2.7", "2001:db8::7"])
    func round(ip: String) throws {
        let tokens = FlowTokens()
        let callID = SIPBytes("one")
        let peer = FlowTokens.Peer(transport: .tcp, address: try #require(TransportAddress(ip: ip, port: 50_601)))
        let text = SIPBytes(tokens.write(peer, callID: callID))
        #expect(tokens.read(text, callID: callID) == FlowTokens.Content(peer: peer))
        #expect(tokens.read(text, callID: SIPBytes("two")) == nil)
        #expect(FlowTokens().read(text, callID: callID) == nil)
        for index in 0..<text.count {
            var other = text.array
            other[index] = other[index] == 0x41 ? 0x42 : 0x41
            #expect(
                tokens.read(SIPBytes(other), callID: callID)?.peer?.address != peer.address || index == text.count - 1)
        }
        let none = SIPBytes(tokens.write(nil as FlowTokens.Peer?, callID: callID))
        #expect(tokens.read(none, callID: callID) == FlowTokens.Content(peer: nil))
    }

    @Test(
        "garbage is none", arguments: ["", "rr", "AAAAAAAAAAAAAAAA", "____________________________________", "%41%41"])
    func garbage(text: String) {
        #expect(FlowTokens().read(SIPBytes(text), callID: SIPBytes("one")) == nil)
    }

    @Test(
        "the best answer",
        arguments: [
            ([486, 500], 486), ([404, 401], 401), ([603, 200], 603), ([408, 480], 480), ([302, 404], 302),
            ([503, 500], 503), ([487, 404], 404),
        ])
    func best(codes: [Int], wanted: Int) {
        #expect(codes.min { ResponseChoice.rank($0) < ResponseChoice.rank($1) } == wanted)
    }
}
