/// One thing that is wrong with a configuration file.
///
/// Prints as `FILE:LINE: path.to.key: value X is not allowed: expected 4096 … 10000000`.
public struct ConfigProblem: Sendable, Equatable, CustomStringConvertible {
    /// The configuration file as the administrator named it.
    public var file: String
    /// Line in that file, counted from 1; nil when the problem has no place (a missing key, an unreadable file).
    public var line: Int?
    /// Path of the key, for example `limits.stanza_bytes` or `domains[1].key`; nil for the file as a whole.
    public var key: String?
    /// What is wrong and what would be right.
    public var text: String

    public init(file: String, line: Int? = nil, key: String? = nil, text: String) {
        self.file = file
        self.line = line
        self.key = key
        self.text = text
    }

    public var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return key.map { "\(place): \($0): \(text)" } ?? "\(place): \(text)"
    }
}

/// Everything that is wrong with a configuration file, in the order of its lines; never empty.
public struct ConfigProblems: Error, Sendable, Equatable, CustomStringConvertible {
    public var problems: [ConfigProblem]

    public init(_ problems: [ConfigProblem]) {
        self.problems = problems
    }

    /// One problem a line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
