import Testing

@testable import SIPWire

/// Transcripts: what happens at which millisecond, and what the machine wants done.
@Suite("Transaction machines")
struct TransactionMachineTests {
    private let timers = SIPTimers()

    @Test("a request over UDP is repeated after 0.5, 1, 2, 4, 4 … s and given up after 32 s")
    func nonInviteRepeats() {
        var machine = NonInviteClientMachine(isReliable: false, timers: timers, uptime: 0)
        var times: [Int64] = []
        while machine.state != .terminated {
            let now = machine.deadline
            let actions = machine.timer(timers: timers, uptime: now)
            if actions.contains(.transmit) { times.append(now) }
            if machine.state == .terminated {
                #expect(actions == [.timedOut, .ended])
                #expect(now == 32_000)
            }
        }
        #expect(times == [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
    }

    @Test("a request over a connection is never repeated, and given up after 32 s")
    func nonInviteReliable() {
        var machine = NonInviteClientMachine(isReliable: true, timers: timers, uptime: 1_000)
        #expect(machine.deadline == 33_000)
        #expect(machine.timer(timers: timers, uptime: 32_999) == [])
        #expect(machine.timer(timers: timers, uptime: 33_000) == [.timedOut, .ended])
    }

    @Test("100 slows the repetitions of a request down to 4 s")
    func nonInviteProceeding() {
        var machine = NonInviteClientMachine(isReliable: false, timers: timers, uptime: 0)
        #expect(machine.received(100, timers: timers, uptime: 300) == .deliver)
        #expect(machine.timer(timers: timers, uptime: 500) == .transmit)
        #expect(machine.deadline == 4_500)
    }

    @Test(
        "a final response is handed on once, and absorbed while repetitions may come",
        arguments: [(false, 5_200), (true, Int64.max)])
    func nonInviteFinal(isReliable: Bool, deadline: Int64) {
        var machine = NonInviteClientMachine(isReliable: isReliable, timers: timers, uptime: 0)
        #expect(machine.received(200, timers: timers, uptime: 200).contains(.deliver))
        #expect(machine.deadline == deadline)
        #expect(machine.received(200, timers: timers, uptime: 300) == [])
        #expect(machine.state == (isReliable ? .terminated : .completed))
    }

    @Test("an INVITE over UDP is repeated after 0.5, 1, 2 … 16 s, and given up after 32 s")
    func inviteRepeats() {
        var machine = InviteClientMachine(isReliable: false, timers: timers, uptime: 0)
        var times: [Int64] = []
        while machine.state != .terminated {
            let now = machine.deadline
            if machine.timer(timers: timers, uptime: now).contains(.transmit) { times.append(now) }
        }
        #expect(times == [500, 1_500, 3_500, 7_500, 15_500, 31_500])
    }

    @Test("an INVITE that rings is not repeated, and given up when timer C fires")
    func inviteRings() {
        var machine = InviteClientMachine(isReliable: false, timers: timers, uptime: 0)
        #expect(machine.received(180, timers: timers, uptime: 100) == .deliver)
        #expect(machine.deadline == 181_100)
        #expect(machine.timer(timers: timers, uptime: 181_100) == [.timedOut, .ended])
    }

    @Test("a refused INVITE is acknowledged, each time the refusal comes")
    func inviteRefused() {
        var machine = InviteClientMachine(isReliable: false, timers: timers, uptime: 0)
        #expect(machine.received(486, timers: timers, uptime: 100) == [.acknowledge, .deliver])
        #expect(machine.received(486, timers: timers, uptime: 600) == .acknowledge)
        #expect(machine.received(200, timers: timers, uptime: 700) == [])
        #expect(machine.timer(timers: timers, uptime: 32_100) == .ended)
    }

    @Test("every 2xx of an INVITE is handed on for 32 s (RFC 6026)")
    func inviteAccepted() {
        var machine = InviteClientMachine(isReliable: true, timers: timers, uptime: 0)
        #expect(machine.received(200, timers: timers, uptime: 100) == .deliver)
        #expect(machine.received(200, timers: timers, uptime: 400) == .deliver)
        #expect(machine.received(486, timers: timers, uptime: 500) == [])
        #expect(machine.timer(timers: timers, uptime: 32_100) == .ended)
    }

