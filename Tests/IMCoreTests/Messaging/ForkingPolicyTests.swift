import Testing

@testable import IMCore

@Suite("Forking policy")
struct ForkingPolicyTests {
    private func policy() -> ForkingPolicy { ForkingPolicy(silence: 1_800_000) }

    @Test("before the contact answers, every client receives") func open() {
        var policy = policy()
        #expect(policy.received(from: 1, uptime: 0) == nil)
        #expect(policy.received(from: 1, uptime: 1_000) == nil)
    }

    @Test("after an answer only the answering client receives") func locked() {
        var policy = policy()
        _ = policy.received(from: 1, uptime: 0)
        policy.answered(1, from: "phone", uptime: 10)
        #expect(policy.received(from: 1, uptime: 20) == "phone")
        #expect(policy.received(from: 2, uptime: 20) == nil)
    }

    @Test("an answer from another client moves the lock") func moved() {
        var policy = policy()
        _ = policy.received(from: 1, uptime: 0)
        policy.answered(1, from: "phone", uptime: 10)
        policy.answered(1, from: "desk", uptime: 20)
        #expect(policy.received(from: 1, uptime: 30) == "desk")
    }

    @Test("a presence change of the answering client opens the conversation again") func presence() {
        var policy = policy()
        _ = policy.received(from: 1, uptime: 0)
        policy.answered(1, from: "phone", uptime: 10)
        policy.presenceChanged("desk")
        #expect(policy.lock(with: 1, uptime: 11) == "phone")
        policy.presenceChanged("phone")
        #expect(policy.received(from: 1, uptime: 12) == nil)
    }

    @Test("thirty minutes of silence open it, a message in between does not let them pass") func silence() {
        var policy = policy()
        _ = policy.received(from: 1, uptime: 0)
        policy.answered(1, from: "phone", uptime: 0)
        #expect(policy.received(from: 1, uptime: 1_799_999) == "phone")
        #expect(policy.received(from: 1, uptime: 3_599_998) == "phone")
        #expect(policy.received(from: 1, uptime: 5_399_998) == nil)
    }

    @Test("who was never written to does not answer by writing first") func initiative() {
        var policy = policy()
        policy.answered(1, from: "phone", uptime: 0)
        #expect(policy.received(from: 1, uptime: 1) == nil)
    }

    @Test("the number of conversations is bounded, the freshest are kept") func bound() {
        var policy = policy()
        for peer in 0..<Int64(ForkingPolicy.capacity + 50) {
            _ = policy.received(from: peer, uptime: peer)
            policy.answered(peer, from: "phone", uptime: peer)
        }
        #expect(policy.conversations.count <= ForkingPolicy.capacity)
        #expect(policy.lock(with: Int64(ForkingPolicy.capacity + 49), uptime: 400) == "phone")
    }
}
