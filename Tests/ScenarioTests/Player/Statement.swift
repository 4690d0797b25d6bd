/// Words of a statement, taken from the front.
struct StatementReader {
    private(set) var rest: Substring

    init(_ text: String) { rest = text[...] }

    /// The next word without consuming it; empty at the end.
    var nextWord: Substring { trimmed.prefix { !$0.isWhitespace } }

    var remainder: String { String(trimmed) }

    private var trimmed: Substring { rest.drop { $0.isWhitespace } }

    mutating func word() -> String {
        let word = nextWord
        rest = trimmed.dropFirst(word.count)
        return String(word)
    }

    /// Consumes the words if they come next.
    mutating func take(_ words: String) -> Bool {
        var copy = self
        for wanted in words.split(separator: " ") {
            guard copy.word() == wanted else { return false }
        }
        self = copy
        return true
    }

    var isAtEnd: Bool { trimmed.isEmpty }

    func requireEnd() throws {
        guard isAtEnd else { throw SceneFailure("'\(remainder)' is not understood") }
    }
}

/// What stands in braces in text that a scene sends.
enum Substitution {
    /// Puts in the values of `{name}`, and of `{fill N}` (that many letters), `{nest N}` (that many elements, one in the
    /// other) and `{repeat N TEXT}` (the text that often, with the number where it has `#`).
    ///
    /// - Parameter keepsUnknown: unknown names stay as they are, for patterns.
    static func apply(_ text: String, _ variables: [String: String], keepsUnknown: Bool) throws -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            result += rest[..<open]
            let name = String(rest[rest.index(after: open)..<close])
            rest = rest[rest.index(after: close)...]
            if let value = variables[name] {
                result += value
            } else if name.hasPrefix("fill "), let count = Int(name.dropFirst(5)) {
                result += String(repeating: "x", count: count)
            } else if name.hasPrefix("nest "), let count = Int(name.dropFirst(5)) {
                result += String(repeating: "<a>", count: count) + String(repeating: "</a>", count: count)
            } else if name.hasPrefix("repeat "), let space = name.dropFirst(7).firstIndex(of: " "),
                let count = Int(name.dropFirst(7)[..<space])
            {
                let text = String(name[name.index(after: space)...])
                for number in 1...max(count, 1) { result += text.replacing("#", with: String(number)) }
            } else if keepsUnknown {
                result += "{\(name)}"
            } else {
                throw SceneFailure("'{\(name)}' has no value")
            }
        }
        return result + rest
    }
}
