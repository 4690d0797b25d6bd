import Yams

/// The list of external components.
extension ConfigReader {
    private static let expectation = "a list, each entry with domain and secret, and if need be title and conflict"

    mutating func readComponents(_ value: Node) {
        if Self.isEmpty(value) { return }
        guard case .sequence(let items) = value else {
            return refuse("components", value: value, expected: Self.expectation)
        }
        for (index, item) in items.enumerated() { readComponent(item, key: "components[\(index)]") }
    }

    private mutating func readComponent(_ item: Node, key: String) {
        lines[key] = item.mark?.line
        guard case .mapping(let mapping) = item else {
            return refuse(key, value: item, expected: "the keys domain and secret")
        }
        var component = ServerConfig.Component(domain: "", secret: "")
        var missing: Set<String> = ["domain", "secret"]
        let known: Set<String> = ["domain", "secret", "title", "conflict"]
        for (keyNode, value) in mapping {
            guard let name = readKey(keyNode, path: [], known: known, prefix: key) else { continue }
            missing.remove(name)
            let path = "\(key).\(name)"
            switch (name, Self.text(value)) {
            case ("domain", let text?):
                switch DomainName.prepare(text) {
                case .success(let prepared): component.domain = prepared
                case .failure(let reason):
                    refuse(path, "value \(Self.shown(text)) is not allowed: expected a domain name, \(reason.text)")
                }
            case ("secret", let text?) where text.utf8.count <= 1_023: component.secret = text
            // The value stays out of the message.
            case ("secret", _): refuse(path, "is not allowed: expected 1 … 1023 bytes of text")
            case ("title", let text?) where text.utf8.count <= 1_023: component.title = text
            case ("conflict", let text?):
                guard let conflict = ServerConfig.Component.Conflict(rawValue: text) else {
                    refuse(path, value: value, expected: "one of refuse, replace")
                    continue
                }
                component.conflict = conflict
            case ("domain", nil): refuse(path, value: value, expected: "a domain name")
            default: refuse(path, value: value, expected: "1 … 1023 bytes of text")
            }
        }
        for name in missing.sorted() { refuse(key, "\(name) is missing: expected domain and secret") }
        config.components.append(component)
    }

    /// No domain has two owners, and components can connect.
    mutating func checkComponents() {
        for (index, component) in config.components.enumerated() where !component.domain.isEmpty {
            let key = "components[\(index)].domain"
            if config.domains.contains(where: { $0.name == component.domain }) {
                refuse(key, "\(component.domain) is a domain of accounts: expected a domain of its own")
            } else if let first = config.components.firstIndex(where: { $0.domain == component.domain }), first < index
            {
                refuse(key, "domain \(component.domain) is given twice: components[\(first)] has it already")
            }
        }
        if !config.components.isEmpty, config.component == nil {
            refuse("components", "cannot connect, because listen.component is off: expected address and port there")
        }
    }
}