    @Test("an INVITE that was cancelled ends after 32 s, whatever the peer says")
    func inviteCancelled() {
        var machine = InviteClientMachine(isReliable: false, timers: timers, uptime: 0)
        _ = machine.received(180, timers: timers, uptime: 100)
        machine.cancelled(timers: timers, uptime: 1_000)
        #expect(machine.timer(timers: timers, uptime: 33_000) == [.timedOut, .ended])
    }

    @Test("100 to anything but INVITE waits 3.5 s over UDP, and nothing else provisional is sent (RFC 4320)")
    func serverTrying() {
        var machine = NonInviteServerMachine(isReliable: false, timers: timers, uptime: 0)
        #expect(machine.respond(100, timers: timers, uptime: 100) == [])
        #expect(machine.respond(183, timers: timers, uptime: 100) == [])
        #expect(machine.repeated() == [])
        #expect(machine.deadline == 3_500)
        #expect(machine.timer(timers: timers, uptime: 3_500) == .trying)
        #expect(machine.repeated() == .transmit)
        #expect(machine.respond(202, timers: timers, uptime: 5_000) == .transmit)
        #expect(machine.repeated() == .transmit)
        #expect(machine.timer(timers: timers, uptime: 37_000) == .ended)
    }

    @Test("a request that nobody answers ends without 408 (RFC 4320), and what comes later is dropped")
    func serverSilent() {
        var machine = NonInviteServerMachine(isReliable: true, timers: timers, uptime: 0)
        _ = machine.timer(timers: timers, uptime: 3_500)
        #expect(machine.timer(timers: timers, uptime: 32_000) == [.timedOut, .ended])
        #expect(machine.respond(200, timers: timers, uptime: 32_100) == [])
    }

    @Test("an INVITE gets 100 after 200 ms, or at once when it comes again")
    func inviteTrying() {
        var machine = InviteServerMachine(isReliable: false, timers: timers, uptime: 0)
        #expect(machine.repeated() == .trying)
        #expect(machine.timer(timers: timers, uptime: 200) == .trying)
        #expect(machine.respond(180, timers: timers, uptime: 300) == .transmit)
        #expect(machine.repeated() == .transmit)
        #expect(machine.deadline == .max)
    }

    @Test("a refusal over UDP is repeated until the ACK comes, and given up after 32 s")
    func inviteRefusal() {
        var machine = InviteServerMachine(isReliable: false, timers: timers, uptime: 0)
        #expect(machine.respond(404, timers: timers, uptime: 0) == .transmit)
        var times: [Int64] = []
        var copy = machine
        while copy.state != .terminated {
            let now = copy.deadline
            let actions = copy.timer(timers: timers, uptime: now)
            if actions.contains(.transmit) { times.append(now) }
            if copy.state == .terminated { #expect(actions == [.timedOut, .ended]) }
        }
        #expect(times.prefix(5) == [500, 1_500, 3_500, 7_500, 11_500])
        #expect(machine.acknowledged(timers: timers, uptime: 700) == [])
        #expect(machine.repeated() == [])
        #expect(machine.timer(timers: timers, uptime: 5_700) == .ended)
    }

    @Test("an accepted INVITE absorbs repetitions and lets further 2xx through for 32 s (RFC 6026)")
    func inviteAcceptance() {
        var machine = InviteServerMachine(isReliable: false, timers: timers, uptime: 0)
        #expect(machine.respond(200, timers: timers, uptime: 0) == .transmit)
        #expect(machine.repeated() == [])
        #expect(machine.respond(200, timers: timers, uptime: 10) == .transmit)
        #expect(machine.respond(500, timers: timers, uptime: 10) == [])
        #expect(machine.timer(timers: timers, uptime: 32_000) == .ended)
    }
}
