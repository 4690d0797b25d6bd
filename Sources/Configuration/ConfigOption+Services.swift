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

    static let proxy65: [ConfigOption] = [
        ConfigOption(
            "proxy65.host",
            "Host name or address under which clients reach listen.proxy65; empty for the domain itself.",
            .host(\.proxy65.host)),
        ConfigOption(
            "proxy65.streams", "Streams at a time.", .integer(\.proxy65.streams, allowed: 1...10_000, zeroMeans: nil)),
        ConfigOption(
            "proxy65.streams_per_user", "Streams of one user at a time.",
            .integer(\.proxy65.streamsPerUser, allowed: 1...1_000, zeroMeans: nil)),
        ConfigOption(
            "proxy65.bytes_per_second", "Bytes a second of one direction of a stream.",
            .integer(\.proxy65.bytesPerSecond, allowed: 10_000...1_000_000_000, zeroMeans: "unlimited")),
        ConfigOption(
            "proxy65.stream_bytes", "Bytes of one stream, both directions together.",
            .integer(\.proxy65.streamBytes, allowed: 100_000...1_000_000_000_000, zeroMeans: "unlimited")),
        ConfigOption(
            "proxy65.activation_seconds",
            "Seconds from connecting until the stream is activated; a connection without is closed.",
            .integer(\.proxy65.activationSeconds, allowed: 5...3_600, zeroMeans: nil)),
        ConfigOption(
            "proxy65.idle_seconds", "Seconds without a byte in either direction after which a stream is closed.",
            .integer(\.proxy65.idleSeconds, allowed: 5...86_400, zeroMeans: nil)),
    ]

    static let files: [ConfigOption] = [
        ConfigOption(
            "files.enabled",
            "Whether users may upload files, and others fetch them, through listen.https or a reverse proxy in front of"
                + " listen.http. Without listen.https, web.public_url has to be there.",
            toggle(\.files.isEnabled)),
        ConfigOption(
            "files.path",
            "Folder of the files, relative to the one of the database; nobody but the user of the server can read it.",
            .file(\.files.path, isSocket: false)),
        ConfigOption(
            "files.max_bytes", "Bytes of the largest file.",
            .integer(\.files.maxBytes, allowed: 1...1_099_511_627_776, zeroMeans: nil)),
        ConfigOption(
            "files.daily_bytes_per_user", "Bytes that one user may upload within 24 hours.",
            .integer(\.files.dailyBytesPerUser, allowed: 1...1_125_899_906_842_624, zeroMeans: "unlimited")),
        ConfigOption(
            "files.keep_days", "Days after which a file is removed.",
            .integer(\.files.keepDays, allowed: 1...36_500, zeroMeans: "never")),
        ConfigOption(
            "files.slot_seconds", "Seconds within which an upload has to begin once it was asked for.",
            .integer(\.files.slotSeconds, allowed: 1...3_600, zeroMeans: nil)),
    ]

    static let rooms: [ConfigOption] = [
        ConfigOption("rooms.enabled", "Whether there are chat rooms.", toggle(\.rooms.isEnabled)),
        ConfigOption(
            "rooms.subdomain", "First label of the domain of the rooms, in front of each domain of accounts.",
            .word(\.rooms.subdomain, allowed: "letters, digits and hyphens") { text in
                !text.isEmpty && text.utf8.count <= 63 && text.first != "-" && text.last != "-"
                    && text.utf8.allSatisfy { $0 == 45 || (48...57).contains($0) || (97...122).contains($0) }
            }),
        ConfigOption(
            "rooms.create", "Who may make rooms: every account, administrators, or nobody.", choice(\.rooms.create)),
        ConfigOption(
            "rooms.occupants", "Occupants of a room at most; owners may choose fewer.",
            .integer(\.rooms.occupants, allowed: 2...100_000, zeroMeans: nil)),
        ConfigOption(
            "rooms.rooms", "Rooms of one domain at most.",
            .integer(\.rooms.rooms, allowed: 1...1_000_000, zeroMeans: nil)),
        ConfigOption(
            "rooms.persistent_rooms", "How many of them may stay when nobody is in them, also over restarts.",
            .integer(\.rooms.persistentRooms, allowed: 0...1_000_000, zeroMeans: nil)),
        ConfigOption(
            "rooms.history", "Messages that somebody who enters sees of what was said before.",
            .integer(\.rooms.history, allowed: 0...100, zeroMeans: nil)),
    ]
}
