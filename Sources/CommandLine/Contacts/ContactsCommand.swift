import AdminServer
import ArgumentParser
import Foundation

/// `roost contacts`
struct ContactsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contacts", abstract: "Export, import and rename contacts of users (docs/contacts.md).",
        subcommands: [List.self, Export.self, Import.self, Rename.self])

    /// A job on a file that goes to the server.
    struct Sending: ParsableArguments {
        @Argument(help: ArgumentHelp("The file, or - for standard input.", valueName: "file.csv"), completion: .file())
        var file: String
        @Flag(help: "Check and report everything, change nothing.") var dryRun = false
        @Flag(help: "Return at once; `roost jobs show` tells the rest.") var background = false
        @OptionGroup var server: ServerOption

        func run(_ operation: String, format: String, subscribe: Bool) async throws {
            let upload = try await send()
            let request = AdminContactJobRequest(
                format: format, upload: upload, dryRun: dryRun, subscribe: subscribe)
            let job = try await server.ask(operation, body: request, returning: AdminJob.self)
            guard !background else { return Output.line("job \(job.id)") }
            try await JobWatch(server: server).follow(job, file: file)
        }

        /// In parts of whole characters.
        private func send() async throws -> String {
            let handle = try InputFile.open(file)
            defer { try? handle.close() }
            var upload: AdminUpload?
            var rest = Data()
            while true {
                let chunk = try InputFile.read(handle, file)
                rest += chunk
                guard rest.count >= 512_000 || chunk.isEmpty else { continue }
                let end = chunk.isEmpty ? rest.endIndex : rest.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
                guard let end else {
                    throw CommandFailure("\(file) has a line of more than 512000 bytes: it is no such file")
                }
                guard let text = String(validating: rest[..<end], as: UTF8.self) else {
                    throw CommandFailure("\(file) is not in UTF-8: convert it first, for example with iconv")
                }
                let part = AdminUploadPart(upload: upload?.upload, offset: upload?.bytes ?? 0, text: text)
                if upload == nil || !text.isEmpty {
                    upload = try await server.ask("jobs.upload", body: part, returning: AdminUpload.self)
                }
                rest = Data(rest[end...])
                if chunk.isEmpty { break }
            }
            return upload?.upload ?? ""
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The contacts of a user, open requests among them.")

        @Argument(help: "Whose: user@domain.") var user: String
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let page = try await server.ask(
                "users.roster", ["jid": user], returning: AdminPage<AdminRosterItem>.self)
            if json { return try Output.json(page) }
            var table = TextTable(["CONTACT", "NAME", "GROUPS", "SUBSCRIPTION"])
            for item in page.items {
                let open = [item.isAsked ? "asked" : "", item.isWaiting ? "asks" : ""].filter { !$0.isEmpty }
                table.add([
                    item.jid, item.name, item.groups.joined(separator: ", "),
                    ([item.subscription] + open).joined(separator: ", "),
                ])
            }
            table.write()
        }
    }

    enum Format: String, ExpressibleByArgument, CaseIterable { case contacts, plain }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put contacts into the lists of users.",
            discussion: """
                Columns: User ID,User Domain,Contact ID,Contact Domain,Nickname,Group Name,State (the last may be \
                missing). Rows that are wrong or do not fit are reported; the others go in. The exit status is 1 when \
                there was such a row.
                """)

        @OptionGroup var sending: Sending
        @Option(help: "plain: contacts without presence, with vCards.") var format = Format.contacts
        @Flag(inversion: .prefixedNo, help: "Ask contacts for their presence, as the users' clients would.")
        var subscribe = true

        func run() async throws {
            try await sending.run("contacts.import", format: format.rawValue, subscribe: subscribe)
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give contacts other addresses in the lists of everybody.",
            discussion: "Columns: Contact ID,New Contact ID.")

        @OptionGroup var sending: Sending

        func run() async throws {
            try await sending.run("contacts.rename", format: "contacts", subscribe: true)
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write the contact lists of users to a file.")

        @Argument(help: ArgumentHelp("The file, or - for standard output.", valueName: "file.csv"), completion: .file())
        var file: String
        @Option(help: "plain: contacts without presence, with vCards.") var format = Format.contacts
        @Option(help: "Only users of this domain.") var domain: String?
        @Option(help: "Group Name of contacts in no group, for products that insist on one.") var group: String?
        @OptionGroup var server: ServerOption

        func run() async throws {
            let output = try OutputFile(file)
            do {
                let request = AdminContactExportRequest(format: format.rawValue, domain: domain, group: group)
                let watch = JobWatch(server: server)
                let job = try await watch.wait(
                    for: try await server.ask("contacts.export", body: request, returning: AdminJob.self))
                guard job.state == "done" else {
                    throw CommandFailure("job \(job.id) \(job.state)\(job.error.map { ": \($0)" } ?? "")")
                }
                var offset: Int? = 0
                while let place = offset {
                    let part = try await server.ask(
                        "jobs.result", ["id": String(job.id), "offset": String(place)],
                        returning: AdminJobResult.self)
                    try output.write(part.text)
                    offset = part.next
                }
                try output.finish()
                guard file != "-" else { return }
                Output.line(
                    "\(Output.count(job.counts["contacts"] ?? 0, "contact")) of"
                        + " \(Output.count(job.counts["users"] ?? 0, "user")) exported")
            } catch {
                output.abandon()
                throw error
            }
        }
    }
}
