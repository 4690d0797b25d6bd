import Ground
import Testing

@Suite("Rate limiter")
struct RateLimiterTests {
    @Test("a rate of zero never waits") func unlimited() {
        var limiter = RateLimiter(rate: 0, burst: 0, uptime: 0)
        #expect(limiter.take(1_000_000, uptime: 0) == 0)
    }

    @Test("a burst passes, what is beyond it waits its share of a second") func burst() {
        var limiter = RateLimiter(rate: 1_000, burst: 5_000, uptime: 0)
        #expect(limiter.take(5_000, uptime: 0) == 0)
        #expect(limiter.take(500, uptime: 0) == 500)
        #expect(limiter.take(0, uptime: 500) == 0)
    }

    @Test("tokens never exceed the burst") func cap() {
        var limiter = RateLimiter(rate: 10, burst: 20, uptime: 0)
        #expect(limiter.take(20, uptime: 3_600_000) == 0)
        #expect(limiter.take(1, uptime: 3_600_000) == 100)
    }
}

@Suite("Failure throttle")
struct FailureThrottleTests {
    @Test("a key is refused after its failures and allowed again when the minute has passed") func window() {
        var throttle = FailureThrottle(limit: 3)
        for second in 0..<3 {
            #expect(throttle.allows("a", uptime: Int64(second) * 1_000))
            throttle.failed("a", uptime: Int64(second) * 1_000)
        }
        #expect(!throttle.allows("a", uptime: 3_000))
        #expect(throttle.allows("b", uptime: 3_000))
        #expect(throttle.allows("a", uptime: 121_000))
    }

    @Test("a success forgets the failures") func success() {
        var throttle = FailureThrottle(limit: 1)
        throttle.failed("a", uptime: 0)
        #expect(!throttle.allows("a", uptime: 1))
        throttle.succeeded("a")
        #expect(throttle.allows("a", uptime: 1))
    }

    @Test("the number of keys is bounded") func bound() {
        var throttle = FailureThrottle(limit: 1)
        for key in 0..<70_000 { throttle.failed("k\(key)", uptime: 0) }
        // The oldest keys are gone; the newest are still refused.
        #expect(throttle.allows("k0", uptime: 1))
        #expect(!throttle.allows("k69999", uptime: 1))
    }
}
