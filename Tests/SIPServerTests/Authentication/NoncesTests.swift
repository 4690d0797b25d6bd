import Ground
import Testing

@testable import SIPServer

@Suite("Nonces")
struct NoncesTests {
    private func use(_ nonces: inout Nonces, _ nonce: [UInt8], _ count: UInt32?, at uptime: Int64 = 5_000)
        -> Nonces.Verdict
    {
        nonce.withUnsafeBytes { nonces.use($0, count: count, uptime: uptime) }
    }

    @Test("each count is good once, in whatever order datagrams come")
    func counts() {
        var nonces = Nonces(lifetime: 60_000, uptime: 5_000)
        let nonce = nonces.make(uptime: 5_000)
        #expect(nonce.count == Nonces.length)
        for count in [1, 3, 2, 70, 10] as [UInt32] { #expect(use(&nonces, nonce, count) == .fresh) }
        for count in [1, 2, 3, 70, 10] as [UInt32] { #expect(use(&nonces, nonce, count) == .stale) }
        // Too far behind to be remembered.
        #expect(use(&nonces, nonce, 5) == .stale)
        #expect(use(&nonces, nonce, 0) == .stale)
    }

    @Test("a client without counts may use a nonce for one request")
    func withoutCount() {
        var nonces = Nonces(lifetime: 60_000, uptime: 5_000)
        let nonce = nonces.make(uptime: 5_000)
        #expect(use(&nonces, nonce, nil) == .fresh)
        #expect(use(&nonces, nonce, nil) == .stale)
        #expect(use(&nonces, nonce, 1) == .stale)
    }

    @Test("what is too old, made up or changed is stale")
    func forged() {
        var nonces = Nonces(lifetime: 60_000, uptime: 5_000)
        let nonce = nonces.make(uptime: 5_000)
        #expect(use(&nonces, nonce, 1, at: 70_000) == .stale)
        for index in nonce.indices {
            var changed = nonce
            changed[index] = changed[index] == 0x41 ? 0x42 : 0x41
            #expect(use(&nonces, changed, 1) == .stale)
        }
        #expect(use(&nonces, [], 1) == .stale)
        var other = Nonces(lifetime: 60_000, uptime: 5_000)
        #expect(use(&nonces, other.make(uptime: 5_000), 1) == .stale)
    }

    @Test("counts are bounded: a nonce whose counts were dropped is stale, never good again")
    func bounded() {
        var nonces = Nonces(lifetime: 1_000_000, limit: 100, uptime: 5_000)
        let first = nonces.make(uptime: 5_000)
        #expect(use(&nonces, first, 1) == .fresh)
        for _ in 0..<350 { #expect(use(&nonces, nonces.make(uptime: 5_000), 1) == .fresh) }
        #expect(use(&nonces, first, 1) == .stale)
        #expect(use(&nonces, first, 2) == .stale)
    }

    @Test("a nonce in use survives the drop of others")
    func kept() {
        var nonces = Nonces(lifetime: 1_000_000, limit: 100, uptime: 5_000)
        let first = nonces.make(uptime: 5_000)
        for count in 1...400 as ClosedRange<UInt32> {
            #expect(use(&nonces, first, count) == .fresh)
            #expect(use(&nonces, nonces.make(uptime: 5_000), 1) == .fresh)
        }
    }
}
