/// Looks for what is wrong: what administrators know as Diagnostics – System Troubleshooter.
public protocol AdminDoctor: Sendable {
    /// Runs every test; takes seconds at most.
    func examine() async throws -> AdminExamination
}

public struct AdminExamination: Codable, Sendable, Equatable {
    /// ISO 8601.
    public var at: String
    public var areas: [Area]

    public struct Area: Codable, Sendable, Equatable {
        /// `system`, `certificates`, `domains`, `storage`, `services`, `users`, `security`
        public var name: String
        public var tests: [AdminTest]

        public init(_ name: String, _ tests: [AdminTest]) {
            self.name = name
            self.tests = tests
        }
    }

    public init(at: String, areas: [Area]) {
        self.at = at
        self.areas = areas
    }

    public var worst: AdminTest.Outcome {
        let outcomes = areas.flatMap(\.tests).map(\.outcome)
        return outcomes.contains(.fail) ? .fail : outcomes.contains(.warning) ? .warning : .pass
    }
}

public struct AdminTest: Codable, Sendable, Equatable {
    public enum Outcome: String, Codable, Sendable, CaseIterable { case pass, warning, fail }

    /// Stable, for example `certificate-expiry`.
    public var name: String
    /// What is tested, English.
    public var title: String
    public var outcome: Outcome
    /// What was found, and what to do.
    public var explanation: String
    /// Path in the console where it is mended; nil when it is not mended there.
    public var link: String?

    public init(_ name: String, _ title: String, _ outcome: Outcome, _ explanation: String, link: String? = nil) {
        self.name = name
        self.title = title
        self.outcome = outcome
        self.explanation = explanation
        self.link = link
    }
}
