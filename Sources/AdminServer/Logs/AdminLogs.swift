import Foundation

/// The last lines of the server's log.
public protocol AdminLogs: Sendable {
    /// Lines that fit, the newest first.
    func logs(_ query: AdminLogQuery) async throws -> [AdminLogLine]
}

public struct AdminLogQuery: Sendable, Equatable {
    /// Least level: trace, debug, info, notice, warning, error.
    public var level: String?
    /// Part of the line, in any case.
    public var text: String?
    /// Only lines after this number.
    public var after: Int?
    /// 1 … 1,000.
    public var limit: Int

    public init(level: String? = nil, text: String? = nil, after: Int? = nil, limit: Int = 200) {
        self.level = level
        self.text = text
        self.after = after
        self.limit = limit
    }
}

/// One line of the log.
public struct AdminLogLine: Codable, Sendable, Equatable {
    /// Counted since the start.
    public var number: Int
    /// ISO 8601.
    public var at: String
    public var level: String
    /// The part of the server that wrote it.
    public var source: String
    public var message: String
    public var fields: [String: String]

    public init(
        number: Int, at: String, level: String, source: String, message: String, fields: [String: String]
    ) {
        self.number = number
        self.at = at
        self.level = level
        self.source = source
        self.message = message
        self.fields = fields
    }

    /// For people.
    public var text: String {
        let pairs = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted($0.value))" }.joined()
        return Self.oneLine("\(at) \(level) [\(source)] \(message)\(pairs)")
    }

    /// For programs: one JSON object, the fields beside the fixed ones.
    public var json: String {
        var object = fields
        object["at"] = at
        object["level"] = level
        object["source"] = source
        object["message"] = message
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private static func quoted(_ text: String) -> String {
        text.contains(where: { $0 == " " || $0 == "\"" })
            ? "\"" + text.replacingOccurrences(of: "\"", with: "\\\"") + "\"" : text
    }

    /// Nothing that somebody else wrote begins a line of its own.
    private static func oneLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
