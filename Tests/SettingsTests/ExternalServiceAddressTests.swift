import Testing

@testable import Settings

@Suite("Addresses of external services")
struct ExternalServiceAddressTests {
    @Test("the parts are taken apart, missing ones are those of the type")
    func parts() throws {
        let full = try #require(ExternalServiceAddress("turns:relay.example.com:443?transport=tcp"))
        #expect(full.type == "turns" && full.host == "relay.example.com" && full.port == 443)
        #expect(full.transport == "tcp")
        let short = try #require(ExternalServiceAddress("stun:stun.example.com"))
        #expect(short.port == 3_478 && short.transport == "udp")
        let secure = try #require(ExternalServiceAddress("turns:[2001:db8::1]"))
        #expect(secure.host == "2001:db8::1" && secure.port == 5_349 && secure.transport == "tcp")
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "turn", "turn:", "http://example.com", "turn:example.com:0", "turn:example.com:65536", "turn:exa mple",
            "turn:example.com:x", "turn:example.com?transport=sctp", "turn:[::1]3478", "turn:example.com/path",
        ])
    func malformed(text: String) { #expect(ExternalServiceAddress(text) == nil) }
}
