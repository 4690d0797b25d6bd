import NIOCore
import Testing

@testable import XMPPServer

@Suite("Request ids of BOSH")
struct BOSHWindowTests {
    private func answer(_ window: inout BOSHWindow, _ rid: Int64, position: Int, payload: Int = 10) {
        window.answered(
            BOSHWindow.Response(rid: rid, body: ByteBuffer(string: "\(rid)"), payload: payload, position: position))
    }

    @Test("the window reaches one request beyond those that are held; what was handled is repeated")
    func verdicts() {
        var window = BOSHWindow(first: 100, hold: 1)
        #expect(window.size == 2)
        #expect(window.verdict(99) == .repeated)
        #expect(window.verdict(100) == .fresh && window.verdict(101) == .fresh)
        #expect(window.verdict(102) == .outside)
        window.advance()
        #expect(window.verdict(100) == .repeated && window.verdict(102) == .fresh && window.verdict(103) == .outside)
        #expect(BOSHWindow(first: 1, hold: 0).size == 2)
        #expect(BOSHWindow(first: 1, hold: 2).size == 3)
    }

    @Test("an empty request shows that the response before it arrived, one with payload only that older ones did")
    func inferred() {
        var window = BOSHWindow(first: 1, hold: 1)
        answer(&window, 1, position: 3)
        #expect(window.acknowledge(by: 2, ack: nil, usesAcks: false, isEmpty: false) == 0)
        #expect(window.unacknowledgedBytes == 10)
        answer(&window, 2, position: 5)
        #expect(window.acknowledge(by: 3, ack: nil, usesAcks: false, isEmpty: false) == 3)
        #expect(window.acknowledge(by: 3, ack: nil, usesAcks: false, isEmpty: true) == 5)
        #expect(window.unacknowledgedBytes == 0)
    }

    @Test("with two held requests an empty one shows that the response before the last arrived")
    func twoHeld() {
        var window = BOSHWindow(first: 1, hold: 2)
        answer(&window, 1, position: 1)
        answer(&window, 2, position: 2)
        #expect(window.acknowledge(by: 3, ack: nil, usesAcks: false, isEmpty: true) == 1)
    }

    @Test("a client that acknowledges is believed, but not beyond what it asked for")
    func explicit() {
        var window = BOSHWindow(first: 1, hold: 1)
        answer(&window, 1, position: 1)
        answer(&window, 2, position: 2)
        #expect(window.acknowledge(by: 3, ack: 1, usesAcks: true, isEmpty: true) == 1)
        #expect(window.acknowledge(by: 3, ack: 900, usesAcks: true, isEmpty: true) == 2)
        answer(&window, 3, position: 7)
        #expect(window.acknowledge(by: 4, ack: nil, usesAcks: true, isEmpty: false) == 7)
    }

    @Test("a client that never acknowledges what it promised to is noticed, one that keeps up is not")
    func neverAcknowledged() {
        var silent = BOSHWindow(first: 1, hold: 1)
        var prompt = BOSHWindow(first: 1, hold: 1)
        for rid in 1...Int64(BOSHWindow.unacknowledgedLimit + 1) {
            answer(&silent, rid, position: 0, payload: 0)
            answer(&prompt, rid, position: 0, payload: 0)
            _ = silent.acknowledge(by: rid + 1, ack: 0, usesAcks: true, isEmpty: true)
            _ = prompt.acknowledge(by: rid + 1, ack: rid, usesAcks: true, isEmpty: true)
        }
        #expect(silent.unacknowledged > BOSHWindow.unacknowledgedLimit)
        #expect(prompt.unacknowledged == 0 && prompt.responses.count <= prompt.size)
    }

    @Test("a window's worth of responses is kept for repeated requests, and everything that may have been lost")
    func kept() {
        var window = BOSHWindow(first: 1, hold: 1)
        for rid in 1...4 { answer(&window, Int64(rid), position: rid) }
        #expect(window.response(to: 1) == ByteBuffer(string: "1"))
        _ = window.acknowledge(by: 5, ack: nil, usesAcks: false, isEmpty: true)
        #expect(window.response(to: 1) == nil && window.response(to: 2) == nil)
        #expect(window.response(to: 3) == ByteBuffer(string: "3") && window.response(to: 4) == ByteBuffer(string: "4"))
        for rid in 5...200 {
            answer(&window, Int64(rid), position: rid)
            _ = window.acknowledge(by: Int64(rid) + 1, ack: nil, usesAcks: false, isEmpty: false)
        }
        #expect(window.responses.count <= 3)
    }
}
