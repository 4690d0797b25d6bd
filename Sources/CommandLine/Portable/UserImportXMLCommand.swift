import AdminServer
import ArgumentParser
import Foundation

/// `roost user import-xml FILE`
struct UserImportXMLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import-xml", abstract: "Add accounts with all they own from a portable file (XEP-0227).",
        discussion: """
            Takes what `roost user export`, Prosody's migrator and ejabberd's export_piefxis write. An account goes in as a \
            whole or not at all; accounts that exist are not touched. Everything that was not taken is told with its line. \
            The exit status is 1 when an account failed.
            """)

    @Argument(help: ArgumentHelp("The files, or - for standard input.", valueName: "file.xml"), completion: .file())
    var files: [String]
    @Flag(help: "Check everything, change nothing.") var dryRun = false
    @OptionGroup var server: ServerOption

    func run() async throws {
        let client = try server.client()
        var (imported, failed, leftOut) = (0, 0, 0)
        for file in files {
            let upload = try await take(file, client)
            imported += upload.imported
            failed += upload.failed
            leftOut += upload.leftOut
        }
        let verb = dryRun ? "would be imported" : "imported"
        Output.line("\(imported) \(verb), \(failed) failed, \(Output.count(leftOut, "element")) left out")
        if failed > 0 { throw ExitCode.failure }
    }

    private func take(_ file: String, _ client: AdminClient) async throws -> PortableUpload {
        let handle = try InputFile.open(file)
        defer { try? handle.close() }
        var upload = PortableUpload(name: UUID().uuidString, isDryRun: dryRun)
        var reader = PortableReader()
        do {
            while true {
                let chunk = try InputFile.read(handle, file)
                if chunk.isEmpty { break }
                var events: [PortableReader.Event] = []
                do {
                    try reader.feed(chunk) { events.append($0) }
                } catch let fault as PortableReader.Fault {
                    // What came before it in the same chunk counts.
                    try await pass(events, file, &upload, client)
                    throw fault
                }
                try await pass(events, file, &upload, client)
            }
            try reader.finish()
        } catch let fault as PortableReader.Fault {
            try await send(file, &upload, client, isLast: true)
            throw CommandFailure(
                "\(file):\(fault.line): \(Output.printable(fault.reason))\nstopped there: \(upload.imported) "
                    + (dryRun ? "would be imported" : "imported") + ", \(upload.failed) failed, the rest was not tried")
        }
        try await send(file, &upload, client, isLast: true)
        return upload
    }

    private func pass(
        _ events: [PortableReader.Event], _ file: String, _ upload: inout PortableUpload, _ client: AdminClient
    ) async throws {
        for event in events {
            if case .leftOut(let line, let what) = event {
                Output.error("\(file):\(line): \(Output.printable(what)) is left out")
            }
            upload.take(event)
            if upload.isBatchFull { try await send(file, &upload, client) }
        }
    }

    private func send(
        _ file: String, _ upload: inout PortableUpload, _ client: AdminClient, isLast: Bool = false
    ) async throws {
        do {
            let problems = try await upload.flush(isLast: isLast) {
                try await client.call("portable.import", body: $0, returning: AdminPortableReport.self)
            }
            for problem in problems {
                let what = problem.isFatal ? "not imported: " : ""
                Output.error("\(file):\(problem.line): \(Output.printable("\(problem.jid): \(what)\(problem.reason)"))")
            }
        } catch let error as AdminError {
            throw CommandFailure("\(file): \(error.explanation)\n\(upload.imported) imported, \(upload.failed) failed")
        }
    }
}

/// A file that a verb reads in chunks.
enum InputFile {
    static func open(_ file: String) throws -> FileHandle {
        if file == "-" { return .standardInput }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else {
            throw CommandFailure("\(file) does not exist")
        }
        guard !isDirectory.boolValue else { throw CommandFailure("\(file) is a folder") }
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw CommandFailure("\(file) cannot be read: no permission")
        }
        return handle
    }

    /// Empty at the end.
    static func read(_ handle: FileHandle, _ file: String) throws -> Data {
        do {
            return try handle.read(upToCount: 65_536) ?? Data()
        } catch {
            throw CommandFailure("\(file) cannot be read: \(error.localizedDescription)")
        }
    }
}
