import Crypto
import Testing

@testable import XMPPWire

@Suite("Hashed tokens")
struct HashedTokenTests {
    /// HMAC as RFC 2104 says, from the library and not from the code under test.
    private func mac(_ text: [UInt8], _ token: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: Array(token.utf8))))
    }

    @Test("the proof of the token opens the answer, nothing else does")
    func verifier() {
        for binding: [UInt8] in [[], Array(repeating: 7, count: 32)] {
            let verifier = HashedTokenVerifier(token: "s3cret", binding: binding)
            let proof = mac(Array("Initiator".utf8) + binding, "s3cret")
            #expect(verifier.response(to: proof) == mac(Array("Responder".utf8) + binding, "s3cret"))
            #expect(verifier.response(to: mac(Array("Initiator".utf8) + binding, "s3creT")) == nil)
            #expect(verifier.response(to: mac(Array("Responder".utf8) + binding, "s3cret")) == nil)
            #expect(verifier.response(to: mac(Array("Initiator".utf8) + binding + [0], "s3cret")) == nil)
            #expect(verifier.response(to: Array(proof.dropLast())) == nil)
            #expect(verifier.response(to: []) == nil)
        }
    }

    @Test("what is stored is neither the proof nor the answer")
    func stored() {
        let verifier = HashedTokenVerifier(token: "s3cret", binding: [])
        let proof = mac(Array("Initiator".utf8), "s3cret")
        #expect(verifier.proofHash == Array(SHA256.hash(data: proof)))
        #expect(verifier.response(to: verifier.proofHash) == nil)
        #expect(verifier.sealedResponse != mac(Array("Responder".utf8), "s3cret"))
    }

    @Test("a message is a name, a NUL and a hash")
    func message() throws {
        let hash = Array(repeating: UInt8(0), count: 32)
        let message = try #require(HashedTokenMessage(Array("alice\0".utf8) + hash))
        #expect(message.username == "alice")
        #expect(message.proof == hash)
        for bytes: [UInt8] in [
            [], [0], Array("alice".utf8), Array("alice\0".utf8), [0] + hash, Array("alice\0".utf8) + hash + [1],
            Array("alice\0".utf8) + hash.dropLast(), [0xFF, 0] + hash,
            Array(repeating: 97, count: PlainMessage.maximumFieldBytes + 1) + [0] + hash,
        ] { #expect(HashedTokenMessage(bytes) == nil) }
    }

    @Test("no bytes from outside make the reader trap")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...80)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if let message = HashedTokenMessage(bytes) { #expect(message.proof.count == 32) }
            _ = PlainMessage(bytes)
        }
    }
}

@Suite("Downgrade protection")
struct DowngradeProtectionTests {
    @Test("the hash of the example in XEP-0474 comes out")
    func example() {
        let text = DowngradeProtection.text(
            mechanisms: ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], bindingTypes: ["tls-server-end-point", "tls-exporter"])
        #expect(
            String(decoding: text, as: UTF8.self)
                == "SCRAM-SHA-1\u{1E}SCRAM-SHA-1-PLUS\u{1F}tls-exporter\u{1E}tls-server-end-point")
        #expect(Base64.encode(Array(Insecure.SHA1.hash(data: text))) == "G6k/rBLDqgOhRRaCuuatSDFkJ08=")
    }

    @Test("without announced bindings there is no separator")
    func withoutBindings() {
        let text = DowngradeProtection.text(mechanisms: ["PLAIN", "SCRAM-SHA-1"], bindingTypes: [])
        #expect(String(decoding: text, as: UTF8.self) == "PLAIN\u{1E}SCRAM-SHA-1")
    }

    @Test("the server's first message carries it, and the proof covers it")
    func inMessage() throws {
        var machine = ScramServerMachine(
            hash: .sha1, channelBindings: [], offersPlus: false, isPlusMechanism: false, nonce: Array("server".utf8),
            announced: Array("SCRAM-SHA-1".utf8))
        _ = machine.clientFirst(Array("n,,n=user,r=client".utf8))
        let verifier = ScramVerifier.derive(
            preparedPassword: "pencil", hash: .sha1, iterations: 8, salt: Array("salt".utf8))
        let reply = String(decoding: machine.verifierFound(verifier), as: UTF8.self)
        let hash = Base64.encode(Array(Insecure.SHA1.hash(data: Array("SCRAM-SHA-1".utf8))))
        #expect(reply.hasSuffix(",i=8,h=\(hash)"))
        // A client that saw the hash cut out proves other words.
        let salted = ScramHash.sha1.stretch(Array("pencil".utf8), salt: Array("salt".utf8), iterations: 8)
        let clientKey = ScramHash.sha1.authenticate(Array("Client Key".utf8), key: salted)
        let cut = reply.prefix { $0 != "h" }.dropLast()
        let message = Array("n=user,r=client,\(cut),c=biws,r=clientserver".utf8)
        let signature = ScramHash.sha1.authenticate(message, key: ScramHash.sha1.digest(clientKey))
        let proof = Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
        #expect(
            machine.clientFinal(Array("c=biws,r=clientserver,p=\(proof)".utf8)) == .failure(.notAuthorized))
    }
}
