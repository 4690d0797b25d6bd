/// How the groups of settings are put together for people. A group that is not named here stands in the last section.
enum SettingsArrangement {
    /// Sections of the overview, each with its groups; `server` is the top of the file.
    static let sections: [(id: String, groups: [String])] = [
        ("people", ["presence", "messaging", "archive", "rooms", "broadcast", "files", "search", "mobile"]),
        (
            "connections",
            ["listen", "server", "web", "sip", "stream_management", "external_services", "proxy65"]
        ),
        ("security", ["authentication", "registration", "admin", "administration", "limits"]),
        ("operation", ["storage", "log", "logging", "metrics", "audit", "contact"]),
    ]

    static let last = "operation"

    /// The name of a setting's group in addresses.
    static func slug(_ group: String) -> String { group.isEmpty ? "server" : group }

    /// Sections with the groups that there are.
    static func arranged(_ groups: [String]) -> [(id: String, groups: [String])] {
        let known = Set(sections.flatMap(\.groups))
        let others = groups.filter { !known.contains($0) }
        return sections.compactMap { section in
            let found = section.groups.filter(groups.contains) + (section.id == last ? others : [])
            return found.isEmpty ? nil : (section.id, found)
        }
    }

    static func title(_ slug: String, _ language: ConsoleLanguage) -> String {
        if let title = language.optional("group.\(slug).title") { return title }
        let words = slug.split(separator: "_").joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    static func section(_ slug: String) -> ConsoleSection {
        switch slug {
        case "presence": .presence
        case "messaging": .messaging
        default: .settings
        }
    }
}
