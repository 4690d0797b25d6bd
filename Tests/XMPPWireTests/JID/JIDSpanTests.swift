import Testing

@testable import XMPPWire

@Suite("Addresses in raw bytes")
struct JIDSpanTests {
    private func span(_ text: String) -> JIDSpan? {
        Array(text.utf8).withUnsafeBytes { JIDSpan($0) }
    }

    private func parts(_ text: String) -> [String?]? {
        let bytes = Array(text.utf8)
        guard let span = span(text) else { return nil }
        func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        return [
            span.localEnd < 0 ? nil : string(0..<span.localEnd),
            string(span.domainStart..<span.domainEnd),
            span.resourceStart < 0 ? nil : string(span.resourceStart..<bytes.count),
        ]
    }

    @Test("parts lie between the first at sign and the first slash")
    func offsets() {
        #expect(parts("juliet@example.com/balcony") == ["juliet", "example.com", "balcony"])
        #expect(parts("juliet@example.com") == ["juliet", "example.com", nil])
        #expect(parts("example.com") == [nil, "example.com", nil])
        #expect(parts("example.com/a@b/c") == [nil, "example.com", "a@b/c"])
        #expect(span("juliet@example.com/balcony")?.bareEnd == 18)
    }

    @Test(
        "empty parts make no address",
        arguments: ["", "@", "/", "@example.com", "a@", "a@/r", "/r", "example.com/", "a@example.com/", "@/"])
    func emptyParts(text: String) {
        #expect(span(text) == nil)
    }

    @Test("a part of 1024 bytes that is as short as can be makes no address")
    func tooLong() {
        let x = String(repeating: "x", count: 1023)
        let domain =
            String(repeating: String(repeating: "d", count: 63) + ".", count: 15)
            + String(repeating: "e", count: 63)
        #expect(span("\(x)@\(domain)/\(x)")?.isPrepared == true)
        #expect(span("\(x)x@example.com") == nil)
        #expect(span("example.com/\(x)x") == nil)
        #expect(span(String(repeating: "d.", count: 512) + "d") == nil)
        #expect(span(String(repeating: "\u{E9}", count: JIDSpan.maximumBytes / 2))?.isPrepared == false)
        #expect(span(String(repeating: "\u{E9}", count: JIDSpan.maximumBytes / 2 + 1)) == nil)
    }

    @Test(
        "what preparation changes, refuses or must look at is not taken as prepared",
        arguments: [
            "Juliet@example.com", "juliet@Example.com", "juliet@example.com.", "example..com", "-a.example",
            "a-.example",
            "example.com-", "xn--bcher-kva.example", "ab--cd.example", "a_b.example", "[::1]", "caf\u{E9}@example.com",
            "juliet@caf\u{E9}.example", "juliet@example.com/caf\u{E9}", "juliet@example.com/a&amp;b",
            "a&#64;example.com",
            "it's@example.com", "juliet@example.com/it's", "juliet@example.com/say \"x\"", "a b@example.com",
            "juliet@example.com/a\tb", "juliet@example.com/\u{7F}", "a:b@example.com", "a<b@example.com",
            "juliet@.example", ".", "a@b@example.com",
        ])
    func notPrepared(text: String) throws {
        #expect(try #require(span(text)).isPrepared == false)
    }

    @Test(
        "the everyday address is prepared",
        arguments: [
            "juliet@example.com/Balcony 7", "a.b-c_d+e%f@a-b.example", "127.0.0.1", "localhost", "u@3.example/~|{}>",
            "a@xn.example", "a@x-n-.b-c-d.example".replacing("n-.", with: "n."), "user\\40host@example.com/a/b@c",
        ])
    func prepared(text: String) throws {
        #expect(try #require(span(text)).isPrepared)
    }

    @Test("bytes that are not UTF-8 are never taken as prepared")
    func invalidUTF8() {
        for bytes: [UInt8] in [[0xFF], [0x61, 0x40, 0xC3], [0x61, 0x40, 0x62, 0x2F, 0x80]] {
            #expect(bytes.withUnsafeBytes { JIDSpan($0) }?.isPrepared == false)
        }
    }

    @Test("for every ASCII character, prepared means that full preparation changes nothing")
    func agreesWithPreparation() {
        for value in UInt8(0)..<0x80 {
            let character = String(UnicodeScalar(value))
            let isMarkup = "&'\"<".contains(character)
            #expect(ASCIISet.localpart.contains(value) == ((try? JIDPreparation.localpart(character)) == character))
            #expect(
                ASCIISet.resourcepart.contains(value)
                    == ((try? JIDPreparation.resourcepart(character)) == character && !isMarkup))
            // Dot and hyphen depend on their place, and the span knows them apart from the set.
            #expect(
                ASCIISet.lowerAlphanumeric.contains(value) == ((try? JIDPreparation.domainpart(character)) == character)
            )
        }
        #expect((UInt8(0x80)...0xFF).allSatisfy { !ASCIISet.localpart.contains($0) })
        #expect((UInt8(0x80)...0xFF).allSatisfy { !ASCIISet.resourcepart.contains($0) })
    }

    @Test("for short domains over a nasty alphabet, prepared means that full preparation changes nothing")
    func domainsAgree() {
        let alphabet = ["a", "-", ".", "x", "n", "7", "A"]
        var domains = [""]
        for _ in 0..<5 {
            domains = domains.flatMap { domain in alphabet.map { domain + $0 } }
            for domain in domains where span(domain)?.isPrepared == true {
                #expect((try? DomainPreparation.prepare(domain)) == domain)
            }
            if domains.count > 2_000 { break }
        }
    }

    @Test("any bytes at all are split without harm")
    func arbitraryBytes() {
        var generator = SplitMix(state: 7)
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...24, using: &generator)).map { _ -> UInt8 in
                Bool.random(using: &generator)
                    ? .random(in: 0...255, using: &generator)
                    : [0x40, 0x2F, 0x2E, 0x2D].randomElement(using: &generator) ?? 0
            }
            guard let span = bytes.withUnsafeBytes({ JIDSpan($0) }) else { continue }
            #expect(span.domainStart < span.domainEnd && span.domainEnd <= bytes.count)
            #expect(span.localEnd < 0 ? span.domainStart == 0 : span.domainStart == span.localEnd + 1)
            #expect(span.resourceStart < 0 ? span.domainEnd == bytes.count : span.resourceStart == span.domainEnd + 1)
            let text = String(decoding: bytes, as: UTF8.self)
            if span.isPrepared {
                #expect((try? JID(parsing: text))?.description == text)
            }
        }
    }
}

/// SplitMix64, so that every run sees the same bytes.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
