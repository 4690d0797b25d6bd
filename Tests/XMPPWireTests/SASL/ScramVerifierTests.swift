import Testing

@testable import XMPPWire

@Suite("SCRAM verifiers")
struct ScramVerifierTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// RFC 6070 §2, one block of output each. The vector with 2^24 rounds is left out for its time.
    @Test(
        "PBKDF2 with SHA-1 gives the vectors of RFC 6070",
        arguments: [
            ("password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
            ("password", "salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
            ("password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
            (
                "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096,
                "3d2eec4fe41c849b80c8d83662c0e44a8b291a96"
            ),
            ("pass\0word", "sa\0lt", 4096, "56fa6aa75548099dcc37d7f03425e0c37f1c42b2"),
        ])
    func pbkdf2SHA1(password: String, salt: String, rounds: Int, expected: String) {
        let derived = ScramHash.sha1.stretch(Array(password.utf8), salt: Array(salt.utf8), iterations: rounds)
        #expect(hex(derived) == expected)
    }

    /// The inputs of RFC 6070 with SHA-256.
    @Test(
        "PBKDF2 with SHA-256 gives the known values",
        arguments: [
            (1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"),
            (2, "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43"),
            (4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"),
        ])
    func pbkdf2SHA256(rounds: Int, expected: String) {
        let derived = ScramHash.sha256.stretch(Array("password".utf8), salt: Array("salt".utf8), iterations: rounds)
        #expect(hex(derived) == expected)
    }

    @Test("mechanisms and output lengths are those of the registry")
    func names() {
        #expect(ScramHash.sha1.mechanismName == "SCRAM-SHA-1")
        #expect(ScramHash.sha256.plusMechanismName == "SCRAM-SHA-256-PLUS")
        #expect(ScramHash.allCases.map(\.outputBytes) == [20, 32])
    }

    @Test("a verifier matches its password and no other", arguments: ScramHash.allCases)
    func matching(hash: ScramHash) {
        let verifier = ScramVerifier.derive(
            preparedPassword: "pencil", hash: hash, iterations: 64, salt: Array("salt".utf8))
        #expect(verifier.storedKey.count == hash.outputBytes)
        #expect(verifier.serverKey.count == hash.outputBytes)
        #expect(verifier.matches(preparedPassword: "pencil"))
        #expect(!verifier.matches(preparedPassword: "Pencil"))
        #expect(!verifier.matches(preparedPassword: ""))
        var cut = verifier
        cut.storedKey.removeLast()
        #expect(!cut.matches(preparedPassword: "pencil"))
        var swapped = verifier
        swapped.serverKey[0] ^= 1
        #expect(!swapped.matches(preparedPassword: "pencil"))
    }

    @Test("rounds below one count as one, and an empty salt is taken")
    func oddParameters() {
        let zero = ScramVerifier.derive(preparedPassword: "p", hash: .sha256, iterations: 0, salt: [])
        let one = ScramVerifier.derive(preparedPassword: "p", hash: .sha256, iterations: 1, salt: [])
        #expect(zero == one)
        #expect(ScramVerifier.derive(preparedPassword: "p", hash: .sha1, iterations: .min, salt: []).iterations == 1)
    }

    @Test("a decoy is the same at every attempt, looks like a real verifier and matches nothing")
    func decoy() {
        let secret = Array("secret of the installation".utf8)
        let first = ScramVerifier.decoy(username: "mallory", secret: secret, hash: .sha256, iterations: 64)
        #expect(first == ScramVerifier.decoy(username: "mallory", secret: secret, hash: .sha256, iterations: 64))
        #expect(first.salt.count == 16)
        #expect(first.iterations == 64)
        #expect(first.storedKey.count == 32 && first.serverKey.count == 32)
        #expect(!first.matches(preparedPassword: "mallory"))
        let others = [
            ScramVerifier.decoy(username: "eve", secret: secret, hash: .sha256, iterations: 64),
            ScramVerifier.decoy(username: "mallory", secret: [1], hash: .sha256, iterations: 64),
            ScramVerifier.decoy(username: "mallory", secret: secret, hash: .sha1, iterations: 64),
        ]
        #expect(Set(others.map(\.salt) + [first.salt]).count == 4)
        #expect(others[2].storedKey.count == 20)
    }

    @Test("comparison in constant time sees every difference")
    func constantTime() {
        #expect(ConstantTime.same([], []))
        #expect(ConstantTime.same([1, 2], [1, 2]))
        #expect(!ConstantTime.same([1, 2], [1, 3]))
        #expect(!ConstantTime.same([0, 2], [1, 2]))
        #expect(!ConstantTime.same([1], [1, 2]))
    }
}
