import Ground
import Testing

@Suite("Message ids")
struct MessageIDTests {
    @Test("ids grow even when the clock stands still or goes back") func monotonic() {
        var source = MessageIDSource(after: MessageID(0))
        let ids = [1_000, 1_000, 999, 5, 1_001].map { source.next(now: $0) }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
    }

    @Test("ids continue after the greatest one stored") func continuation() {
        let last = MessageID(5_000 << 16)
        var source = MessageIDSource(after: last)
        #expect(source.next(now: 10) > last)
    }

    @Test("an id tells when the message was accepted") func acceptedAt() {
        var source = MessageIDSource(after: MessageID(0))
        #expect(source.next(now: 1_767_225_600_123).acceptedAt == 1_767_225_600_123)
    }

    @Test("the text form has sixteen hexadecimal digits") func text() {
        #expect(String(decoding: MessageID(0x0123_4567_89AB_CDEF).bytes, as: UTF8.self) == "0123456789abcdef")
        #expect(String(decoding: MessageID(0).bytes, as: UTF8.self) == "0000000000000000")
    }
}

@Suite("Timestamps (XEP-0082)")
struct TimestampTests {
    @Test(
        "instants are rendered in UTC with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func format(_ milliseconds: Int64, _ text: String) { #expect(Timestamp.format(milliseconds) == text) }
}

@Suite("Names of message ids")
struct OpaqueIDsTests {
    private let names = OpaqueIDs(key: Array(0..<32))

    @Test("a name leads back to its id", arguments: [1, 65_536, 1_767_225_600_123 << 16, Int64.max])
    func roundTrip(_ value: Int64) {
        let name = String(decoding: names.name(of: MessageID(value)), as: UTF8.self)
        #expect(name.utf8.count == 16)
        #expect(names.id(named: name) == MessageID(value))
    }

    @Test("names of neighbours have nothing in common, and another key gives other names") func hidden() {
        let base: Int64 = 1_767_225_600_123 << 16
        let made = (0..<200).map { String(decoding: names.name(of: MessageID(base + $0)), as: UTF8.self) }
        #expect(Set(made).count == 200)
        #expect(Set(made.map { $0.prefix(4) }).count > 150)
        #expect(made != made.sorted())
        #expect(OpaqueIDs(key: [1]).name(of: MessageID(base)) != names.name(of: MessageID(base)))
    }

    @Test(
        "what is no name is refused",
        arguments: ["", "0", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef0", "💬💬💬💬"])
    func malformed(_ text: String) { #expect(names.id(named: text) == nil) }
}

@Suite("Reading timestamps (XEP-0082)")
struct TimestampParsingTests {
    @Test(
        "dates and times are read, with fractions and zones",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T00:00:00.000Z", 951_782_400_000),
            ("2025-12-31T23:59:59.999Z", 1_767_225_599_999), ("2010-06-07T02:30:00+02:30", 1_275_868_800_000),
            ("2010-06-06T19:00:00.5-05:00", 1_275_868_800_500), ("1969-12-31T23:59:59Z", -1_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] as [(String, Int64)])
    func parse(_ text: String, _ milliseconds: Int64) {
        #expect(Timestamp.parse(text) == Timestamp.Instant(floor: milliseconds, ceiling: milliseconds))
    }

    @Test("finer fractions lie between two milliseconds") func rounding() {
        #expect(Timestamp.parse("1970-01-01T00:00:00.0015Z") == Timestamp.Instant(floor: 1, ceiling: 2))
        #expect(Timestamp.parse("1970-01-01T00:00:00.001000Z") == Timestamp.Instant(floor: 1, ceiling: 1))
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "now", "2010-06-07", "2010-06-07T00:00:00", "2010-13-07T00:00:00Z", "2010-06-00T00:00:00Z",
            "2010-06-07T24:00:00Z", "2010-06-07T00:00:00.Z", "2010-06-07T00:00:00Z ", "2010-06-07 00:00:00Z",
            "20100607T00:00:00Z", "2010-06-07T00:00:00+99:00", "-010-06-07T00:00:00Z",
        ])
    func malformed(_ text: String) { #expect(Timestamp.parse(text) == nil) }
}
