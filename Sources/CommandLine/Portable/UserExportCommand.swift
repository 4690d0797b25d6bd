import AdminServer
import ArgumentParser
import Foundation
import XMPPWire

/// `roost user export FILE`
struct UserExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write accounts with all they own to a portable file (XEP-0227).",
        discussion: """
            Credentials (as SCRAM verifiers), contacts, vCards, private storage, block lists, stored messages, personal \
            nodes and message archives. The file is as confidential as the database: it gets mode 0600.
            """)

    @Argument(help: ArgumentHelp("The file, or - for standard output.", valueName: "file.xml"), completion: .file())
    var file: String
    @Option(help: "Only accounts of this domain.") var domain: String?
    @Option(help: ArgumentHelp("Only this account; may be repeated.", valueName: "jid")) var user: [String] = []
    @OptionGroup var server: ServerOption

    func run() async throws {
        let users = try await server.all("users.list", of: AdminUser.self)
        let chosen = try choose(users.map(\.jid))
        let output = try OutputFile(file)
        do {
            let client = try server.client()
            try output.write("<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='urn:xmpp:pie:0'>\n")
            for (host, jids) in chosen {
                try output.write("<host jid='\(XMLText.escape(host))'>\n")
                for jid in jids { try await write(jid, output, client) }
                try output.write("</host>\n")
            }
            try output.write("</server-data>\n")
            try output.finish()
        } catch {
            output.abandon()
            throw (error as? AdminError).map { CommandFailure($0.explanation) } ?? error
        }
        if file != "-" { Output.line("\(Output.count(chosen.reduce(0) { $0 + $1.1.count }, "account")) exported") }
    }

    /// The accounts by domain, both in order.
    func choose(_ all: [String]) throws -> [(String, [String])] {
        var wanted: Set<String>?
        if !user.isEmpty {
            wanted = Set(
                try user.map { text in
                    guard let jid = try? JID(parsing: text) else { throw CommandFailure("\(text) is not an address") }
                    return jid.bare.description
                })
            if let unknown = wanted?.subtracting(all).min() { throw CommandFailure("there is no account \(unknown)") }
        }
        let host = try domain.map { text in
            guard let host = try? JIDPreparation.domainpart(text) else {
                throw CommandFailure("\(text) is not a domain")
            }
            return host
        }
        var hosts: [String: [String]] = [:]
        for jid in all where wanted?.contains(jid) ?? true {
            let name = String(jid.split(separator: "@").last ?? "")
            if host == nil || host == name { hosts[name, default: []].append(jid) }
        }
        if let host, hosts.isEmpty { throw CommandFailure("there is no account of \(host)") }
        return hosts.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }

    private func write(_ jid: String, _ output: OutputFile, _ client: AdminClient) async throws {
        var cursor: String?
        repeat {
            var parameters = ["jid": jid]
            parameters["cursor"] = cursor
            let page = try await client.call("portable.export", parameters, returning: AdminExportPage.self)
            try output.write(page.xml)
            cursor = page.cursor
        } while cursor != nil
    }
}

/// A file that is there as a whole or not at all, for its owner's eyes only.
struct OutputFile {
    private let path: String
    private let handle: FileHandle
    private var isStandard: Bool { path == "-" }
    private var part: String { path + ".part" }

    init(_ path: String) throws {
        self.path = path
        if path == "-" {
            handle = .standardOutput
            return
        }
        let descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        fchmod(descriptor, 0o600)
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    func write(_ text: String) throws {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            throw CommandFailure("\(path) cannot be written: \(error.localizedDescription)")
        }
    }

    func finish() throws {
        guard !isStandard else { return }
        try handle.synchronize()
        try handle.close()
        guard rename(part, path) == 0 else {
            throw CommandFailure("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    func abandon() {
        if !isStandard { unlink(part) }
    }
}
