import Foundation
import Yams

/// Walks the YAML tree, fills a `ServerConfig` and collects problems instead of stopping at the first.
struct ConfigReader {
    var file: String
    let folder: String
    var config = ServerConfig()
    var problems: [ConfigProblem] = []
    /// Keys that the file gives a value of their own.
    private(set) var keysInFile: Set<String> = []
    /// Line of every key seen, for problems that are found after the walk.
    var lines: [String: Int] = [:]

    init(file: String, folder: String) {
        self.file = file
        self.folder = folder
    }

    /// nil when the file is in order. By line; problems without a line come last.
    var sortedProblems: ConfigProblems? {
        guard !problems.isEmpty else { return nil }
        let sorted = problems.enumerated().sorted {
            ($0.element.line ?? .max, $0.offset) < ($1.element.line ?? .max, $1.offset)
        }
        return ConfigProblems(sorted.map(\.element))
    }

    mutating func refuse(_ key: String?, _ text: String) {
        problems.append(ConfigProblem(file: file, line: key.flatMap { lines[$0] }, key: key, text: text))
    }

    mutating func refuse(_ key: String, value: Node, expected: String) {
        refuse(key, "value \(Self.shown(value)) is not allowed: expected \(expected)")
    }

    // MARK: - The walk

    mutating func readRoot(_ root: Node?) {
        if let root, !Self.isEmpty(root) {
            guard case .mapping(let mapping) = root else {
                return refuse(nil, "expected keys such as domains and listen, found \(Self.shown(root))")
            }
            readGroup(mapping, path: [])
        }
        if lines["domains"] == nil {
            refuse("domains", "is missing: expected at least one domain with name, certificate and key")
        }
    }

    private mutating func readGroup(_ mapping: Node.Mapping, path: [String]) {
        let options = Setting.all.filter { $0.path.starts(with: path) }
        let known = Set(options.map { $0.path[path.count] })
        for (keyNode, value) in mapping {
            guard let name = readKey(keyNode, path: path, known: known) else { continue }
            let fullPath = path + [name]
            if let option = options.first(where: { $0.path == fullPath }) {
                keysInFile.insert(option.dottedPath)
                read(option, value)
            } else if case .mapping(let group) = value {
                readGroup(group, path: fullPath)
            } else if !Self.isEmpty(value) {
                let keys = options.filter { $0.path.starts(with: fullPath) }.map { $0.path[path.count + 1] }
                refuse(fullPath.joined(separator: "."), value: value, expected: "the keys \(Self.listed(keys))")
            }
        }
    }

    /// The key's name when it is one of `known`; otherwise reports it and suggests what was probably meant.
    mutating func readKey(_ node: Node, path: [String], known: Set<String>, prefix: String? = nil) -> String? {
        let parent = prefix ?? path.joined(separator: ".")
        let name = node.scalar?.string ?? Self.shown(node)
        let key = parent.isEmpty ? Self.shown(name) : "\(parent).\(Self.shown(name))"
        lines[key] = node.mark?.line
        if known.contains(name) { return name }
        let elsewhere = Setting.all.first { $0.path.last == name }
        let hint =
            if let near = KeySuggestion.nearest(to: name, among: known.sorted()) {
                "did you mean \(near)?"
            } else if let elsewhere {
                "did you mean \(elsewhere.dottedPath)?"
            } else {
                "known here: \(Self.listed(known.sorted()))"
            }
        refuse(key, "is not a known key: \(hint)")
        return nil
    }

    private mutating func read(_ option: Setting, _ value: Node) {
        let key = option.dottedPath
        switch option.kind {
        case .integer(let field, let allowed, let zeroMeans):
            guard let number = Self.integer(value), allowed.contains(number) || (number == 0 && zeroMeans != nil) else {
                return refuse(key, value: value, expected: option.allowed)
            }
            config[keyPath: field] = number
        case .choice(let allowed, _, let set):
            let written = value.scalar?.string
            let word = option.form == .toggle ? written.map { Self.toggles[$0.lowercased()] ?? $0 } : written
            guard let word, allowed.contains(word) else {
                return refuse(key, value: value, expected: option.allowed)
            }
            set(&config, word)
        case .file(let field, _):
            guard let path = Self.text(value), !path.contains("\0") else {
                return refuse(key, value: value, expected: option.allowed)
            }
            config[keyPath: field] = path
        case .text(let field):
            guard let text = value.scalar?.string, !Self.isEmpty(value), text.utf8.count <= 1_000,
                !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            else { return refuse(key, value: value, expected: option.allowed) }
            config[keyPath: field] = text
        case .paragraph(let field):
            guard let text = value.scalar?.string, text.utf8.count <= 10_000,
                !text.unicodeScalars.contains(where: {
                    $0.properties.generalCategory == .control && !["\n", "\t"].contains($0)
                })
            else { return refuse(key, value: value, expected: option.allowed) }
            config[keyPath: field] = text
        case .texts(let field, let expected, let isAllowed):
            var texts: [String] = []
            for item in value.sequence.map({ Array($0) }) ?? [value] {
                guard let text = Self.text(item), isAllowed(text) else {
                    return refuse(key, value: item, expected: "a list, each entry \(expected)")
                }
                texts.append(text)
            }
            config[keyPath: field] = texts
        case .word(let field, _, let isAllowed):
            guard let text = value.scalar?.string, text.isEmpty || isAllowed(text) else {
                return refuse(key, value: value, expected: option.allowed)
            }
            config[keyPath: field] = text
        case .host(let field):
            guard let text = value.scalar?.string else {
                return refuse(key, value: value, expected: option.allowed)
            }
            let name = text.isEmpty || IPAddress.isLiteral(text) ? text : (try? DomainName.prepare(text).get()) ?? ""
            guard text.isEmpty || !name.isEmpty else { return refuse(key, value: value, expected: option.allowed) }
            config[keyPath: field] = name
        case .listener(let field):
            config[keyPath: field] = readListener(
                value, key: key, expected: option.allowed, standard: ServerConfig()[keyPath: field])
        case .domains:
            config.domains = []
            readDomains(value)
        case .components:
            config.components = []
            readComponents(value)
        case .trunks:
            config.sip.trunks = []
            readTrunks(value)
        case .routes:
            config.sip.routes = []
            readRoutes(value)
        }
    }

