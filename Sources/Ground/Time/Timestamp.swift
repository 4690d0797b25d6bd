/// Renders instants as XEP-0082 `DateTime` in UTC with milliseconds: `2026-01-01T12:00:00.000Z`.
public enum Timestamp {
    /// - Parameter milliseconds: since 1970, years 1970 … 9999.
    public static func format(_ milliseconds: Int64) -> String {
        let clamped = max(0, min(milliseconds, 253_402_300_799_999))
        let days = clamped / 86_400_000
        let rest = clamped % 86_400_000
        let (year, month, day) = civil(days)
        return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T" + pad(Int(rest / 3_600_000), 2) + ":"
            + pad(Int(rest / 60_000 % 60), 2) + ":" + pad(Int(rest / 1_000 % 60), 2) + "." + pad(Int(rest % 1_000), 3)
            + "Z"
    }

    /// Days since 1970-01-01 to a date of the proleptic Gregorian calendar.
    private static func civil(_ days: Int64) -> (Int, Int, Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (Int(year), Int(month), Int(day))
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
