import NIOPosix
import Testing

@testable import LoadGenerator

@Suite("Counting")
struct CountingTests {
    @Test("a sequence is next, a gap, or a repetition")
    func sequence() {
        var tracker = SequenceTracker()
        let verdicts = [0, 1, 1, 4, 3, 5, UInt32.max, 0].map { tracker.receive($0) }
        #expect(
            verdicts == [
                .next, .next, .duplicateOrReordered, .gap(missing: 2), .duplicateOrReordered, .next,
                .gap(missing: Int(UInt32.max) - 6), .next,
            ])
    }

    @Test("one request for an acknowledgement is open at a time")
    func acks() {
        var acks = AckTracker()
        let first = [UInt64(0), 10, 20].map { acks.stanzaSent(at: $0) }
        #expect(first == [false, true, false])
        var (outcome, asksAgain) = acks.ackReceived(2)
        #expect(outcome == .acknowledged([0, 10]))
        #expect(asksAgain)
        let whileOpen = acks.stanzaSent(at: 30)
        #expect(!whileOpen)
        (outcome, asksAgain) = acks.ackReceived(4)
        #expect(outcome == .acknowledged([20, 30]))
        #expect(!asksAgain)
        #expect(acks.timedWaiting == 0)
        let afterAll = acks.stanzaSent(at: 40)
        #expect(afterAll)
    }

    @Test("an acknowledgement of what was not sent, or that goes back, is invalid")
    func invalidAcks() {
        var acks = AckTracker()
        _ = acks.stanzaSent(at: 1)
        let outcomes = [UInt32(2), 1, 0].map { acks.ackReceived($0).outcome }
        #expect(outcomes == [.invalid, .acknowledged([1]), .invalid])
    }

    @Test("contacts in the ring are mutual, and each has its own place")
    func ring() {
        let ring = ContactRing(users: 7, contacts: 4)
        #expect(ring.contacts(of: 0) == [1, 6, 2, 5])
        for user in 0..<7 {
            #expect(Set(ring.contacts(of: user).compactMap { ring.slot(of: $0, at: user) }) == [0, 1, 2, 3])
            for contact in ring.contacts(of: user) { #expect(ring.contacts(of: contact).contains(user)) }
            #expect(ring.slot(of: user, at: user) == 4)
            #expect(ring.slot(of: (user + 3) % 7, at: user) == nil)
        }
        #expect(ring.slot(of: 7, at: 0) == nil)
        #expect(ring.slot(of: -1, at: 0) == nil)
    }
}

/// The checks themselves, with stanzas as a faulty server would deliver them.
@Suite("Checks of a run")
struct CheckTests {
    struct Delivery: Sendable {
        var from: String
        var sender: Int
        var sequence: UInt32
        var receiver: Int
    }

    /// What the checks say after `deliveries` of chat among four users.
    static func chat(_ deliveries: [Delivery]) throws -> (checks: RunChecks, delivered: UInt64) {
        var options = LoadOptions()
        options.count = 4
        return try run(options, .chat, { ChatTraffic($0) }, deliveries)
    }

    static func run(
        _ options: LoadOptions, _ scenario: LoadScenario,
        _ pattern: @escaping @Sendable (ClientFleet) -> any TrafficPattern, _ deliveries: [Delivery]
    ) throws -> (checks: RunChecks, delivered: UInt64) {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return try loop.submit {
            let fleet = try ClientFleet(options, scenario, loop: loop)
            fleet.counts.isOpen = true
            fleet.traffic = pattern(fleet)
            for delivery in deliveries {
                let session = ClientSession(index: delivery.receiver, fleet: fleet)
                var stamp = [UInt8](repeating: 0, count: Stamp.length)
                stamp.withUnsafeMutableBytes {
                    Stamp(sender: delivery.sender, sequence: delivery.sequence, time: 0).write(to: $0, mark: fleet.mark)
                }
                let tag = "<message from='\(delivery.from)'>"
                let text = "\(tag)<body>\(String(decoding: stamp, as: UTF8.self))</body></message>"
                Array(text.utf8).withUnsafeBytes {
                    session.handle(Element(bytes: $0, tagEnd: tag.utf8.count))
                }
            }
            return (fleet.checks, fleet.counts.delivered)
        }.wait()
    }

    @Test("messages in order are clean")
    func inOrder() throws {
        let result = try Self.chat([
            Delivery(from: "user1@localhost/bench", sender: 1, sequence: 0, receiver: 0),
            Delivery(from: "user1@localhost/bench", sender: 1, sequence: 1, receiver: 0),
            Delivery(from: "user2@localhost", sender: 2, sequence: 0, receiver: 3),
        ])
        #expect(result.checks.isClean)
        #expect(result.delivered == 3)
    }

    @Test("a doubled message and a gap are counted and not delivered twice")
    func doubledAndMissing() throws {
        let result = try Self.chat([
            Delivery(from: "user1@localhost/bench", sender: 1, sequence: 0, receiver: 0),
            Delivery(from: "user1@localhost/bench", sender: 1, sequence: 0, receiver: 0),
            Delivery(from: "user1@localhost/bench", sender: 1, sequence: 3, receiver: 0),
        ])
        #expect(result.checks.duplicateOrReordered == 1)
        #expect(result.checks.gaps == 2)
        #expect(result.delivered == 2)
    }

    @Test(
        "a message at the wrong user, or under a wrong name, is misrouted",
        arguments: [
            Delivery(from: "user1@localhost/bench", sender: 1, sequence: 0, receiver: 2),
            Delivery(from: "user3@localhost/bench", sender: 1, sequence: 0, receiver: 0),
            Delivery(from: "user11@localhost/bench", sender: 1, sequence: 0, receiver: 0),
            Delivery(from: "user1@localhost.example", sender: 1, sequence: 0, receiver: 0),
            Delivery(from: "user", sender: 1, sequence: 0, receiver: 0),
            Delivery(from: "user9@localhost", sender: 9, sequence: 0, receiver: 0),
        ])
    func misrouted(delivery: Delivery) throws {
        let result = try Self.chat([delivery])
        #expect(result.checks.misrouted == 1)
        #expect(result.delivered == 0)
    }

    @Test("offline messages count once, at their receiver, in each sender's order")
    func offline() throws {
        var options = LoadOptions()
        options.messages = 10
        options.receivers = 2
        options.senders = 1
        func delivery(_ message: UInt32, at receiver: Int) -> Delivery {
            Delivery(from: "user0@localhost", sender: 0, sequence: message, receiver: receiver)
        }
        let result = try Self.run(
            options, .offline, { OfflineTraffic($0) },
            [
                delivery(0, at: 1), delivery(4, at: 1), delivery(2, at: 1), delivery(2, at: 1), delivery(1, at: 2),
                delivery(3, at: 1), delivery(10, at: 1), delivery(.max, at: 2),
            ])
        // 2 came after 4, and then again; 3 belongs to the other receiver; there is no 10.
        #expect(result.checks.duplicateOrReordered == 2)
        #expect(result.checks.misrouted == 3)
    }
}
