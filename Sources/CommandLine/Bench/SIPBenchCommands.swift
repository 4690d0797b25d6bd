import ArgumentParser
import LoadGenerator

/// One SIP scenario as a subcommand.
protocol SIPBenchScenario: ParsableCommand {
    static var scenario: SIPLoadScenario { get }
    var target: SIPBenchTargetOptions { get }
    /// Adds the scenario's own options.
    func apply(to options: inout SIPLoadOptions)
}

extension SIPBenchScenario {
    func validate() throws { _ = try target.loadOptions() }

    func run() throws {
        var options = try target.loadOptions()
        apply(to: &options)
        let report: LoadReport
        do {
            report = try LoadGenerator.run(Self.scenario, options)
        } catch LoadFailure.invalidOption(let text) {
            throw ValidationError(text)
        }
        print(report.json)
        if !report.isClean { throw ExitCode.failure }
    }
}

/// Whom a SIP bench run talks to, as whom, and where the result goes.
struct SIPBenchTargetOptions: ParsableArguments {
    @Option(help: "Address or name of the server.") var host = "127.0.0.1"
    @Option(help: "Port, for UDP and TCP.") var port = 5060
    @Option(help: "Address of our own for sockets, Via and Contact.") var local = "127.0.0.1"
    @Option(help: "SIP domain.") var domain = "localhost"
    @Option(help: "udp or tcp; with tcp each user has a connection.") var transport = "udp"
    @Option(help: "MD5 or SHA-256.") var digest = "MD5"
    @Option(help: "Number of the first account.") var base = 0
    @Option(help: "Operations in progress at once (default: 50; message and publish: one of each user).") var conc: Int?
    @Option(help: "Operations a second; 0 is a closed loop.") var rate = 0.0
    @Option(help: "UDP: sockets that the users share.") var sockets = 64
    @Option(help: "Lifetime to ask for, in seconds.") var expires = 3_600
    @Option(help: "Username with one %d for the account's number.") var userTemplate = "user%d"
    @Option(help: "Password with at most one %d.") var passTemplate = "pw%d"
    @Option(help: "Server processes to measure, separated by commas; descendants are included.") var pid: String?
    @Option(help: "Seconds of quiet after the preparation.") var settle = 1.0
    @Flag(help: "Leave registrations and subscriptions behind.") var keep = false
    @Option(help: "Text copied to the report.") var label = ""
    @Option(help: "File to append the report to.") var out: String?

    func loadOptions() throws -> SIPLoadOptions {
        var options = SIPLoadOptions()
        options.host = host
        options.port = port
        options.localAddress = local
        options.domain = domain
        options.base = base
        options.concurrency = conc
        options.rate = rate
        options.sockets = sockets
        options.expires = expires
        options.userTemplate = userTemplate
        options.passwordTemplate = passTemplate
        options.settle = settle
        options.keeps = keep
        options.label = label
        options.outputFile = out
        guard let carrier = SIPLoadOptions.Carrier(rawValue: transport) else {
            throw ValidationError("--transport must be udp or tcp; it is \(transport)")
        }
        options.carrier = carrier
        guard let algorithm = SIPLoadOptions.Algorithm(rawValue: digest) else {
            throw ValidationError("--digest must be MD5 or SHA-256; it is \(digest)")
        }
        options.algorithm = algorithm
        options.processes = try BenchTargetOptions.processes(pid)
        return options
    }
}

extension BenchCommand {
    struct SIPRegister: SIPBenchScenario {
        static let scenario = SIPLoadScenario.register
        static let configuration = CommandConfiguration(
            commandName: "sip-register",
            abstract: "SIP registrations, then their refreshing; memory for each.",
            discussion: "Start the server afresh for memory. --rate 7 is 25,000 phones that refresh each hour.")

        @OptionGroup var target: SIPBenchTargetOptions
        @OptionGroup var timing: BenchWindowOptions
        @Option(name: .customLong("n"), help: "Users.") var count = 2_000

        func apply(to options: inout SIPLoadOptions) {
            options.count = count
            timing.apply(to: &options)
        }
    }

    struct SIPMessage: SIPBenchScenario {
        static let scenario = SIPLoadScenario.message
        static let configuration = CommandConfiguration(
            commandName: "sip-message",
            abstract: "SIP messages between pairs of registered users; each has one on its way.")

        @OptionGroup var target: SIPBenchTargetOptions
        @OptionGroup var timing: BenchWindowOptions
        @Option(name: .customLong("n"), help: "Users, an even number.") var count = 400
        @Option(help: "Bytes of a message body, 64 to 1000.") var size = 64

        func apply(to options: inout SIPLoadOptions) {
            options.count = count
            options.bodyBytes = size
            timing.apply(to: &options)
        }
    }

    struct SIPPublish: SIPBenchScenario {
        static let scenario = SIPLoadScenario.publish
        static let configuration = CommandConfiguration(
            commandName: "sip-publish",
            abstract: "SIP users who publish their presence in front of watchers.",
            discussion: "A user publishes again when every watcher has been told and has answered.")

        @OptionGroup var target: SIPBenchTargetOptions
        @OptionGroup var timing: BenchWindowOptions
        @Option(name: .customLong("n"), help: "Users who publish.") var count = 50
        @Option(help: "Watchers of each.") var watchers = 10
        @Option(help: "All users, who then share the watching (default: one user for each watcher).") var users: Int?

        func apply(to options: inout SIPLoadOptions) {
            options.count = count
            options.watchers = watchers
            options.users = users
            timing.apply(to: &options)
        }
    }

    struct SIPSubscribe: SIPBenchScenario {
        static let scenario = SIPLoadScenario.subscribe
        static let configuration = CommandConfiguration(
            commandName: "sip-subscribe",
            abstract: "SIP subscriptions made, refreshed and ended, with the notifications that they cause.")

        @OptionGroup var target: SIPBenchTargetOptions
        @OptionGroup var timing: BenchWindowOptions
        @Option(name: .customLong("n"), help: "Users, each of whom watches the next one.") var count = 400

        func apply(to options: inout SIPLoadOptions) {
            options.count = count
            timing.apply(to: &options)
        }
    }

    struct SIPIdle: SIPBenchScenario {
        static let scenario = SIPLoadScenario.idle
        static let configuration = CommandConfiguration(
            commandName: "sip-idle",
            abstract: "SIP subscriptions that nothing happens to: memory for each.",
            discussion: "Prints READY on standard error when all are made. Start the server afresh for each run.")

        @OptionGroup var target: SIPBenchTargetOptions
        @Option(name: .customLong("n"), help: "Subscriptions.") var count = 20_000
        @Option(help: "Users who watch each other.") var users = 2_000
        @Option(help: "Seconds to hold the subscriptions.") var secs = 10.0

        func apply(to options: inout SIPLoadOptions) {
            options.count = count
            options.users = users
            options.seconds = secs
        }
    }
}
