import Yams

extension Setting {
    /// What the console needs to know to offer the right control.
    public enum Form: String, Sendable, Codable, CaseIterable {
        case toggle, integer, choice, text, paragraph, list, listener, domains, components, trunks, routes
    }

    public var form: Form {
        switch kind {
        case .integer: .integer
        case .choice(let allowed, _, _): Set(allowed) == ["on", "off"] ? .toggle : .choice
        case .file, .text, .word, .host: .text
        case .paragraph: .paragraph
        case .texts: .list
        case .listener: .listener
        case .domains: .domains
        case .components: .components
        case .trunks: .trunks
        case .routes: .routes
        }
    }

    /// Secrets, and what leads to private keys.
    public var holdsSecrets: Bool { isSecret || [.domains, .components].contains(form) }

    /// The words of a choice; empty for other kinds.
    public var choices: [String] {
        if case .choice(let allowed, _, _) = kind, form == .choice { return allowed }
        return []
    }

    /// The range of a number; nil for other kinds.
    public var range: ClosedRange<Int>? {
        if case .integer(_, let allowed, _) = kind { return allowed }
        return nil
    }

    /// What 0 means where it lies outside of the range, for example `unlimited`.
    public var zeroMeans: String? {
        if case .integer(_, _, let zeroMeans) = kind { return zeroMeans }
        return nil
    }

    public static let byKey: [String: Setting] = Dictionary(
        uniqueKeysWithValues: all.map { ($0.dottedPath, $0) })

    /// The value in `config`.
    public func value(in config: ServerConfig) -> SettingValue {
        switch kind {
        case .integer(let field, _, _): .integer(config[keyPath: field])
        case .choice(_, let get, _): form == .toggle ? .boolean(get(config) == "on") : .text(get(config))
        case .file(let field, _), .text(let field), .paragraph(let field): .text(config[keyPath: field])
        case .word(let field, _, _), .host(let field): .text(config[keyPath: field])
        case .texts(let field, _, _): .list(config[keyPath: field].map { .text($0) })
        case .listener(let field):
            config[keyPath: field].map { .group(["address": .text($0.address), "port": .integer($0.port)]) }
                ?? .text("off")
        case .domains:
            .list(
                config.domains.map {
                    .group(["name": .text($0.name), "certificate": .text($0.certificate), "key": .text($0.key)])
                })
        case .components: .list(config.components.map { $0.value })
        case .trunks: .list(config.sip.trunks.map { $0.value })
        case .routes: .list(config.sip.routes.map { $0.value })
        }
    }

    /// The value with secrets left out, as it may be shown and recorded.
    public func shownValue(in config: ServerConfig) -> SettingValue { masked(value(in: config)) }

    public func masked(_ value: SettingValue) -> SettingValue {
        switch (kind, value) {
        case (_, .text(let text)) where isSecret: .text(text.isEmpty ? "" : Self.mask)
        case (.components, .list(let components)):
            .list(
                components.map { component in
                    guard case .group(var fields) = component else { return component }
                    fields["secret"] = .text(Self.mask)
                    return .group(fields)
                })
        default: value
        }
    }

    /// Stands for a secret; given back as a new value it means the one in force.
    public static let mask = "••••••••"

    /// Reads a value as if the file said it.
    ///
    /// - Parameter value: a text may also be YAML, as people type it: `off`, `200`, `[a, b]`.
    /// - Returns: what is wrong with it; empty when it was taken.
    public func set(_ value: SettingValue, in config: inout ServerConfig) -> [ConfigProblem] {
        var reader = ConfigReader(file: "", folder: "")
        reader.config = config
        let value = unmasked(value, in: config)
        var node = value.node
        if case .text(let text) = value, [.list, .listener, .domains, .components, .trunks, .routes].contains(form) {
            guard let parsed = try? Yams.compose(yaml: text) else {
                return [ConfigProblem(file: "", key: dottedPath, text: "is not a list or group of YAML: \(text)")]
            }
            node = parsed
        }
        reader.take(self, node)
        if reader.problems.isEmpty { config = reader.config }
        return reader.problems
    }

    private func unmasked(_ value: SettingValue, in config: ServerConfig) -> SettingValue {
        switch (kind, value) {
        case (_, .text(Self.mask)) where isSecret: self.value(in: config)
        case (.components, .list(let components)):
            .list(
                components.map { component in
                    guard case .group(var fields) = component, fields["secret"] == .text(Self.mask),
                        case .text(let domain)? = fields["domain"],
                        let known = config.components.first(where: { $0.domain == domain })
                    else { return component }
                    fields["secret"] = .text(known.secret)
                    return .group(fields)
                })
        default: value
        }
    }
}

extension ServerConfig.Component {
    var value: SettingValue {
        var fields: [String: SettingValue] = [
            "domain": .text(domain), "secret": .text(secret), "conflict": .text(conflict.rawValue),
        ]
        if let title { fields["title"] = .text(title) }
        return .group(fields)
    }
}
