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
