extension Timestamp {
    /// An instant as XEP-0082 §3.2 writes it, rounded down or up to a millisecond.
    public struct Instant: Sendable, Equatable {
        /// Milliseconds since 1970; the instant lies at or after the first and at or before the second.
        public var floor: Int64
        public var ceiling: Int64

        public init(floor: Int64, ceiling: Int64) {
            self.floor = floor
            self.ceiling = ceiling
        }
    }

    /// Reads `CCYY-MM-DDThh:mm:ss[.sss]TZD`, where TZD is `Z` or `±hh:mm`. Nil for anything else.
    public static func parse(_ text: String) -> Instant? {
        var rest = Array(text.utf8)[...]
        guard let year = number(&rest, 4), skip(&rest, 45), let month = number(&rest, 2), skip(&rest, 45),
            let day = number(&rest, 2), skip(&rest, 84), let hour = number(&rest, 2), skip(&rest, 58),
            let minute = number(&rest, 2), skip(&rest, 58), let second = number(&rest, 2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction: Int64 = 0
        var isRounded = false
        if rest.first == 46 {
            rest = rest.dropFirst()
            let digits = rest.prefix { $0 >= 48 && $0 <= 57 }
            guard !digits.isEmpty, digits.count <= 64 else { return nil }
            for place in 0..<3 {
                let index = digits.startIndex + place
                fraction = fraction * 10 + (index < digits.endIndex ? Int64(digits[index] - 48) : 0)
            }
            isRounded = digits.dropFirst(3).contains { $0 != 48 }
            rest = rest.dropFirst(digits.count)
        }
        guard let zone = offset(&rest), rest.isEmpty else { return nil }
        let minutes = (days(year: year, month: month, day: day) * 24 + hour) * 60 + minute - zone
        let floor = (minutes * 60 + second) * 1_000 + fraction
        return Instant(floor: floor, ceiling: isRounded ? floor + 1 : floor)
    }

    /// Minutes east of UTC.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        guard let sign = rest.popFirst() else { return nil }
        if sign == 90 { return 0 }
        guard sign == 43 || sign == 45, let hours = number(&rest, 2), skip(&rest, 58), let minutes = number(&rest, 2),
            hours < 24, minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (sign == 45 ? -1 : 1)
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, _ width: Int) -> Int64? {
        guard rest.count >= width else { return nil }
        var value: Int64 = 0
        for byte in rest.prefix(width) {
            guard byte >= 48, byte <= 57 else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        rest = rest.dropFirst(width)
        return value
    }

    private static func skip(_ rest: inout ArraySlice<UInt8>, _ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
