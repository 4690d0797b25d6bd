extension LoadOptions {
    /// Checks every option against its bounds.
    ///
    /// - Throws: ``LoadFailure/invalidOption(_:)`` for the first one outside.
    func validate(for scenario: LoadScenario) throws(LoadFailure) {
        try Self.bound("port", port, 1...65_535)
        try Self.bound("n", count, 1...1_000_000)
        try Self.bound("base", base, 0...16_777_215)
        try Self.bound("conc", concurrency, 1...10_000)
        try Self.bound("window", window, 1...1_000)
        try Self.bound("rate", rate, 0...1_000_000)
        try Self.bound("size", bodyBytes, 64...65_536)
        try Self.bound("secs", seconds, 0.1...86_400)
        try Self.bound("warmup", warmup, 0...3_600)
        try Self.bound("settle", settle, 0...3_600)
        try Self.bound("sources", sources, 1...254)
        try Self.bound("messages", messages, 1...10_000_000)
        try Self.bound("receivers", receivers, 1...1_000_000)
        try Self.bound("senders", senders, 1...10_000)
        try Self.bound("queries", queries, 1...1_000_000)
        try Self.bound("page", page, 1...100)
        try Self.bound("base + n", base + accounts(for: scenario), 1...16_777_216)
        try validateTexts()
        switch scenario {
        case .chat where count % 2 != 0:
            throw .invalidOption("--n must be even for chat, because users talk in pairs; it is \(count)")
        case .presence, .setup:
            try Self.bound("contacts", contacts, 2...1_000)
            guard contacts % 2 == 0 else { throw .invalidOption("--contacts must be even; it is \(contacts)") }
            guard contacts < count else {
                throw .invalidOption("--contacts must be below --n (\(count)); it is \(contacts)")
            }
            if let togglers { try Self.bound("togglers", togglers, 1...count) }
        default: break
        }
        for process in processes where process < 1 {
            throw .invalidOption("--pid takes process ids, not \(process)")
        }
    }

    static func bound<Number: Comparable>(
        _ name: String, _ value: Number, _ range: ClosedRange<Number>
    ) throws(LoadFailure) {
        guard range.contains(value) else {
            throw .invalidOption("--\(name) must be \(range.lowerBound) to \(range.upperBound); it is \(value)")
        }
    }

    private func validateTexts() throws(LoadFailure) {
        guard !host.isEmpty else { throw .invalidOption("--host is empty") }
        try Self.plainText("domain", domain, refusing: "<>&'\"/@ ", upTo: 1_023)
        try Self.plainText("user-template", userTemplate, refusing: "<>&'\"/@: ", upTo: 200)
        try Self.plainText("pass-template", passwordTemplate, refusing: "", upTo: 200)
        try Self.plainText("resource", resource, refusing: "<>&'\"", upTo: 200)
        try Self.holes(user: userTemplate, password: passwordTemplate)
    }

    /// Checks where the account's number goes in the two templates.
    static func holes(user: String, password: String) throws(LoadFailure) {
        let holes = user.split(separator: "%d", omittingEmptySubsequences: false).count - 1
        guard holes == 1 else { throw .invalidOption("--user-template needs one %d; it is \(user)") }
        guard password.split(separator: "%d", omittingEmptySubsequences: false).count <= 2 else {
            throw .invalidOption("--pass-template takes at most one %d")
        }
    }

    static func plainText(
        _ name: String, _ value: String, refusing refused: String, upTo limit: Int
    ) throws(LoadFailure) {
        guard (1...limit).contains(value.utf8.count) else {
            throw .invalidOption("--\(name) must have 1 to \(limit) bytes; it has \(value.utf8.count)")
        }
        for byte in value.utf8 where byte < 0x20 || byte > 0x7E || refused.utf8.contains(byte) {
            throw .invalidOption("--\(name) has a character that it may not have (byte \(byte)): \(value)")
        }
    }

    /// Whether the server's certificate is checked: by default for every host but loopback.
    var verifiesCertificate: Bool {
        if let isInsecure { return !isInsecure }
        return !(host == "localhost" || host == "::1" || host.hasPrefix("127."))
    }
}
