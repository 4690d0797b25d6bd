import Foundation
import Testing

@testable import Settings

/// Leaves of a value by reflection, `limits.stanzaBytes` for example; an optional or enumeration is one leaf.
private func leaves(_ value: Any, prefix: String = "") -> [String: String] {
    let mirror = Mirror(reflecting: value)
    guard mirror.displayStyle == .struct, !(value is ServerConfig.Listener), !mirror.children.isEmpty else {
        return [prefix: String(reflecting: value)]
    }
    var result: [String: String] = [:]
    for child in mirror.children {
        let path = prefix.isEmpty ? child.label ?? "?" : "\(prefix).\(child.label ?? "?")"
        result.merge(leaves(child.value, prefix: path)) { first, _ in first }
    }
    return result
}

/// The file with one key set, in its group.
private func yaml(_ option: Setting, _ value: String) -> String {
    let key =
        option.path.count == 1 ? "\(option.path[0]): \(value)" : "\(option.path[0]): { \(option.path[1]): \(value) }"
    return ConfigLoaderTests.domain + key + "\n"
}

/// Every setting but the two lists, which the smallest file has already or cannot have alone.
private let single = Setting.all.filter { ![.domains, .components].contains($0.form) }

/// A value that is allowed and is not the default.
private func changedValue(_ option: Setting) -> String {
    let standard = ServerConfig()
    switch option.kind {
    case .integer(let field, let allowed, _):
        return String(standard[keyPath: field] == allowed.upperBound ? allowed.lowerBound : allowed.upperBound)
    case .choice(let allowed, let get, _):
        return allowed.first { $0 != get(standard) } ?? ""
    case .file: return "elsewhere/file.name"
    case .text: return "another text"
    case .texts(_, _, let isAllowed):
        let samples = [
            "https://chat.example.com", "10.0.0.0/8", "mailto:a@example.com", "stun:stun.example.com", "192.0.2.53",
            "sip.example.com=example.com", "OPTIONS", "anybody",
        ]
        return samples.first(where: isAllowed).map { "[\"\($0)\"]" } ?? ""
    case .word(_, _, let isAllowed):
        return ["https://chat.example.com", "another", "udp://log.example.com:514"].first(where: isAllowed) ?? ""
    case .host: return "files.example.com"
    case .listener: return "{ address: 127.0.0.1, port: 1 }"
    case .paragraph: return "\"first line\\nsecond line\""
    case .domains, .components: return "[]"
    case .trunks: return "[{ name: cucm, destinations: [cucm.example.com] }]"
    case .routes: return "[{ domain: example.net, trunk: cucm }]"
    }
}

@Suite("Table of settings")
struct SettingTests {
    @Test("every field of the configuration is set by exactly one key, lists by themselves")
    func everyField() throws {
        let standard = leaves(try ConfigLoaderTests.parse(ConfigLoaderTests.domain))
        var owners: [String: [String]] = [:]
        for option in single {
            let changed = leaves(try ConfigLoaderTests.parse(yaml(option, changedValue(option))))
            for (field, value) in changed where standard[field] != value {
                owners[field, default: []].append(option.dottedPath)
            }
        }
        let fields = Set(standard.keys).subtracting(["domains", "components"])
        #expect(fields.count >= 25, "reflection no longer sees the fields: \(fields)")
        #expect(Set(owners.keys) == fields)
        #expect(owners.values.allSatisfy { $0.count == 1 }, "\(owners)")
    }

    @Test("every default lies within its own range", arguments: single.map(\.dottedPath))
    func defaultsAllowed(path: String) throws {
        let option = try #require(Setting.all.first { $0.dottedPath == path })
        let config = try ConfigLoaderTests.parse(yaml(option, option.yaml(in: ServerConfig())))
        #expect(config == (try ConfigLoaderTests.parse(ConfigLoaderTests.domain)))
    }

