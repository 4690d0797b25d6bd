/// Writes numbers for people.
enum ConsoleNumbers {
    /// `25,000`
    static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { out.append(",") }
            out.append(digit)
        }
        return number < 0 ? "-" + out : out
    }

    /// One decimal below 100: `4.2`, `120`.
    static func short(_ number: Double) -> String {
        guard number.isFinite else { return "–" }
        if abs(number) >= 100 || number == number.rounded() { return grouped(Int(number.rounded())) }
        let tenths = Int((number * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        return "\(sign)\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }

    /// `1.1` and `GB`; powers of 1,000.
    static func bytes(_ count: Int) -> (value: String, unit: String) {
        var value = Double(count)
        for unit in ["B", "KB", "MB", "GB"] {
            if value < 1_000 { return (short(value), unit) }
            value /= 1_000
        }
        return (short(value), "TB")
    }

    static func duration(_ seconds: Int, _ language: ConsoleLanguage) -> String {
        if seconds >= 86_400 {
            return language("duration.days", ["days": "\(seconds / 86_400)", "hours": "\(seconds % 86_400 / 3_600)"])
        }
        if seconds >= 3_600 {
            return language("duration.hours", ["hours": "\(seconds / 3_600)", "minutes": "\(seconds % 3_600 / 60)"])
        }
        return language("duration.minutes", ["minutes": "\(seconds / 60)", "seconds": "\(seconds % 60)"])
    }
}

/// A small chart: a line and the area below it in a box of 120 × 32, as paths of SVG.
struct Sparkline: Sendable, Equatable {
    let line: String
    let area: String

    /// - Parameter values: oldest first; few values are drawn at the right.
    init(_ values: [Double], count: Int) {
        guard values.count > 1 else {
            line = "M0 31 L120 31"
            area = ""
            return
        }
        let (least, most) = (values.min() ?? 0, values.max() ?? 0)
        // Small changes of a large number show, noise of a steady one does not fill the box.
        let span = max(most - least, most * 0.04, 1e-9)
        let floor = max(0, least - span * 0.6)
        let height = max(most - floor, span)
        let step = 120 / Double(max(count, values.count) - 1)
        let start = 120 - step * Double(values.count - 1)
        let points = values.enumerated().map { index, value in
            let (x, y) = (start + step * Double(index), 30 - 26 * (value - floor) / height)
            return "\(Self.rounded(x)) \(Self.rounded(y))"
        }
        line = "M" + points.joined(separator: "L")
        area = line + "L120 32L\(Self.rounded(start)) 32Z"
    }

    private static func rounded(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        return "\(sign)\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }
}
