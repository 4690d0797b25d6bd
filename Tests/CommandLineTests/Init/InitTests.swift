import ArgumentParser
import Foundation
import IMCore
import Settings
import Storage
import StorageSQLite
import Testing
import X509
import XMPPWire

@testable import CommandLine

/// Runs `body` with a path at which nothing is yet, and removes what is there afterwards.
private func withFolder(_ body: (String) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.path + "/roost-\(UInt32.random(in: 0 ... .max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

private func mode(_ path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? -1
}

private func address(_ text: String) throws -> JID { try JID(parsing: text) }

@Suite("roost init", .timeLimit(.minutes(2)))
struct InitTests {
    @Test("a new folder passes the check, and its secrets are for the owner only")
    func folder() async throws {
        try await withFolder { path in
            let command = try InitCommand.parse([
                "--dir", path + "/", "--domain", "Example.com", "--domain", "bücher.example", "--port-offset", "10000",
            ])
            try await command.run()
            #expect(CheckCommand.problems(path + "/roost.yaml") == [])
            let config = try ConfigLoader.load(path: path + "/roost.yaml")
            #expect(config.domains.map(\.name) == ["example.com", "bücher.example"])
            #expect(config.c2s?.port == 15_222 && config.c2sTLS?.port == 15_223)
            #expect(mode(path) == 0o700 && mode(path + "/roost.db") == 0o600 && mode(path + "/roost.yaml") == 0o600)
            #expect(mode(path + "/example.com.key") == 0o600 && mode(path + "/bücher.example.key") == 0o600)
        }
    }

    @Test("the accounts can sign in: their passwords match what is stored")
    func accounts() async throws {
        try await withFolder { path in
            let anna = try address("anna@example.com")
            let bob = try address("bob@example.com")
            try await Installation(folder: path, domains: ["example.com"], portOffset: 0).create([
                InitialAccount(jid: try address("admin@example.com"), password: "s3cret", isAdmin: true),
                InitialAccount(jid: anna, password: "a", name: "Anna", contacts: [bob]),
                InitialAccount(jid: bob, password: "b", name: "Bob", contacts: [anna]),
            ])
            let database = try SQLiteDatabase(path: path + "/roost.db", synchronous: .full)
            let stored = try await database.read { transaction in
                (
                    try AccountStore.all(in: transaction),
                    try AccountStore.credentials(JID(parsing: "admin@example.com"), in: transaction),
                    try RosterStore.load(2, in: transaction)
                )
            }
            try database.close()
            #expect(stored.0.map(\.jid.description) == ["admin@example.com", "anna@example.com", "bob@example.com"])
            #expect(stored.0.map(\.isAdmin) == [true, false, false])
            #expect(stored.1?.sha256.matches(preparedPassword: "s3cret") == true)
            #expect(stored.1?.sha1.matches(preparedPassword: "wrong") == false)
            #expect(stored.2.count == 1 && stored.2.first?.contact == bob)
            let subscription = SubscriptionMachine(stored: stored.2.first?.state ?? 0)
            #expect(subscription.attribute == "both")
        }
    }

    @Test("a folder that is in use is refused and stays as it is")
    func existing() async throws {
        try await withFolder { path in
            let installation = Installation(folder: path, domains: ["example.com"], portOffset: 0)
            try await installation.create([InitialAccount(jid: try address("admin@example.com"), password: "p")])
            let before = try Data(contentsOf: URL(fileURLWithPath: path + "/example.com.key"))
            let command = try InitCommand.parse(["--dir", path, "--domain", "example.com"])
            await #expect {
                try await command.run()
            } throws: { error in
                "\(error)".contains("\(path)/roost.yaml exists already")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/example.com.key")) == before)
        }
    }

    @Test("what fails leaves nothing behind")
    func failure() async throws {
        try await withFolder { path in
            let installation = Installation(folder: path, domains: ["example.com"], portOffset: 0)
            let twice = InitialAccount(jid: try address("admin@example.com"), password: "p")
            await #expect(throws: (any Error).self) { try await installation.create([twice, twice]) }
            #expect(!FileManager.default.fileExists(atPath: path))
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let bad = InitialAccount(jid: try address("admin@example.com"), password: "a\u{0}b")
            await #expect(throws: CommandFailure.self) { try await installation.create([bad]) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
        }
    }

    @Test(
        "arguments that make no sense are refused before anything is made",
        arguments: [
            (["--domain", "a b"], "is not a domain"), (["--domain", "a.example", "--domain", "A.example"], "twice"),
            (["--domain", "a.example", "--admin", "admin"], "is not an account: expected user@domain"),
            (["--domain", "a.example", "--admin", "x@a.example/r"], "is not an account"),
            (
                ["--domain", "a.example", "--admin", "x@b.example"],
                "is at a domain that is not served: expected a.example"
            ),
        ])
    func arguments(arguments: [String], expected: String) async throws {
        try await withFolder { path in
            let command = try InitCommand.parse(["--dir", path] + arguments)
            await #expect {
                try await command.run()
            } throws: { error in
                "\(error)".contains(expected)
            }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test(
        "ports stay ports",
        arguments: [
            ["--dir", "x", "--domain", "a", "--port-offset", "60313"], ["--dir", "x"], ["--domain", "a"],
            ["--dir", "", "--domain", "a"],
        ])
    func usage(arguments: [String]) {
        #expect(throws: (any Error).self) { try InitCommand.parse(arguments) }
    }
}

@Suite("Certificates")
struct CertificateTests {
    /// Writes a fresh pair for `domain` and checks it as the one of `served`.
    static func problems(_ domain: String, served: String, at now: Date = Date(), swapKey: Bool = false) throws
        -> [String]
    {
        let folder = FileManager.default.temporaryDirectory.path + "/roost-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let pair = try SelfSignedCertificate(domain: domain, now: Date())
        let key = swapKey ? try SelfSignedCertificate(domain: domain, now: Date()).key : pair.key
        try pair.certificate.write(toFile: folder + "/c", atomically: false, encoding: .utf8)
        try key.write(toFile: folder + "/k", atomically: false, encoding: .utf8)
        let entry = ServerConfig.Domain(name: served, certificate: folder + "/c", key: folder + "/k")
        return CertificateCheck.problems(entry, at: now).map {
            "\($0.key): \($0.text.replacingOccurrences(of: folder, with: ""))"
        }
    }

    @Test(
        "a certificate made for a domain passes for it",
        arguments: ["localhost", "chat.example.com", "bücher.example", "127.0.0.1", "[::1]"])
    func own(domain: String) throws {
        #expect(try Self.problems(domain, served: domain) == [])
    }

    @Test("a certificate names its key and its issuer's, so that two for one domain can both be trusted")
    func identifiers() throws {
        let certificates = try (0..<2).map { _ in
            try Certificate(pemEncoded: SelfSignedCertificate(domain: "a.example", now: Date()).certificate)
        }
        let own = try certificates.map { try $0.extensions.subjectKeyIdentifier?.keyIdentifier }
        let issuers = try certificates.map { try $0.extensions.authorityKeyIdentifier?.keyIdentifier }
        #expect(own == issuers)
        #expect(own[0] != own[1])
    }

    @Test("another domain, another key and another decade do not pass")
    func refused() throws {
        #expect(try Self.problems("a.example", served: "b.example") == ["certificate: /c does not name b.example"])
        #expect(try Self.problems("a.example", served: "a.example", swapKey: true) == ["key: /k is not the key of /c"])
        let later = Date() + 11 * 366 * 86_400
        #expect(
            try Self.problems("a.example", served: "a.example", at: later).first?.hasPrefix("certificate: /c ended on ")
                == true)
        let before = Date() - 86_400
        #expect(try Self.problems("a.example", served: "a.example", at: before).first?.contains("begins on") == true)
    }
}
