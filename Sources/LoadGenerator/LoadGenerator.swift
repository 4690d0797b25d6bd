import NIOCore
import NIOPosix

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Puts a measured load on any XMPP or SIP server and reports what it cost.
public enum LoadGenerator {
    /// Runs one scenario and blocks the calling thread until it is over.
    ///
    /// One event loop carries all sessions, so that the generator leaves the machine to the server.
    ///
    /// - Throws: ``LoadFailure`` when an option is outside its bounds or the machine refuses what the run needs.
    ///   Failures of the server are counted in the report instead.
    public static func run(_ scenario: LoadScenario, _ options: LoadOptions) throws -> LoadReport {
        try options.validate(for: scenario)
        try raiseDescriptorLimit(for: options.accounts(for: scenario))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let stage = try Stage(options, scenario, loop: group.next())
        let report =
            switch scenario {
            case .login, .register: try LoginScenario(stage: stage).run()
            case .idle: try IdleScenario(stage: stage).run()
            case .chat: try ChatScenario(stage: stage).run()
            case .presence: try PresenceScenario(stage: stage).run()
            case .setup: try SubscriptionScenario(stage: stage).run()
            case .offline: try OfflineScenario(stage: stage).run()
            case .archive: try ArchiveScenario(stage: stage).run()
            }
        if let file = options.outputFile {
            try SystemFile.write(report.json + "\n", to: file, appending: true)
        }
        return report
    }

    /// Runs one SIP scenario and blocks the calling thread until it is over.
    ///
    /// - Throws: as ``run(_:_:)-(LoadScenario,_)``.
    public static func run(_ scenario: SIPLoadScenario, _ options: SIPLoadOptions) throws -> LoadReport {
        try options.validate(for: scenario)
        try raiseDescriptorLimit(for: options.carrier == .tcp ? options.accounts(for: scenario) : options.sockets)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let report = try SIPStage(options, scenario, loop: group.next()).run()
        if let file = options.outputFile {
            try SystemFile.write(report.json + "\n", to: file, appending: true)
        }
        return report
    }

    /// Raises the soft limit of descriptors to the hard one.
    private static func raiseDescriptorLimit(for connections: Int) throws(LoadFailure) {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
        _ = getrlimit(resource, &limit)
        guard UInt64(connections) + 20 <= UInt64(limit.rlim_cur) else {
            throw .notPossible(
                "\(connections) connections need \(connections + 20) descriptors; the limit is \(limit.rlim_cur)")
        }
    }
}
