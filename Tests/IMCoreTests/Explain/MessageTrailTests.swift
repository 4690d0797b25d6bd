import Ground
import Testing

@testable import IMCore

@Suite("Trail of messages")
struct MessageTrailTests {
    @Test("steps of a message come in order, also when the ring has gone round")
    func order() {
        let trail = MessageTrail()
        let many = Int64(MessageTrail.capacity / 40 + 1)
        for number in 1...many { trail.note(MessageID(number), .accepted, Array("alice".utf8)) }
        #expect(trail.steps(of: MessageID(1)).isEmpty)
        #expect(trail.steps(of: MessageID(many)).count == 1)
        let id = MessageID(1_000_000)
        trail.note(id, .accepted, Array("alice".utf8), for: Array("bob".utf8), nameHash: MessageTrail.hash("m1".utf8))
        trail.note(id, .handed, Array("bob/desk".utf8))
        trail.note(id, .settled, Array("bob/desk".utf8), at: 5)
        #expect(trail.steps(of: id).map(\.kind) == [.accepted, .handed, .settled])
        let accepted = trail.steps(of: id)[0]
        #expect(accepted.subject == Array("alice".utf8) && accepted.object == Array("bob".utf8))
        #expect(trail.steps(of: id)[2].at == 5)
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

    @Test("names and notes of any length come back whole, as many of the newest steps as fit")
    func lengths() {
        let trail = MessageTrail()
        var written: [(name: Int, note: Int)] = []
        for number in 0..<4_000 {
            let (name, note) = (number * 37 % 3_072, number * 11 % 200)
            trail.note(
                MessageID(Int64(number + 1)), .refused, [UInt8](repeating: 97, count: name),
                String(repeating: "n", count: note))
            written.append((name, note))
        }
        var kept = 0
        for (index, lengths) in written.enumerated().reversed() {
            guard let step = trail.steps(of: MessageID(Int64(index + 1))).first else { break }
            #expect(step.subject.count == lengths.name && step.note.count == lengths.note)
            kept += 1
        }
        // No gaps: what is kept is the newest, and it fills the ring but for one step.
        #expect(
            written.prefix(written.count - kept).indices.allSatisfy {
                trail.steps(of: MessageID(Int64($0 + 1))).isEmpty
            })
        let bytes = written.suffix(kept).reduce(0) { $0 + $1.name + $1.note + 32 }
        #expect(bytes > MessageTrail.capacity - 10_000 && bytes <= MessageTrail.capacity)
    }
}
