import Testing

@testable import XMPPWire

@Suite("PLAIN")
struct PlainMessageTests {
    private func message(_ text: String) -> PlainMessage? { PlainMessage(Array(text.utf8)) }

    @Test("the examples of RFC 4616 are taken apart")
    func examples() throws {
        let tim = try #require(message("\0tim\0tanstaaftanstaaf"))
        #expect(tim.authzid == nil)
        #expect(tim.username == "tim")
        #expect(tim.password == "tanstaaftanstaaf")
        #expect(try #require(message("Ursel\0Kurt\0xipj3plmq")).authzid == "Ursel")
    }

    @Test(
        "a message without exactly two NULs, or without username or password, is refused",
        arguments: ["", "tim", "tim\0secret", "\0\0", "\0\0secret", "\0tim\0", "\0tim\0sec\0ret", "a\0tim\0secret\0"])
    func malformed(text: String) {
        #expect(message(text) == nil)
    }

    @Test("bytes that are not UTF-8 are refused in every field")
    func encoding() {
        #expect(PlainMessage([0xFF, 0, 0x61, 0, 0x62]) == nil)
        #expect(PlainMessage([0, 0xC3, 0, 0x62]) == nil)
        #expect(PlainMessage([0, 0x61, 0, 0xED, 0xA0, 0x80]) == nil)
        #expect(PlainMessage([0, 0x61, 0, 0xC3, 0xA9])?.password == "\u{E9}")
    }

    @Test("each field has the same bound")
    func bounds() {
        let longest = String(repeating: "x", count: PlainMessage.maximumFieldBytes)
        #expect(message("\(longest)\0\(longest)\0\(longest)") != nil)
        #expect(message("\(longest)x\0u\0p") == nil)
        #expect(message("\0\(longest)x\0p") == nil)
        #expect(message("\0u\0\(longest)x") == nil)
    }
}
