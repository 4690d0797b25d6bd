import Ground
import Testing

@Suite("Network origin")
struct NetworkOriginTests {
    @Test(
        "one origin",
        arguments: [
            ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("::1", "::1"), ("unknown", "unknown"),
            ("2001:db8:1:2::3", "20:1:d:b8:0:1:0:2/64"),
        ])
    func key(_ address: String, _ expected: String) { #expect(NetworkOrigin.key(address) == expected) }

    @Test("addresses of one /64 are one origin, of two are two") func networks() {
        #expect(NetworkOrigin.key("2001:db8::1") == NetworkOrigin.key("2001:db8::ffff:2"))
        #expect(NetworkOrigin.key("2001:db8::1") != NetworkOrigin.key("2001:db8:0:1::1"))
        #expect(NetworkOrigin.key("fe80::1%eth0") == NetworkOrigin.key("fe80::2"))
    }
}
