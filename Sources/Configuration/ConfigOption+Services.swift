/// Keys of the services that run on domains of their own.
extension ConfigOption {
    static let search: [ConfigOption] = [
        ConfigOption(
            "search.access", "Who may search: every account, administrators, or nobody.", choice(\.search.access)),
        ConfigOption(
            "search.domains",
            "Whose accounts are found, and who may look: own = those of the domain asked, all = those of every domain.",
            choice(\.search.domains)),
        ConfigOption(
            "search.results", "People of one answer at most.",
            .integer(\.search.results, allowed: 1...1_000, zeroMeans: nil)),
    ]

    static let broadcast: [ConfigOption] = [
        ConfigOption(
            "broadcast.access", "Who may send to many at once: every account, administrators, or nobody.",
            choice(\.broadcast.access)),
        ConfigOption(
            "broadcast.addresses", "Addresses of one stanza at most.",
            .integer(\.broadcast.addresses, allowed: 1...1_000, zeroMeans: nil)),
        ConfigOption(
            "broadcast.recipients", "Recipients of one stanza at most, once roster groups are expanded.",
            .integer(\.broadcast.recipients, allowed: 1...10_000, zeroMeans: nil)),
        ConfigOption(
            "broadcast.per_minute", "Recipients that one user may address in a minute.",
            .integer(\.broadcast.perMinute, allowed: 1...1_000_000, zeroMeans: "unlimited")),
    ]
}
