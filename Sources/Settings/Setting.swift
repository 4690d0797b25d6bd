/// One setting: its key, which field it sets, what it may say, for whom it may differ, and what people are told of it.
///
/// The file `roost.yaml`, the console, the command line, the HTTP API and the reference page all read the same table
/// (`Setting.all`), so that a key cannot be accepted without being documented.
public struct Setting: Sendable {
    /// A field of `ServerConfig`; written as a literal, so it captures nothing and may cross threads.
    typealias Field<Value> = WritableKeyPath<ServerConfig, Value> & Sendable

    /// For whom a setting may have a value of its own; the narrower one wins.
    public enum Scope: String, Sendable, CaseIterable, Codable { case deployment, domain, user }

    enum Kind: Sendable {
        /// A whole number in `allowed`. `zeroMeans` names the meaning of 0 where 0 lies outside of `allowed`.
        case integer(any Field<Int>, allowed: ClosedRange<Int>, zeroMeans: String?)
        /// One of a few words.
        case choice(
            allowed: [String], get: @Sendable (ServerConfig) -> String,
            set: @Sendable (inout ServerConfig, String) -> Void)
        /// A file that the server creates; relative to the folder of the configuration file.
        case file(any Field<String>, isSocket: Bool)
        /// Any text on one line, possibly empty.
        case text(any Field<String>)
        /// Any text of several lines, possibly empty, up to 10,000 bytes.
        case paragraph(any Field<String>)
        /// A list of texts, or a single one. `isAllowed` checks each; `expected` tells people what it wants.
        case texts(any Field<[String]>, expected: String, isAllowed: @Sendable (String) -> Bool)
        /// One word of a kind; empty for none.
        case word(any Field<String>, allowed: String, isAllowed: @Sendable (String) -> Bool)
        /// A host name or an IP address; empty for none.
        case host(any Field<String>)
        /// `off`, or a group of `address` and `port`.
        case listener(any Field<ServerConfig.Listener?>)
        /// The hosted domains with their certificates.
        case domains
        /// External components with their secrets.
        case components
        /// SIP trunks.
        case trunks
        /// SIP routes.
        case routes
    }

    /// Keys from the top of the file, for example `["limits", "stanza_bytes"]`.
    public let path: [String]
    /// What the key does, with its unit; one or more sentences.
    public let summary: String
    let kind: Kind
    /// What the console calls it, in English.
    public let title: String
    /// Unit of a number; empty for a count, and for what is no number.
    public let unit: String
    public let scopes: Set<Scope>
    /// Whether users may override it for themselves.
    public let isOwnedByUser: Bool
    /// Whether the value is never shown.
    public let isSecret: Bool
    /// Set in the file only and read at the start: it says where the stored settings are.
    public let isFileOnly: Bool

    /// - Parameters:
    ///   - title: nil for the last part of the key in words.
    ///   - unit: nil for the unit that the key ends with, as in `login_seconds`.
    init(
        _ path: String, _ summary: String, _ kind: Kind, title: String? = nil, unit: String? = nil,
        scopes: Set<Scope> = [.deployment], ownedByUser: Bool = false, secret: Bool = false, fileOnly: Bool = false
    ) {
        self.path = path.split(separator: ".").map(String.init)
        self.summary = summary
        self.kind = kind
        let words = (self.path.last ?? "").split(separator: "_").map(String.init)
        let sentence = words.joined(separator: " ")
        self.title = title ?? sentence.prefix(1).uppercased() + sentence.dropFirst()
        self.unit = unit ?? Self.units[words.last ?? ""] ?? ""
        self.scopes = scopes
        isOwnedByUser = ownedByUser
        isSecret = secret
        isFileOnly = fileOnly
    }

    private static let units = [
        "seconds": "seconds", "ms": "milliseconds", "days": "days", "minutes": "minutes", "bytes": "bytes",
    ]

    /// The group it stands in, for example `limits`; empty at the top of the file.
    public var group: String { path.count > 1 ? path[0] : "" }

    /// `limits.stanza_bytes`
    public var dottedPath: String { path.joined(separator: ".") }

    /// What the value may be, for people: `4096 … 10000000`, `one of required, optional`.
    public var allowed: String {
        switch kind {
        case .integer(_, let allowed, let zeroMeans):
            let range = "\(allowed.lowerBound) … \(allowed.upperBound)"
            return zeroMeans.map { "0 (\($0)) or \(range)" } ?? range
        case .choice(let allowed, _, _):
            return "one of \(allowed.joined(separator: ", "))"
        case .file:
            return "a file name"
        case .text:
            return "a text"
        case .paragraph:
            return "a text of up to 10000 bytes"
        case .texts(_, let expected, _):
            return "a list, each entry \(expected)"
        case .word(_, let allowed, _):
            return allowed
        case .host:
            return "a host name or an IP address, or \"\""
        case .listener:
            return "off, or a group of address (an IP address) and port (1 … 65535)"
        case .domains:
            return "a list with at least one domain, each with name, certificate and key"
        case .components:
            return "a list, each entry with domain and secret, and if need be title and conflict"
        case .trunks: return ConfigReader.trunkExpectation
        case .routes: return ConfigReader.routeExpectation
        }
    }

    /// The value in `config` as YAML on one line.
    public func yaml(in config: ServerConfig) -> String {
        switch kind {
        case .integer(let field, _, _): String(config[keyPath: field])
        case .choice(_, let get, _): get(config)
        case .file(let field, _): YAMLText.scalar(config[keyPath: field])
        case .text(let field), .paragraph(let field): YAMLText.quoted(config[keyPath: field])
        case .texts(let field, _, _):
            "[" + config[keyPath: field].map(YAMLText.quoted).joined(separator: ", ") + "]"
        case .word(let field, _, _): YAMLText.scalar(config[keyPath: field])
        case .host(let field): YAMLText.scalar(config[keyPath: field])
        case .listener(let field):
            config[keyPath: field].map {
                "{ address: \(YAMLText.quoted($0.address)), port: \($0.port) }"
            } ?? "off"
        case .domains, .components, .trunks, .routes: value(in: config).json
        }
    }
}

/// Writes strings so that YAML reads back the same string.
enum YAMLText {
    /// Words that YAML 1.1 takes for a truth value or nothing.
    private static let typedWords: Set<String> = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]

    /// Plain where that is safe beyond doubt, else in double quotes.
    static func scalar(_ text: String) -> String {
        guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "/"),
            !typedWords.contains(text.lowercased())
        else { return quoted(text) }
        let isPlain = text.utf8.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "/._-".utf8.contains($0)
        }
        return isPlain ? text : quoted(text)
    }

    /// In double quotes, control characters escaped (YAML 1.1 §5.6).
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                let hex = String(scalar.value, radix: 16, uppercase: true)
                out += "\\x" + (hex.count == 1 ? "0" : "") + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
