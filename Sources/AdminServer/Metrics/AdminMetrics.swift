import Ground

/// Figures of the running server and whether it is well.
public protocol AdminMetrics: Sendable {
    /// Everything that is counted and measured, at this moment.
    func metrics() async throws -> [AdminMetric]
    /// The last minutes, for charts.
    func metricsHistory() async throws -> AdminMetricsHistory
    /// Whether the server can do its work; never throws, because it is asked when things are wrong.
    func health() async -> AdminHealth
}

/// One metric family of OpenMetrics 1.0.
public struct AdminMetric: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable, CaseIterable { case counter, gauge, histogram }

    public struct Sample: Codable, Sendable, Equatable {
        public var labels: [String: String]
        public var value: Double

        public init(_ value: Double, _ labels: [String: String] = [:]) {
            self.labels = labels
            self.value = value
        }
    }

    /// Without `_total` and the like, for example `roost_messages`.
    public var name: String
    public var kind: Kind
    public var help: String
    public var samples: [Sample]
    /// Of a histogram, not cumulated; empty for other kinds.
    public var buckets: [Int]
    /// Of a histogram, milliseconds.
    public var sum: Double

    public init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
        buckets = []
        sum = 0
    }

    /// Durations; the name ends with `_seconds`.
    public init(_ name: String, _ help: String, _ histogram: Histogram) {
        self.name = name
        kind = .histogram
        self.help = help
        samples = []
        buckets = histogram.counts
        sum = Double(histogram.sum)
    }
}

/// Points at equal distances, the newest last.
public struct AdminMetricsHistory: Codable, Sendable, Equatable {
    /// Seconds between two points.
    public var interval: Int
    public var points: [Point]

    public struct Point: Codable, Sendable, Equatable {
        /// Seconds since 1970.
        public var at: Int
        public var sessions: Int
        public var messagesPerSecond: Double
        public var deliveriesPerSecond: Double
        /// Milliseconds from acceptance until a client had the message; nil without any.
        public var latencyMedian: Double?
        public var latencyHigh: Double?
        public var residentBytes: Int
        /// Share of one core, 1 is all of it.
        public var processor: Double
        /// Contacts of SIP clients.
        public var sipRegistrations: Int
        /// Subscriptions of SIP watchers.
        public var sipSubscriptions: Int
        /// SIP messages, requests and responses, in and out.
        public var sipPerSecond: Double

        public init(
            at: Int, sessions: Int, messagesPerSecond: Double, deliveriesPerSecond: Double, latencyMedian: Double?,
            latencyHigh: Double?, residentBytes: Int, processor: Double, sipRegistrations: Int = 0,
            sipSubscriptions: Int = 0, sipPerSecond: Double = 0
        ) {
            self.at = at
            self.sessions = sessions
            self.messagesPerSecond = messagesPerSecond
            self.deliveriesPerSecond = deliveriesPerSecond
            self.latencyMedian = latencyMedian
            self.latencyHigh = latencyHigh
            self.residentBytes = residentBytes
            self.processor = processor
            self.sipRegistrations = sipRegistrations
            self.sipSubscriptions = sipSubscriptions
            self.sipPerSecond = sipPerSecond
        }
    }

    public init(interval: Int, points: [Point]) {
        self.interval = interval
        self.points = points
    }
}

public struct AdminHealth: Codable, Sendable, Equatable {
    /// The process answers.
    public var isLive: Bool
    /// It can take clients and keep its promises.
    public var isReady: Bool
    public var checks: [Check]

    public struct Check: Codable, Sendable, Equatable {
        public var name: String
        public var isPassed: Bool
        /// Empty when passed.
        public var reason: String

        public init(_ name: String, _ isPassed: Bool, _ reason: String = "") {
            self.name = name
            self.isPassed = isPassed
            self.reason = isPassed ? "" : reason
        }
    }

    public init(isLive: Bool, checks: [Check]) {
        self.isLive = isLive
        isReady = checks.allSatisfy(\.isPassed)
        self.checks = checks
    }
}
