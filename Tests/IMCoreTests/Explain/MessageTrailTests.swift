import Ground
import Testing

@testable import IMCore

@Suite("Trail of messages")
struct MessageTrailTests {
    @Test("steps of a message come in order, also when the ring has gone round")
    func order() {
        let trail = MessageTrail()
        for number in 0..<Int64(MessageTrail.capacity) {
            trail.note(MessageID(number + 1), .accepted, Array("alice".utf8))
        }
        // The next ones push the oldest out.
        let id = MessageID(1_000_000)
        trail.note(id, .accepted, Array("alice".utf8), for: Array("bob".utf8), nameHash: MessageTrail.hash("m1".utf8))
        trail.note(id, .handed, Array("bob/desk".utf8))
        trail.note(id, .settled, Array("bob/desk".utf8), at: 5)
        #expect(trail.steps(of: id).map(\.kind) == [.accepted, .handed, .settled])
        #expect(trail.steps(of: MessageID(3)).isEmpty)
        #expect(trail.steps(of: MessageID(4)).count == 1)
        #expect(trail.ids(named: "m1") == [id])
        #expect(trail.ids(named: "m2").isEmpty)
    }

    @Test("an id that several senders used means all of their messages, the newest last")
    func shared() {
        let trail = MessageTrail()
        let hash = MessageTrail.hash("1".utf8)
        trail.note(MessageID(7), .accepted, [], nameHash: hash)
        trail.note(MessageID(9), .accepted, [], nameHash: hash)
        trail.note(MessageID(9), .refused, [], nameHash: hash)
        #expect(trail.ids(named: "1") == [MessageID(7), MessageID(9)])
    }
}