    private static let toggles = ["true": "on", "yes": "on", "false": "off", "no": "off"]

    /// A value from elsewhere than the file.
    mutating func take(_ setting: Setting, _ value: Node) { read(setting, value) }

    private mutating func readListener(
        _ value: Node, key: String, expected: String, standard: ServerConfig.Listener?
    ) -> ServerConfig.Listener? {
        if let word = value.scalar?.string, ["off", "false", "no"].contains(word.lowercased()) { return nil }
        guard case .mapping(let mapping) = value else {
            refuse(key, value: value, expected: expected)
            return standard
        }
        var listener = standard ?? ServerConfig.Listener(address: "127.0.0.1", port: 5347)
        for (keyNode, value) in mapping {
            switch readKey(keyNode, path: [], known: ["address", "port"], prefix: key) {
            case "address":
                guard let address = Self.text(value), IPAddress.isLiteral(address) else {
                    refuse(
                        "\(key).address", value: value,
                        expected: "an IP address, for example ::, 0.0.0.0 or 127.0.0.1")
                    continue
                }
                listener.address = address
            case "port":
                guard let port = Self.integer(value), (1...65_535).contains(port) else {
                    refuse("\(key).port", value: value, expected: "1 … 65535")
                    continue
                }
                listener.port = port
            default:
                continue
            }
        }
        return listener
    }

    private mutating func readDomains(_ value: Node) {
        guard case .sequence(let items) = value, !items.isEmpty else {
            return refuse(
                "domains", value: value,
                expected: "a list with at least one domain, each with name, certificate and key")
        }
        for (index, item) in items.enumerated() {
            readDomain(item, key: "domains[\(index)]")
        }
    }

    private mutating func readDomain(_ item: Node, key: String) {
        lines[key] = item.mark?.line
        guard case .mapping(let mapping) = item else {
            return refuse(key, value: item, expected: "the keys name, certificate and key")
        }
        var domain = ServerConfig.Domain(name: "", certificate: "", key: "")
        var missing: Set<String> = ["name", "certificate", "key"]
        for (keyNode, value) in mapping {
            guard let name = readKey(keyNode, path: [], known: ["name", "certificate", "key"], prefix: key) else {
                continue
            }
            missing.remove(name)
            let path = "\(key).\(name)"
            guard let text = Self.text(value), !text.contains("\0") else {
                refuse(path, value: value, expected: name == "name" ? "a domain name" : "the name of a PEM file")
                continue
            }
            switch name {
            case "certificate": domain.certificate = text
            case "key": domain.key = text
            default:
                switch DomainName.prepare(text) {
                case .success(let prepared): domain.name = prepared
                case .failure(let reason):
                    refuse(path, "value \(Self.shown(text)) is not allowed: expected a domain name, \(reason.text)")
                }
            }
        }
        for name in missing.sorted() {
            refuse(key, "\(name) is missing: expected name, certificate and key")
        }
        if !domain.name.isEmpty, let first = config.domains.firstIndex(where: { $0.name == domain.name }) {
            refuse("\(key).name", "domain \(domain.name) is given twice: domains[\(first)] has it already")
        }
        // A domain with problems stays in the list, so that indices of later problems match the file.
        config.domains.append(domain)
    }

    // MARK: - Values

    /// An optional sign and digits, `_` between digits allowed; nil for anything else, and beyond 64 bits.
    static func integer(_ node: Node) -> Int? {
        guard let text = node.scalar?.string, let first = text.utf8.first, first != UInt8(ascii: "_"),
            text.utf8.last != UInt8(ascii: "_"), text.utf8.count <= 32
        else { return nil }
        return Int(text.filter { $0 != "_" })
    }

    /// A scalar that is neither empty nor null.
    static func text(_ node: Node) -> String? {
        guard let text = node.scalar?.string, !text.isEmpty, !isEmpty(node) else { return nil }
        return text
    }

    /// True for a key with nothing after it, `~` and `null`.
    static func isEmpty(_ node: Node) -> Bool {
        guard let scalar = node.scalar, scalar.style == .any || scalar.style == .plain else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }

    static func shown(_ node: Node) -> String {
        switch node {
        case .scalar(let scalar): isEmpty(node) ? "(empty)" : shown(scalar.string)
        case .sequence: "(a list)"
        case .mapping: "(a group of keys)"
        case .alias: "(an alias)"
        }
    }

    /// At most 64 characters and no control characters, so that a problem always fits one line.
    static func shown(_ text: String) -> String {
        let start = text.unicodeScalars.prefix(64).map { scalar in
            scalar.properties.generalCategory == .control ? "\u{FFFD}" : Character(scalar)
        }
        return String(start) + (text.unicodeScalars.count > 64 ? "…" : "")
    }

    private static func listed(_ names: [String]) -> String {
        names.joined(separator: ", ")
    }
}
