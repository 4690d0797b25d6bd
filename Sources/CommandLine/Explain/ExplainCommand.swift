import AdminServer
import ArgumentParser

/// `roost explain`
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Why somebody sees what, and where a message is.",
        subcommands: [Presence.self, Message.self])

    struct Presence: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What a viewer sees of a user's presence, and which rule, list or setting decided.")

        @Argument(help: "Who looks: user@domain.") var viewer: String
        @Argument(help: "At whom: user@domain.") var target: String
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let explanation = try await server.ask(
                "explain.presence", ["viewer": viewer, "target": target], returning: AdminPresenceExplanation.self)
            if json { return try Output.json(explanation) }
            for line in Self.lines(explanation) { Output.line(Output.printable(line)) }
        }

        static func lines(_ explanation: AdminPresenceExplanation) -> [String] {
            let verb = explanation.isVisible ? "may see" : "does not see"
            var lines = ["\(explanation.viewer) \(verb) \(explanation.target)", ""]
            let marks = ["passed": "ok  ", "allowed": "yes ", "denied": "NO  ", "not-asked": "-   "]
            lines += explanation.lines.map { "  \(marks[$0.outcome] ?? "")\($0.text)" }
            lines += [
                "",
                "  subscription  \(explanation.subscriptionAtTarget ?? "no entry") in the contact list of"
                    + " \(explanation.target), \(explanation.subscriptionAtViewer ?? "no entry") in that of"
                    + " \(explanation.viewer)",
            ]
            if let request = explanation.request { lines.append("  a request now: \(request)") }
            lines += ["", "sees: " + StatusText.line(explanation.status)]
            if explanation.status != explanation.actual {
                lines.append("  is: " + StatusText.line(explanation.actual))
            }
            lines += StatusText.sources(explanation.actual) + StatusText.clients(explanation.clients)
            if !explanation.publications.isEmpty {
                lines += ["", "beside XMPP clients:"]
                lines += explanation.publications.map { one in
                    "  \(one.source)/\(one.id): \(one.state) since \(one.since)"
                        + (one.expires.map { ", until \($0)" } ?? "") + (one.note.isEmpty ? "" : ", \"\(one.note)\"")
                }
            }
            if !explanation.subscriptions.isEmpty {
                lines += ["", "\(explanation.viewer) watches over SIP:"]
                lines += explanation.subscriptions.map { "  \($0.package): \($0.state), until \($0.expires)" }
            }
            return lines
        }
    }

    struct Message: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Where a message is and how it came there; without its text.")

        @Argument(help: "The id that the server gave (XEP-0359), or that of the sender's client.") var id: String
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.ask(
                "explain.message", ["id": id], returning: AdminMessageExplanations.self
            ).messages
            if json { return try Output.json(found) }
            for (index, message) in found.enumerated() {
                if index > 0 { Output.line("") }
                for line in Self.lines(message) { Output.line(Output.printable(line)) }
            }
        }

        static func lines(_ message: AdminMessageExplanation) -> [String] {
            var lines = [
                "message \(message.id)", "  accepted  \(message.accepted)", "  from      \(message.sender ?? "?")",
                "  to        \(message.recipient ?? "?")", "  state     \(message.state)",
            ]
            if !message.archives.isEmpty {
                lines.append(
                    "  archived  \(message.archives.joined(separator: ", "))"
                        + (message.isRetracted ? " (taken back by the sender)" : ""))
            }
            if message.steps.isEmpty {
                lines += ["", "  the steps are longer ago than the server remembers"]
            } else {
                lines.append("")
            }
            for step in message.steps {
                let recipient = step.recipient.isEmpty ? "" : " for \(step.recipient)"
                let note = step.note.isEmpty ? "" : " (\(step.note))"
                lines.append("  \(step.at)  \(step.what)  \(step.who)\(recipient)\(note)")
            }
            return lines
        }
    }
}

/// Statuses in words.
enum StatusText {
    static func line(_ status: AdminComposedStatus) -> String {
        let show = status.show.isEmpty ? "" : " (\(status.show))"
        let note = status.note.isEmpty ? "" : ", \"\(status.note)\""
        return "\(status.state)\(show)\(note): \(status.reason) [line \(status.rule) of docs/presence-status.md]"
    }

    static func sources(_ status: AdminComposedStatus) -> [String] {
        status.sources.map { source in
            "  decided by \(source.source): \(source.state) since \(source.since)"
                + (source.note.isEmpty ? "" : ", \"\(source.note)\"")
        }
    }

    static func clients(_ clients: [AdminClientPresence]) -> [String] {
        guard !clients.isEmpty else { return ["", "no client is available"] }
        var lines = ["", "what watchers are sent of each client:"]
        for client in clients {
            let waits = client.isWaiting ? ", a change waits its turn" : ""
            lines.append(
                "  \(client.resource): \(client.show), priority \(client.priority), since \(client.since)\(waits)")
            lines.append("    \(client.shown ?? "nothing: the user appears offline")")
        }
        return lines
    }
}
