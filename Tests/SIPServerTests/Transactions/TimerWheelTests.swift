import Testing

@testable import SIPServer

@Suite("Timer wheel")
struct TimerWheelTests {
    @Test(
        "nobody is called early, and everybody one slot late at most",
        arguments: [0, 37, 100, 499, 51_199, 51_300, 200_000])
    func onTime(delay: Int64) {
        var wheel = TimerWheel(uptime: 1_234)
        wheel.add(9, at: 1_234 + delay)
        var now: Int64 = 1_234
        while true {
            let due = wheel.advance(to: now)
            if !due.isEmpty {
                #expect(due == [9])
                #expect(now >= 1_234 + delay)
                #expect(now <= 1_234 + delay + 2 * TimerWheel.slot)
                break
            }
            now += 50
        }
        #expect(wheel.isEmpty)
    }

    @Test("after a long sleep everything that is due comes, and what is not due stays")
    func sleep() {
        var wheel = TimerWheel(uptime: 0)
        for number in 1...300 { wheel.add(UInt64(number), at: Int64(number) * 1_000) }
        #expect(Set(wheel.advance(to: 100_000)) == Set((1...100).map(UInt64.init)))
        #expect(wheel.count == 200)
        #expect(Set(wheel.advance(to: 300_000)) == Set((101...300).map(UInt64.init)))
    }
}
