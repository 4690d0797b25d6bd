import Crypto
import Foundation
import Storage
import StorageSQLite
import Transport
import X509
import XMPPWire

@testable import IMCore

/// The people of every scene, made once: a database that each scene copies, and a certificate.
enum SceneAccounts {
    static let domains = ["example.com", "example.org"]
    /// Everyone has an account at example.com; `romeo` and `juliet` at example.org.
    static let names = ["alice", "bob", "carol", "dave", "erin", "observer"]
    static let others = ["romeo", "juliet"]
    static let password = "pencil"
    static let iterations = 4_096

    static func domain(of name: String) -> String { others.contains(name) ? "example.org" : "example.com" }

    static func jid(of name: String) -> JID { JID(preparedLocal: name, domain: domain(of: name), resource: nil) }

    private static let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "roost-scenes-\(ProcessInfo.processInfo.processIdentifier)")

    private static let template: Result<String, any Error> = Result {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("template.db").path
        let database = try SQLiteDatabase(path: path, synchronous: .off)
        try Waiting.result { try await Migrator.apply(AccountSchema.migrations, to: database) }
        // One salt for all, so that the password is stretched once.
        let credentials = Credentials(
            preparedPassword: password, of: jid(of: names[0]), iterations: iterations,
            salt: Array("0123456789abcdef".utf8))
        try Waiting.result {
            try await database.write { transaction in
                for name in names + others {
                    var credentials = credentials
                    credentials.digests = PasswordDigests(preparedPassword: password, of: jid(of: name))
                    _ = try AccountStore.add(
                        jid(of: name), name: nil, isAdmin: false, credentials: credentials, now: 0, in: transaction)
                }
            }
        }
        try database.close()
        return path
    }

    /// A fresh folder with a database of these accounts.
    static func makeDatabase() throws -> URL {
        let source = try template.get()
        let place = folder.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: source, toPath: place.appendingPathComponent("server.db").path)
        return place
    }

    // MARK: Rosters before the scene

    struct Relation: Sendable {
        var owner: String
        var contact: String
        /// Bits of `SubscriptionMachine`: 1 to, 2 from.
        var bits: Int64
    }

    static func store(_ relations: [Relation], at path: String) throws {
        let database = try SQLiteDatabase(path: path, synchronous: .off)
        try Waiting.result {
            try await database.write { transaction in
                for relation in relations {
                    guard let owner = try AccountStore.account(jid(of: relation.owner), in: transaction) else {
                        throw SceneFailure("there is no account '\(relation.owner)'")
                    }
                    let record = RosterRecord(
                        contact: jid(of: relation.contact), name: "", groups: [], state: relation.bits | 32,
                        request: nil)
                    try RosterStore.save(record, of: owner.id, in: transaction)
                }
            }
        }
        try database.close()
    }

    // MARK: Certificate

    private static let certificate: Result<(certificate: String, key: String), any Error> = Result {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("example.com") }
        let made = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
            notValidBefore: Date(timeIntervalSince1970: 1_500_000_000),
            notValidAfter: Date(timeIntervalSince1970: 4_000_000_000), issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init { SubjectAlternativeNames(domains.map { .dnsName($0) }) },
            issuerPrivateKey: .init(key))
        let certificatePath = folder.appendingPathComponent("scene.pem").path
        let keyPath = folder.appendingPathComponent("scene.key").path
        try made.serializeAsPEM().pemString.write(toFile: certificatePath, atomically: true, encoding: .utf8)
        try key.pemRepresentation.write(toFile: keyPath, atomically: true, encoding: .utf8)
        return (certificatePath, keyPath)
    }

    static func certificates() throws -> [TLSContexts.Source] {
        let files = try certificate.get()
        return domains.map { .init(domain: $0, certificate: files.certificate, key: files.key) }
    }
}
