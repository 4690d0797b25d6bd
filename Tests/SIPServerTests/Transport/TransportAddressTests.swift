import NIOCore
import Testing

@testable import SIPServer

@Suite("Addresses and STUN")
struct TransportAddressTests {
    @Test(
        "an address reads as it writes",
        arguments: [
            ("192.0.2.7", "192.0.2.7:5060"), ("2001:db8::1", "[2001:db8::1]:5060"), ("[::1]", "[::1]:5060"),
            ("::ffff:192.0.2.7", "192.0.2.7:5060"),
        ])
    func text(ip: String, description: String) throws {
        let address = try #require(TransportAddress(ip: ip, port: 5_060))
        #expect(address.description == description)
        #expect(TransportAddress(address.socketAddress) == address)
        #expect(TransportAddress(address.socketAddress(six: true)) == address)
    }

    @Test("names are no addresses", arguments: ["example.org", "1.2.3", "", "[::1", "1.2.3.4.5"])
    func names(text: String) { #expect(TransportAddress(ip: text, port: 1) == nil) }

    @Test(
        "a Binding request is answered with the address that it came from",
        arguments: ["192.0.2.1", "2001:db8:1234:5678:11:2233:4455:6677"])
    func binding(ip: String) throws {
        // The transaction and the addresses of RFC 5769 §2.2 and §2.3.
        let id: [UInt8] = [0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE]
        let request = ByteBuffer(bytes: [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + id)
        let remote = try #require(TransportAddress(ip: ip, port: 32_853))
        let answer = try #require(STUNBinding.answer(to: request, from: remote))
        let four: [UInt8] = [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43]
        let six: [UInt8] = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xA1, 0x47, 0x01, 0x13, 0xA9, 0xFA, 0xA5, 0xD3, 0xF1, 0x79, 0xBC, 0x25,
            0xF4, 0xB5, 0xBE, 0xD2, 0xB9, 0xD9,
        ]
        let attribute = ip.contains(":") ? six : four
        #expect(
            Array(answer.readableBytesView)
                == [1, 1, 0, UInt8(attribute.count), 0x21, 0x12, 0xA4, 0x42] + id + attribute)
    }

    @Test("a datagram that only looks like STUN is not answered")
    func broken() {
        let remote = TransportAddress(ip: "192.0.2.1", port: 1)!
        #expect(STUNBinding.answer(to: ByteBuffer(bytes: [0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42]), from: remote) == nil)
        #expect(
            STUNBinding.answer(
                to: ByteBuffer(bytes: [0, 1, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 0, count: 12)),
                from: remote) == nil)
    }
}
