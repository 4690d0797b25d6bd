/// What a SIP load run does and against whom; the defaults suit a small server on the same machine.
public struct SIPLoadOptions: Sendable {
    /// What carries the messages (RFC 3261 §18).
    public enum Carrier: String, Sendable, CaseIterable {
        /// A few sockets that the users share.
        case udp
        /// A connection for each user, which the server must use for its own requests too.
        case tcp
    }

    /// Hash of the digest answers (RFC 8760 §2); a server that does not offer it makes the run fail.
    public enum Algorithm: String, Sendable, CaseIterable {
        case md5 = "MD5"
        case sha256 = "SHA-256"
    }

    /// Address or name of the server.
    public var host = "127.0.0.1"
    /// Port, 1 … 65535, for UDP and TCP.
    public var port = 5060
    /// Address of our own that stands in Via and Contact and that sockets are bound to.
    public var localAddress = "127.0.0.1"
    /// SIP domain of every user.
    public var domain = "localhost"
    public var carrier = Carrier.udp
    public var algorithm = Algorithm.md5
    /// Users (register, message), presentities (publish) or subscriptions (subscribe, idle), 1 … 1,000,000.
    public var count = 100
    /// Number of the first user, 0 … 16,777,215.
    public var base = 0
    /// Operations in progress at once, 1 … 10,000; nil lets every user have one (message, publish), or 50.
    public var concurrency: Int?
    /// Operations a second, 0 is a closed loop, else up to 1,000,000 (open loop). Idle: subscriptions a second.
    public var rate = 0.0
    /// Publish: watchers of each presentity, 1 … 1,000.
    public var watchers = 10
    /// Publish and idle: users that take part; nil is one for each role.
    public var users: Int?
    /// UDP: sockets that the users share, 1 … 1,000.
    public var sockets = 64
    /// Lifetime asked for, 60 … 86,400 s.
    public var expires = 3_600
    /// Message: length of a body in bytes, 64 … 1,000 (RFC 3428 §8 allows no more over UDP).
    public var bodyBytes = 64
    /// Length of the measured window, or how long idle subscriptions are held, 0.1 … 86,400 s.
    public var seconds = 10.0
    /// Traffic before the measured window, 0 … 3,600 s.
    public var warmup = 2.0
    /// Quiet time after the preparation, 0 … 3,600 s.
    public var settle = 1.0
    /// Leave registrations and subscriptions behind.
    public var keeps = false
    public var userTemplate = "user%d"
    public var passwordTemplate = "pw%d"
    /// Server processes whose CPU time and memory, descendants included, are read from `/proc`.
    public var processes: [Int32] = []
    /// Free text copied to the report.
    public var label = ""
    /// File to which the report is appended as one line.
    public var outputFile: String?

    public init() {}

    /// Users whose accounts a run of `scenario` needs.
    func accounts(for scenario: SIPLoadScenario) -> Int {
        switch scenario {
        case .register, .message, .subscribe: count
        case .publish: min(users ?? .max, count * (watchers + 1))
        case .idle: min(users ?? .max, count)
        }
    }

    func concurrency(for scenario: SIPLoadScenario) -> Int {
        let operations = min(count, 1_000_000)
        switch scenario {
        case .message, .publish: return min(concurrency ?? operations, operations)
        case .register, .subscribe, .idle: return min(concurrency ?? 50, operations)
        }
    }

    func username(_ index: Int) -> String { LoadOptions.fill(userTemplate, base + index) }

    func password(_ index: Int) -> String { LoadOptions.fill(passwordTemplate, base + index) }

    /// Checks every option against its bounds.
    ///
    /// - Throws: ``LoadFailure/invalidOption(_:)`` for the first one outside.
    func validate(for scenario: SIPLoadScenario) throws(LoadFailure) {
        try LoadOptions.bound("port", port, 1...65_535)
        try LoadOptions.bound("n", count, 1...1_000_000)
        try LoadOptions.bound("base", base, 0...16_777_215)
        if let concurrency { try LoadOptions.bound("conc", concurrency, 1...10_000) }
        try LoadOptions.bound("rate", rate, 0...1_000_000)
        try LoadOptions.bound("watchers", watchers, 1...1_000)
        if let users { try LoadOptions.bound("users", users, 2...1_000_000) }
        try LoadOptions.bound("sockets", sockets, 1...1_000)
        try LoadOptions.bound("expires", expires, 60...86_400)
        try LoadOptions.bound("size", bodyBytes, 64...1_000)
        try LoadOptions.bound("secs", seconds, 0.1...86_400)
        try LoadOptions.bound("warmup", warmup, 0...3_600)
        try LoadOptions.bound("settle", settle, 0...3_600)
        try LoadOptions.bound("base + n", base + accounts(for: scenario), 1...16_777_216)
        guard !host.isEmpty else { throw .invalidOption("--host is empty") }
        try LoadOptions.plainText("domain", domain, refusing: "<>&'\"/@ ;?", upTo: 255)
        try LoadOptions.plainText("local", localAddress, refusing: "<>&'\"/@ ;?", upTo: 64)
        try LoadOptions.plainText("user-template", userTemplate, refusing: "<>&'\"/@:;? ", upTo: 200)
        try LoadOptions.plainText("pass-template", passwordTemplate, refusing: "", upTo: 200)
        try LoadOptions.holes(user: userTemplate, password: passwordTemplate)
        let users = accounts(for: scenario)
        switch scenario {
        case .message where count % 2 != 0:
            throw .invalidOption("--n must be even for sip-message, because users talk in pairs; it is \(count)")
        case .publish where users < count + watchers:
            throw .invalidOption("--users must be at least --n + --watchers (\(count + watchers)); it is \(users)")
        case .subscribe where count < 2:
            throw .invalidOption("--n must be at least 2, because users watch each other; it is \(count)")
        case .idle where users < 2 || (count - 1) / users + 1 >= users:
            throw .invalidOption("--users are too few for --n \(count): each watches another one only once")
        default: break
        }
        for process in processes where process < 1 {
            throw .invalidOption("--pid takes process ids, not \(process)")
        }
    }
}

/// What kind of SIP load is put on the server.
public enum SIPLoadScenario: String, Sendable, CaseIterable {
    /// Registrations, then their refreshing (RFC 3261 §10).
    case register = "sip-register"
    /// Page-mode messages between registered pairs (RFC 3428).
    case message = "sip-message"
    /// Publications (RFC 3903) in front of watchers.
    case publish = "sip-publish"
    /// Subscriptions made, refreshed and ended (RFC 6665).
    case subscribe = "sip-subscribe"
    /// Subscriptions that nothing happens to.
    case idle = "sip-idle"
}
