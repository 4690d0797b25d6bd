import Testing

@testable import Ground

@Suite("Wake pacing")
struct WakePacingTests {
    /// Plays `ticks` ticks that did `work` pieces each, `every` microseconds apart, rests included; how many rested.
    private func play(
        _ pacing: inout WakePacing, from start: Int64 = 1_000_000, ticks: Int, work: Int, every: Int64
    ) -> Int {
        var microseconds = start * 1_000
        var rested = 0
        for _ in 0..<ticks {
            microseconds += every
            let rest = pacing.rest(after: work, uptime: microseconds / 1_000)
            if rest > 0 { rested += 1 }
        }
        return rested
    }

    @Test("a quiet loop answers at once") func quiet() {
        var pacing = WakePacing()
        #expect(play(&pacing, ticks: 10_000, work: 1, every: 1_000) == 0)
    }

    @Test("a busy loop with small ticks rests") func busy() {
        var pacing = WakePacing()
        #expect(play(&pacing, ticks: 10_000, work: 4, every: 500) > 9_900)
    }

    @Test("a saturated loop does not rest") func saturated() {
        var pacing = WakePacing()
        #expect(play(&pacing, ticks: 10_000, work: WakePacing.fullTick, every: 200) == 0)
    }

    @Test("one peer that waits for each answer is slowed down for one window in a second") func chain() {
        var pacing = WakePacing()
        let rested = play(&pacing, ticks: 100_000, work: 1, every: 50)
        #expect(rested > 0)
        #expect(rested <= 5 * 201)
    }

    @Test("after a break the loop is quiet again") func pause() {
        var pacing = WakePacing()
        #expect(play(&pacing, ticks: 1_000, work: 4, every: 500) > 900)
        #expect(pacing.rest(after: 1, uptime: 2_000_000) == 0)
    }
}
