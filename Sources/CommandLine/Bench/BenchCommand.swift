import ArgumentParser
import LoadGenerator

/// `roost bench`: puts load on any XMPP or SIP server and reports what it cost.
public struct BenchCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Put a measured load on an XMPP or SIP server, this one or any other.",
        discussion: """
            Every run prints one JSON object on one line. Bodies carry the run, the sender, a number and the time, and
            receivers check them: the exit status is 0 only when nothing was lost, doubled, reordered, misrouted or
            refused. With --pid the CPU time and memory of the server's processes are part of the report.
            """,
        subcommands: [
            Login.self, Idle.self, Chat.self, Presence.self, Offline.self, Archive.self, Setup.self, Register.self,
            SIPRegister.self, SIPMessage.self, SIPPublish.self, SIPSubscribe.self, SIPIdle.self,
        ])

    public init() {}
}

/// One scenario as a subcommand.
protocol BenchScenario: ParsableCommand {
    static var scenario: LoadScenario { get }
    var target: BenchTargetOptions { get }
    /// Adds the scenario's own options.
    func apply(to options: inout LoadOptions)
}

extension BenchScenario {
    func apply(to options: inout LoadOptions) {}

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

extension BenchCommand {
    struct Login: BenchScenario {
        static let scenario = LoadScenario.login
        static let configuration = CommandConfiguration(
            abstract: "Whole logins: roster, presence, a ping, and the end of the stream.",
            discussion: "With SCRAM a first pass, not measured, derives the keys that real clients keep.")

        @OptionGroup var target: BenchTargetOptions
    }

    struct Idle: BenchScenario {
        static let scenario = LoadScenario.idle
        static let configuration = CommandConfiguration(
            abstract: "Sessions that do nothing: memory for each.",
            discussion: "Prints READY on standard error when all are in. Start the server afresh for each run.")

        @OptionGroup var target: BenchTargetOptions
        @Option(help: "Seconds to hold the sessions.") var secs = 10.0

        func apply(to options: inout LoadOptions) { options.seconds = secs }
    }

    struct Chat: BenchScenario {
        static let scenario = LoadScenario.chat
        static let configuration = CommandConfiguration(
            abstract: "One-to-one messages between pairs.",
            discussion: """
                A closed loop saturates the server; its latency is the length of the queue. --rate makes an open loop,
                whose messages are stamped with the time they were due: take latency from there.
                """)

        @OptionGroup var target: BenchTargetOptions
        @OptionGroup var timing: BenchWindowOptions
        @OptionGroup var message: BenchMessageOptions
        @Option(help: "Messages in flight for each direction of a pair.") var window = 1
        @Option(help: "Messages a second over all sessions; 0 is a closed loop.") var rate = 0.0
        @Flag(help: "Address full JIDs.") var toFull = false

        func apply(to options: inout LoadOptions) {
            timing.apply(to: &options)
            message.apply(to: &options)
            options.window = window
            options.rate = rate
            options.addressesFullJID = toFull
        }
    }

    struct Presence: BenchScenario {
        static let scenario = LoadScenario.presence
        static let configuration = CommandConfiguration(
            abstract: "Users toggling their presence in front of their contacts; 'setup' makes the contacts.")

        @OptionGroup var target: BenchTargetOptions
        @OptionGroup var timing: BenchWindowOptions
        @OptionGroup var message: BenchMessageOptions
        @Option(help: "Contacts of each user, even.") var contacts = 50
        @Option(help: "Users that toggle (default: a tenth).") var togglers: Int?
        @Flag(help: "Publish items of personal eventing (XEP-0163) instead of presence.") var eventing = false

        func apply(to options: inout LoadOptions) {
            timing.apply(to: &options)
            message.apply(to: &options)
            options.contacts = contacts
            options.togglers = togglers
            options.usesEventing = eventing
        }
    }

    struct Offline: BenchScenario {
        static let scenario = LoadScenario.offline
        static let configuration = CommandConfiguration(
            abstract: "Messages to accounts that are away, then their delivery.",
            discussion: "Uses senders + receivers accounts; --n is not used.")

        @OptionGroup var target: BenchTargetOptions
        @OptionGroup var message: BenchMessageOptions
        @Option(help: "Messages to store.") var messages = 5_000
        @Option(help: "Accounts that are away.") var receivers = 100
        @Option(help: "Accounts that send.") var senders = 10

        func apply(to options: inout LoadOptions) {
            message.apply(to: &options)
            options.messages = messages
            options.receivers = receivers
            options.senders = senders
        }
    }

    struct Archive: BenchScenario {
        static let scenario = LoadScenario.archive
        static let configuration = CommandConfiguration(
            abstract: "Fill one account's archive with messages, then read pages out of it (XEP-0313).",
            discussion: "Uses senders + 1 accounts; --n is not used. Latency is that of a page, one at a time.")

        @OptionGroup var target: BenchTargetOptions
        @OptionGroup var message: BenchMessageOptions
        @Option(help: "Messages to fill the archive with.") var messages = 20_000
        @Option(help: "Accounts that send them.") var senders = 10
        @Option(help: "Pages to ask for.") var queries = 1_000
        @Option(help: "Messages of a page.") var page = 50

        func apply(to options: inout LoadOptions) {
            message.apply(to: &options)
            options.messages = messages
            options.senders = senders
            options.queries = queries
            options.page = page
        }
    }

    struct Setup: BenchScenario {
        static let scenario = LoadScenario.setup
        static let configuration = CommandConfiguration(
            abstract: "Make the mutual subscriptions that 'presence' needs.")

        @OptionGroup var target: BenchTargetOptions
        @Option(help: "Contacts of each user, even.") var contacts = 50

        func apply(to options: inout LoadOptions) { options.contacts = contacts }
    }

    struct Register: BenchScenario {
        static let scenario = LoadScenario.register
        static let configuration = CommandConfiguration(
            abstract: "Make the accounts with in-band registration (XEP-0077), where the server allows it.")

        @OptionGroup var target: BenchTargetOptions
    }
}
