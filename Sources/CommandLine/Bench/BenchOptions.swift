import ArgumentParser
import LoadGenerator

/// Whom a bench run talks to, as whom, and where the result goes.
struct BenchTargetOptions: ParsableArguments {
    @Option(help: "Address or name of the server.") var host = "127.0.0.1"
    @Option(help: "TCP port.") var port = 5222
    @Option(help: "XMPP domain.") var domain = "localhost"
    @Option(name: .customLong("n"), help: "Number of accounts.") var count = 100
    @Option(help: "Number of the first account.") var base = 0
    @Option(help: "Logins in progress at once.") var conc = 20
    @Option(help: "none, starttls or direct.") var tls = "none"
    @Option(help: "PLAIN, SCRAM-SHA-1 or SCRAM-SHA-256.") var mech = "SCRAM-SHA-1"
    @Option(help: "Localpart with one %d for the account's number.") var userTemplate = "user%d"
    @Option(help: "Password with at most one %d.") var passTemplate = "pw%d"
    @Option(help: "Resource to bind.") var resource = "bench"
    @Option(help: "Server processes to measure, separated by commas; descendants are included.") var pid: String?
    @Option(help: "Use the source addresses 127.0.0.1 to 127.0.0.K in turn.") var sources = 1
    @Option(help: "Seconds of quiet after the logins.") var settle = 1.0
    @Flag(help: "Stream management with resumption; acknowledgements are asked for and timed.") var sm = false
    @Flag(help: "Enable message carbons.") var carbons = false
    @Flag(inversion: .prefixedNo, help: "Accept any certificate (the default for loopback hosts only).")
    var insecure: Bool?
    @Option(help: "File that keeps salted passwords between runs; they stand in for the passwords.") var scramCache:
        String?
    @Option(help: "Text copied to the report.") var label = ""
    @Option(help: "File to append the report to.") var out: String?

    func loadOptions() throws -> LoadOptions {
        var options = LoadOptions()
        options.host = host
        options.port = port
        options.domain = domain
        options.count = count
        options.base = base
        options.concurrency = conc
        options.userTemplate = userTemplate
        options.passwordTemplate = passTemplate
        options.resource = resource
        options.sources = sources
        options.settle = settle
        options.usesStreamManagement = sm
        options.usesCarbons = carbons
        options.isInsecure = insecure
        options.saltedPasswordFile = scramCache
        options.label = label
        options.outputFile = out
        guard let security = LoadOptions.Security(rawValue: tls) else {
            throw ValidationError("--tls must be none, starttls or direct; it is \(tls)")
        }
        options.security = security
        guard let mechanism = LoadOptions.Mechanism(rawValue: mech) else {
            throw ValidationError("--mech must be PLAIN, SCRAM-SHA-1 or SCRAM-SHA-256; it is \(mech)")
        }
        options.mechanism = mechanism
        options.processes = try Self.processes(pid)
        return options
    }

    /// The process ids in the value of `--pid`.
    static func processes(_ list: String?) throws -> [Int32] {
        try (list ?? "").split(separator: ",").map { text in
            guard let process = Int32(text), process > 0 else {
                throw ValidationError("--pid takes process ids separated by commas, not \(text)")
            }
            return process
        }
    }
}

/// When a bench run measures.
struct BenchWindowOptions: ParsableArguments {
    @Option(help: "Seconds of the measured window.") var secs = 10.0
    @Option(help: "Seconds of traffic before it.") var warmup = 2.0

    func apply(to options: inout LoadOptions) {
        options.seconds = secs
        options.warmup = warmup
    }

    func apply(to options: inout SIPLoadOptions) {
        options.seconds = secs
        options.warmup = warmup
    }
}

/// What a bench run sends.
struct BenchMessageOptions: ParsableArguments {
    @Option(help: "Bytes of a message body, 64 to 65536.") var size = 64

    func apply(to options: inout LoadOptions) { options.bodyBytes = size }
}
