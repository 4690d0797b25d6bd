import Ground
import Testing

@Suite("Networks of addresses")
struct AddressRangeTests {
    @Test(
        "an address is inside or outside",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false),
            ("192.0.2.128/25", "192.0.2.200", true),
            ("192.0.2.128/25", "192.0.2.100", false), ("::1", "::1", true), ("::1", "127.0.0.1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false), ("::/0", "203.0.113.9", true),
            ("::1", "no address", false), ("::1", "", false),
        ])
    func contains(_ range: String, _ address: String, _ expected: Bool) throws {
        let network = try #require(AddressRange(range))
        #expect(network.contains(address) == expected)
    }

    @Test(
        "what is no network is refused",
        arguments: [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::1/129", "10.0.0/8", "host", "10.0.0.0/8/8", " ::1",
        ])
    func refused(_ text: String) { #expect(AddressRange(text) == nil) }
}
