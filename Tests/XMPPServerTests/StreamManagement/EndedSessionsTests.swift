import Testing
import XMPPWire

@testable import XMPPServer

@Suite("Sessions that cannot be resumed any more")
struct EndedSessionsTests {
    private let alice = JID(preparedLocal: "alice", domain: "example.com", resource: nil)
    private let bob = JID(preparedLocal: "bob", domain: "example.com", resource: nil)

    @Test("the count is told to the user of the session and to nobody else")
    func owner() {
        var ended = EndedSessions()
        ended.note("one", of: alice, h: 7)
        ended.note("two", of: bob, h: UInt32.max)
        #expect(ended.h("one", of: alice) == 7)
        #expect(ended.h("one", of: bob) == nil)
        #expect(ended.h("one", of: nil) == nil)
        #expect(ended.h("two", of: bob) == UInt32.max)
        #expect(ended.h("three", of: alice) == nil)
    }

    @Test("the oldest are forgotten first, and only as many as there are too many")
    func bound() {
        var ended = EndedSessions()
        for number in 0...EndedSessions.limit { ended.note("\(number)", of: alice, h: UInt32(number)) }
        #expect(ended.h("0", of: alice) == nil)
        #expect(ended.h("1", of: alice) == 1)
        #expect(ended.h("\(EndedSessions.limit)", of: alice) == UInt32(EndedSessions.limit))
    }

    @Test("an id that is noted twice keeps its place")
    func twice() {
        var ended = EndedSessions()
        ended.note("one", of: alice, h: 1)
        ended.note("one", of: alice, h: 2)
        #expect(ended.h("one", of: alice) == 2)
        for number in 0..<EndedSessions.limit - 1 { ended.note("n\(number)", of: alice, h: 0) }
        #expect(ended.h("one", of: alice) == 2)
        ended.note("last", of: alice, h: 0)
        #expect(ended.h("one", of: alice) == nil)
        #expect(ended.h("n0", of: alice) == 0)
    }
}
