import Testing

@testable import LoadGenerator

@Suite("SCRAM client")
struct ScramClientTests {
    /// The exchange of RFC 5802 §5 and of RFC 7677 §3.
    @Test("the exchanges of RFC 5802 and RFC 7677 come out as printed")
    func examples() throws {
        let examples: [(ScramHash, String, String, String, String)] = [
            (
                .sha1, "fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
            ),
            (
                .sha256, "rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                    + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
            ),
        ]
        for (hash, nonce, challenge, answer, final) in examples {
            var client = ScramClient(hash: hash, username: "user", nonce: nonce)
            #expect(client.firstMessage == "n,,n=user,r=\(nonce)")
            let passwords = SaltedPasswords(hash: hash, file: nil)
            let computed = try client.answer(challenge) { parameters throws(ScramFailure) in
                try passwords.key(account: "user", password: "pencil", parameters)
            }
            #expect(computed == answer)
            try client.verify(final)
            #expect(throws: ScramFailure.badServerSignature) { try client.verify("v=AAAA") }
            #expect(throws: ScramFailure.badServerSignature) { try client.verify("e=other-error") }
        }
    }

    @Test(
        "a challenge outside its bounds is refused",
        arguments: [
            ("", ScramFailure.badChallenge), ("r=abcX,s=QSXC", .badChallenge), ("r=abcX,s=QSXC,i=0", .badChallenge),
            ("r=abcX,s=QSXC,i=99999999", .badChallenge), ("r=abcX,s=,i=1", .badChallenge),
            ("r=abcX,s=!!!,i=1", .badChallenge), ("m=x,r=abcX,s=QSXC,i=1", .badChallenge),
            ("r=other,s=QSXC,i=1", .foreignNonce), ("r=abc,s=QSXC,i=1", .foreignNonce),
        ])
    func refused(challenge: String, failure: ScramFailure) {
        var client = ScramClient(hash: .sha1, username: "u", nonce: "abc")
        #expect(throws: failure) { _ = try client.answer(challenge) { _ throws(ScramFailure) in [1] } }
    }

    @Test("a name with = and , is escaped")
    func escaping() {
        #expect(ScramClient(hash: .sha1, username: "a=b,c", nonce: "n").firstMessage == "n,,n=a=3Db=2Cc,r=n")
    }

    @Test("a key is derived once and again when the salt changes")
    func derivations() throws {
        let passwords = SaltedPasswords(hash: .sha1, file: nil)
        let parameters = ScramClient.Parameters(salt: [1], iterations: 2)
        let first = try passwords.key(account: "a", password: "p", parameters)
        #expect(try passwords.key(account: "a", password: "p", parameters) == first)
        #expect(passwords.derivations == 1)
        let changed = try passwords.key(
            account: "a", password: "p", ScramClient.Parameters(salt: [2], iterations: 2))
        #expect(changed != first)
        #expect(passwords.derivations == 2)
    }
}
