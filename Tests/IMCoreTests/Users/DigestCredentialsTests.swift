import IMCore
import Storage
import Testing
import XMPPWire

@Suite("Digest credentials")
struct DigestCredentialsTests {
    static let anna = JID(preparedLocal: "anna", domain: "example.com", resource: nil)

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    @Test("A1 is user, realm and password (RFC 7616 §3.9.1, with the realm as the domain)")
    func values() {
        let mufasa = JID(preparedLocal: "Mufasa", domain: "http-auth@example.org", resource: nil)
        let digests = PasswordDigests(preparedPassword: "Circle of Life", of: mufasa)
        #expect(Self.hex(digests.md5) == "3d78807defe7de2157e2b0b6573a855f")
        #expect(Self.hex(digests.sha256) == "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232")
    }

    @Test("they are stored with a password, exchanged with it, and gone with verifiers or the account")
    func stored() async throws {
        try await inDatabaseOf(Self.anna) { id, transaction in
            func now() throws -> PasswordDigests? {
                try DigestCredentialStore.digests(of: Self.anna, in: transaction)
            }
            #expect(try now() == PasswordDigests(preparedPassword: "x", of: Self.anna))
            #expect(try DigestCredentialStore.missing(limit: 10, in: transaction).count == 0)

            var other = Credentials(preparedPassword: "y", of: Self.anna, iterations: 1, salt: [2])
            #expect(try AccountStore.setCredentials(other, of: Self.anna, in: transaction))
            #expect(try now() == PasswordDigests(preparedPassword: "y", of: Self.anna))
            #expect(try AccountStore.credentials(Self.anna, in: transaction) == other)

            other.digests = nil
            #expect(try AccountStore.setCredentials(other, of: Self.anna, in: transaction))
            #expect(try now() == nil)
            let missing = try DigestCredentialStore.missing(limit: 10, in: transaction)
            #expect(missing.count == 1 && missing.first == [Self.anna])

            #expect(
                try AccountStore.setCredentials(
                    Credentials(preparedPassword: "z", of: Self.anna, iterations: 1, salt: [2]), of: Self.anna,
                    in: transaction))
            #expect(try AccountStore.remove(Self.anna, in: transaction))
            #expect(try transaction.query("SELECT count(*) FROM digest_credentials", [])[0].integer(0) == 0)
        }
    }

    @Test("a proven password gives an old account its digests, but not after it has changed")
    func learned() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            var old = Credentials(preparedPassword: "old", of: Self.anna, iterations: 1, salt: [2])
            old.digests = nil
            let digests = PasswordDigests(preparedPassword: "old", of: Self.anna)
            _ = try AccountStore.setCredentials(old, of: Self.anna, in: transaction)
            var earlier = old
            earlier.salt = [3]
            try AccountStore.learnDigests(digests, of: Self.anna, proven: earlier, in: transaction)
            #expect(try DigestCredentialStore.digests(of: Self.anna, in: transaction) == nil)
            try AccountStore.learnDigests(digests, of: Self.anna, proven: old, in: transaction)
            #expect(try DigestCredentialStore.digests(of: Self.anna, in: transaction) == digests)
        }
    }

    @Test("lookups come from memory until the password changes; strangers are not found")
    func lookups() async throws {
        let answers: [String] = try await inCore(["anna"]) { router, done in
            let credentials = DigestCredentials(router: router)
            let address = Array("anna@example.com".utf8)
            var told: [String] = []
            func note(_ answer: DigestCredentials.Answer?, _ password: String) {
                switch answer {
                case .found(let digests):
                    told.append(
                        digests == PasswordDigests(preparedPassword: password, of: Self.anna) ? password : "wrong")
                case .some(.none): told.append("none")
                case .unavailable: told.append("unavailable")
                case nil: told.append("unknown")
                }
            }
            note(address.withUnsafeBytes { credentials.known($0) }, "x")
            credentials.lookup(Self.anna) { answer in
                note(answer, "x")
                note(address.withUnsafeBytes { credentials.known($0) }, "x")
                let next = Credentials(preparedPassword: "y", of: Self.anna, iterations: 1, salt: [1])
                router.journal.perform({ _ = try AccountStore.setCredentials(next, of: Self.anna, in: $0) }) { _ in
                    router.passwordChanged(Self.anna)
                    note(address.withUnsafeBytes { credentials.known($0) }, "y")
                    credentials.lookup(Self.anna) { answer in
                        note(answer, "y")
                        credentials.lookup(JID(preparedLocal: "bob", domain: "example.com", resource: nil)) { answer in
                            note(answer, "")
                            done(told)
                        }
                    }
                }
            }
        }
        #expect(answers == ["unknown", "x", "x", "unknown", "y", "none"])
    }
}