    @Test("both ends of every range are accepted and one step beyond is refused")
    func ranges() throws {
        for option in single {
            guard case .integer(let field, let allowed, let zeroMeans) = option.kind else { continue }
            for value in [allowed.lowerBound, allowed.upperBound] {
                #expect(try ConfigLoaderTests.parse(yaml(option, "\(value)"))[keyPath: field] == value)
            }
            var refused = [allowed.lowerBound - 1, allowed.upperBound + 1]
            if zeroMeans != nil {
                #expect(try ConfigLoaderTests.parse(yaml(option, "0"))[keyPath: field] == 0)
                refused = refused.map { $0 == 0 ? -1 : $0 }
            }
            for value in refused {
                #expect(
                    ConfigLoaderTests.problems(yaml(option, "\(value)")) == [
                        "roost.yaml:3: \(option.dottedPath): value \(value) is not allowed: expected \(option.allowed)"
                    ])
            }
        }
    }

    @Test("values of every other kind outside of what is allowed are refused")
    func otherKinds() {
        for option in single {
            let bad: [String]
            switch option.kind {
            case .integer: bad = ["x", "''", "1.5", "~", "_1", "1_", "[1]"]
            case .choice: bad = ["sometimes", "''", "[]"]
            case .file: bad = ["''", "~", "[]", "{}"]
            case .text: bad = ["~", "[]", "{}", "\"a\\nb\""]
            case .paragraph: bad = ["[]", "{}", "\"a\\x07b\""]
            case .domains, .components: bad = []
            case .trunks, .routes: bad = ["all", "{ name: x }"]
            case .texts: bad = ["~", "''", "{}", "[a b]", "[[]]"]
            case .word: bad = ["{ a: 1 }", "[]", "not a word", "https:// /"]
            case .host: bad = ["a b", "'-'", "[]", "{}"]
            case .listener: bad = ["on", "5222", "[]", "{ port: 0 }", "{ port: 65536 }", "{ address: localhost }"]
            }
            for value in bad {
                let problems = ConfigLoaderTests.problems(yaml(option, value))
                #expect(
                    problems.count == 1 && problems[0].contains(option.dottedPath)
                        && problems[0].contains("is not allowed: expected"),
                    "\(option.dottedPath): \(value): \(problems)")
            }
        }
    }
}

@Suite("Configuration template")
struct ConfigTemplateTests {
    static func sample() -> ServerConfig {
        var config = ServerConfig()
        config.domains = [.init(name: "example.com", certificate: "/c/a \"b\".crt", key: "/c/off")]
        config.adminSocket = "/srv/admin.sock"
        config.database = "/srv/roost.db"
        return config
    }

    @Test("the template reads back as the configuration it was written from")
    func roundTrip() throws {
        var config = Self.sample()
        #expect(try ConfigLoaderTests.parse(ConfigTemplate.render(config)) == config)
        config.c2s = nil
        config.c2sTLS = .init(address: "127.0.0.1", port: 15_223)
        config.tls = .optional
        config.durability = .memory
        config.limits.bytesPerSecond = 5_000
        config.streamManagement.queue = 500
        config.logLevel = "debug"
        config.component = .init(address: "::1", port: 5_347)
        config.components = [
            .init(domain: "push.example.com", secret: "off # \"'"),
            .init(domain: "mix.example.com", secret: "s", title: "Rooms: \"all\"", conflict: .replace),
        ]
        config.mobile.quietMode = true
        config.domains.append(.init(name: "null", certificate: "/c/x", key: "/c/\u{7}\u{85}ü"))
        #expect(try ConfigLoaderTests.parse(ConfigTemplate.render(config)) == config)
    }

    @Test("every key stands in the template with its range and its default, and its default may be uncommented")
    func everyKey() throws {
        var config = Self.sample()
        let lines = ConfigTemplate.render(config).split(separator: "\n").map(String.init)
        let text = lines.map { $0.trimmingCharacters(in: ["#", " "]) }.joined(separator: " ")
        for option in single {
            let value = option.yaml(in: ServerConfig())
            #expect(text.contains("Allowed: \(option.allowed). Default: \(value)."), "\(option.dottedPath)")
            let name = option.path.last ?? ""
            #expect(lines.contains { $0.trimmingCharacters(in: ["#", " "]).hasPrefix("\(name): ") }, "\(name)")
        }
        // Comments begin with "# ", commented keys with "#" and no space.
        let uncommented = lines.map { line in
            line.firstRange(of: /^( *)#(?=[a-z])/).map { line.replacingCharacters(in: $0, with: line[$0].dropLast()) }
                ?? line
        }
        #expect(uncommented != lines)
        config.adminSocket = "/srv/admin.sock"
        #expect(try ConfigLoaderTests.parse(uncommented.joined(separator: "\n")) == config)
    }

    @Test("no line of the template is wider than a terminal of 120 columns")
    func width() {
        #expect(ConfigTemplate.render(Self.sample()).split(separator: "\n").allSatisfy { $0.count <= 120 })
    }

    @Test("docs/OPTIONS.md is the page that the table gives; `make docs` writes it again")
    func referenceIsFresh() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let page = try String(contentsOf: root.appendingPathComponent("docs/OPTIONS.md"), encoding: .utf8)
        #expect(page == ConfigReference.markdown())
    }

    @Test("the reference page names every key")
    func reference() {
        let page = ConfigReference.markdown()
        #expect(Setting.all.allSatisfy { page.contains("| `\($0.dottedPath)` |") })
    }
}

@Suite("Key suggestions")
struct KeySuggestionTests {
    @Test(
        "a slip of the pen finds its key, another word does not",
        arguments: [
            ("stanza_byte", "stanza_bytes"), ("STANZA_BYTES", "stanza_bytes"), ("tsl", "tls"), ("databse", "database"),
            ("weather", nil), ("", nil), (String(repeating: "x", count: 1_000), nil),
        ] as [(String, String?)])
    func nearest(typed: String, expected: String?) {
        #expect(KeySuggestion.nearest(to: typed, among: ["database", "stanza_bytes", "tls"]) == expected)
    }
}
