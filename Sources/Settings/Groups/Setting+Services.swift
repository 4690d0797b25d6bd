/// Keys of the services that run on domains of their own.
extension Setting {
    static let search: [Setting] = [
        Setting(
            "search.access", "Who may search: every account, administrators, or nobody.", choice(\.search.access)),
        Setting(
            "search.domains",
            "Whose accounts are found, and who may look: own = those of the domain asked, all = those of every domain.",
            choice(\.search.domains)),
        Setting(
            "search.results", "People of one answer at most.",
            .integer(\.search.results, allowed: 1...1_000, zeroMeans: nil)),
    ]

    static let broadcast: [Setting] = [
        Setting(
            "broadcast.access",
            "Who may send to many at once: every account, administrators, or nobody. Nobody for the deployment is nobody"
                + " anywhere.",
            choice(\.broadcast.access), scopes: [.deployment, .domain, .user]),
        Setting(
            "broadcast.addresses", "Addresses of one stanza at most.",
            .integer(\.broadcast.addresses, allowed: 1...1_000, zeroMeans: nil)),
        Setting(
            "broadcast.recipients", "Recipients of one stanza at most, once roster groups are expanded.",
            .integer(\.broadcast.recipients, allowed: 1...10_000, zeroMeans: nil)),
        Setting(
            "broadcast.per_minute", "Recipients that one user may address in a minute.",
            .integer(\.broadcast.perMinute, allowed: 1...1_000_000, zeroMeans: "unlimited")),
    ]

    static let proxy65: [Setting] = [
        Setting(
            "proxy65.host",
            "Host name or address under which clients reach listen.proxy65; empty for the domain itself.",
            .host(\.proxy65.host)),
        Setting(
            "proxy65.streams", "Streams at a time.", .integer(\.proxy65.streams, allowed: 1...10_000, zeroMeans: nil)),
        Setting(
            "proxy65.streams_per_user", "Streams of one user at a time.",
            .integer(\.proxy65.streamsPerUser, allowed: 1...1_000, zeroMeans: nil)),
        Setting(
            "proxy65.bytes_per_second", "Bytes a second of one direction of a stream.",
            .integer(\.proxy65.bytesPerSecond, allowed: 10_000...1_000_000_000, zeroMeans: "unlimited")),
        Setting(
            "proxy65.stream_bytes", "Bytes of one stream, both directions together.",
            .integer(\.proxy65.streamBytes, allowed: 100_000...1_000_000_000_000, zeroMeans: "unlimited")),
        Setting(
            "proxy65.activation_seconds",
            "Seconds from connecting until the stream is activated; a connection without is closed.",
            .integer(\.proxy65.activationSeconds, allowed: 5...3_600, zeroMeans: nil)),
        Setting(
            "proxy65.idle_seconds", "Seconds without a byte in either direction after which a stream is closed.",
            .integer(\.proxy65.idleSeconds, allowed: 5...86_400, zeroMeans: nil)),
    ]

    static let files: [Setting] = [
        Setting(
            "files.enabled",
            "Whether users may upload files, and others fetch them, through listen.https or a reverse proxy in front of"
                + " listen.http. Without listen.https, web.public_url has to be there.",
            toggle(\.files.isEnabled)),
        Setting(
            "files.path",
            "Folder of the files, relative to the one of the database; nobody but the user of the server can read it.",
            .file(\.files.path, isSocket: false)),
        Setting(
            "files.max_bytes", "Bytes of the largest file.",
            .integer(\.files.maxBytes, allowed: 1...1_099_511_627_776, zeroMeans: nil)),
        Setting(
            "files.daily_bytes_per_user", "Bytes that one user may upload within 24 hours.",
            .integer(\.files.dailyBytesPerUser, allowed: 1...1_125_899_906_842_624, zeroMeans: "unlimited")),
        Setting(
            "files.keep_days", "Days after which a file is removed.",
            .integer(\.files.keepDays, allowed: 1...36_500, zeroMeans: "never")),
        Setting(
            "files.slot_seconds", "Seconds within which an upload has to begin once it was asked for.",
            .integer(\.files.slotSeconds, allowed: 1...3_600, zeroMeans: nil)),
    ]

    static let rooms: [Setting] = [
        Setting("rooms.enabled", "Whether there are chat rooms.", toggle(\.rooms.isEnabled)),
        Setting(
            "rooms.subdomain", "First label of the domain of the rooms, in front of each domain of accounts.",
            .word(\.rooms.subdomain, allowed: "letters, digits and hyphens") { text in
                !text.isEmpty && text.utf8.count <= 63 && text.first != "-" && text.last != "-"
                    && text.utf8.allSatisfy { $0 == 45 || (48...57).contains($0) || (97...122).contains($0) }
            }),
        Setting(
            "rooms.create", "Who may make rooms: every account, administrators, or nobody.", choice(\.rooms.create)),
        Setting(
            "rooms.occupants", "Occupants of a room at most; owners may choose fewer.",
            .integer(\.rooms.occupants, allowed: 2...100_000, zeroMeans: nil)),
        Setting(
            "rooms.rooms", "Rooms of one domain at most.",
            .integer(\.rooms.rooms, allowed: 1...1_000_000, zeroMeans: nil)),
        Setting(
            "rooms.persistent_rooms", "How many of them may stay when nobody is in them, also over restarts.",
            .integer(\.rooms.persistentRooms, allowed: 0...1_000_000, zeroMeans: nil)),
        Setting(
            "rooms.history", "Messages that somebody who enters sees of what was said before.",
            .integer(\.rooms.history, allowed: 0...100, zeroMeans: nil)),
    ]
}
