import Foundation

/// What commands write, and where.
enum Output {
    static func error(_ text: String, terminator: String = "\n") {
        try? FileHandle.standardError.write(contentsOf: Data((text + terminator).utf8))
    }

    /// Standard output, for results. A reader that has seen enough (`| head`) ends the command quietly.
    static func line(_ text: String) {
        do { try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8)) } catch { Foundation.exit(0) }
    }

    /// One JSON value with sorted keys, for programs.
    static func json(_ value: some Encodable) throws {
        line(try jsonText(value))
    }

    static func jsonText(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Text from accounts, without characters that would move the cursor or colour the terminal.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
                    case .format where scalar != "\u{200C}" && scalar != "\u{200D}": "\u{FFFD}"
                    default: scalar
                    }
                }))
    }

    /// `1 account`, `2 accounts`.
    static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    /// `3 d 4 h`, `5 min 6 s`: the two largest units.
    static func duration(seconds: Int) -> String {
        let parts = [
            (max(0, seconds) / 86_400, "d"), (max(0, seconds) / 3_600 % 24, "h"), (max(0, seconds) / 60 % 60, "min"),
            (max(0, seconds) % 60, "s"),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? 3
        return parts[first...].prefix(2).map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    /// `12.3 MiB`
    static func size(bytes: Int) -> String {
        bytes < 1_048_576
            ? "\(bytes / 1_024) KiB" : String(format: "%.1f MiB", Double(bytes) / 1_048_576)
    }
}
