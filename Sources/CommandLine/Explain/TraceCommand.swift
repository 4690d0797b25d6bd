import AdminServer
import ArgumentParser
import Foundation

/// `roost trace`
struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Show stanzas of clients as they pass, until interrupted.",
        discussion: """
            Texts are left out unless --bodies is given, which the audit records. Passwords and tokens are never shown.
            """)

    @Argument(help: "user@domain/resource for one client, user@domain for an account, a domain for everybody there.")
    var jid: String
    @Option(help: "Only this kind, message, presence or iq; may be given several times.") var kind: [String] = []
    @Flag(help: "Show texts too.") var bodies = false
    @Flag(help: "Print one JSON object a line.") var json = false
    @Option(help: "End after so many seconds.") var seconds: Int?
    @OptionGroup var server: ServerOption

    func run() async throws {
        let trace = try await server.ask(
            "traces.begin", body: AdminTraceRequest(jid: jid, kinds: kind, bodies: bodies), returning: AdminTrace.self)
        if !json { Output.error("tracing \(jid); end with Ctrl-C") }
        let end = seconds.map { ContinuousClock.now + .seconds($0) }
        var last = 0
        while end.map({ ContinuousClock.now < $0 }) ?? true {
            let wait = end.map { min(20, max(0, Int((($0 - ContinuousClock.now) / .seconds(1)).rounded(.up)))) } ?? 20
            let page = try await server.ask(
                "traces.events", ["id": trace.id, "after": String(last), "wait": String(wait)],
                returning: AdminTraceEvents.self)
            for event in page.events {
                if event.number > last + 1 { Output.error("\(event.number - last - 1) left out") }
                last = event.number
                try show(event)
            }
        }
        try await server.tell("traces.end", ["id": trace.id])
    }

    private func show(_ event: AdminTraceEvent) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Output.line(String(decoding: try encoder.encode(event), as: UTF8.self))
        }
        let arrow = event.direction == "received" ? "→" : "←"
        Output.line(Output.printable("\(event.at) \(event.client) \(arrow) \(event.stanza)"))
    }
}
