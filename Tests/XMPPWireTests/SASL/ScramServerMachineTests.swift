import Testing

@testable import XMPPWire

@Suite("SCRAM server")
struct ScramServerMachineTests {
    static let salt: [UInt8] = Array("0123456789abcdef".utf8)

    private static func verifier(_ hash: ScramHash = .sha256, password: String = "pencil") -> ScramVerifier {
        .derive(preparedPassword: password, hash: hash, iterations: 8, salt: salt)
    }

    private func machine(
        _ hash: ScramHash = .sha256, binding: ChannelBinding? = nil, offersPlus: Bool = false, isPlus: Bool = false
    ) -> ScramServerMachine {
        ScramServerMachine(
            hash: hash, channelBinding: binding, offersPlus: offersPlus, isPlusMechanism: isPlus,
            nonce: Array("server".utf8))
    }

    private func first(_ text: String, _ machine: inout ScramServerMachine) -> ScramServerMachine.FirstStep {
        machine.clientFirst(Array(text.utf8))
    }

    /// client-final-message for the usual exchange, with a right proof for whatever it says.
    private func clientFinal(
        bare: String = "n=user,r=client", withoutProof: String = "c=biws,r=clientserver", hash: ScramHash = .sha256,
        serverFirst: [UInt8], password: String = "pencil"
    ) -> String {
        let salted = hash.stretch(Array(password.utf8), salt: Self.salt, iterations: 8)
        let clientKey = hash.authenticate(Array("Client Key".utf8), key: salted)
        let message = Array("\(bare),".utf8) + serverFirst + Array(",\(withoutProof)".utf8)
        let signature = hash.authenticate(message, key: hash.digest(clientKey))
        return "\(withoutProof),p=\(Base64.encode(zip(clientKey, signature).map { $0 ^ $1 }))"
    }

    // MARK: Whole exchanges

    @Test("the exchange of RFC 5802 §5 comes out byte for byte")
    func sha1Example() throws {
        var machine = ScramServerMachine(
            hash: .sha1, channelBinding: nil, offersPlus: false, isPlusMechanism: false,
            nonce: Array("3rfcNHYJY1ZVvWVs7j".utf8))
        #expect(
            first("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", &machine) == .needVerifier(username: "user", authzid: nil))
        let salt = try #require(Base64.decode("QSXCR+Q6sek8bf92".utf8))
        let reply = machine.verifierFound(
            .derive(preparedPassword: "pencil", hash: .sha1, iterations: 4096, salt: salt))
        #expect(
            String(decoding: reply, as: UTF8.self)
                == "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096")
        let final = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        #expect(
            machine.clientFinal(Array(final.utf8))
                == .success(serverFinal: Array("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=".utf8)))
    }

    @Test("the exchange of RFC 7677 §3 comes out byte for byte")
    func sha256Example() throws {
        var machine = ScramServerMachine(
            hash: .sha256, channelBinding: nil, offersPlus: false, isPlusMechanism: false,
            nonce: Array("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".utf8))
        #expect(
            first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO", &machine) == .needVerifier(username: "user", authzid: nil))
        let salt = try #require(Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8))
        let reply = machine.verifierFound(
            .derive(preparedPassword: "pencil", hash: .sha256, iterations: 4096, salt: salt))
        #expect(
            String(decoding: reply, as: UTF8.self)
                == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        let final =
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        #expect(
            machine.clientFinal(Array(final.utf8))
                == .success(serverFinal: Array("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".utf8)))
    }

    @Test("with channel binding the binding data is part of the proof", arguments: ScramHash.allCases)
    func channelBinding(hash: ScramHash) {
        let binding = ChannelBinding(type: "tls-exporter", bytes: [1, 2, 3])
        let header = Array("p=tls-exporter,,".utf8)
        for (data, isRight) in [(binding.bytes, true), ([1, 2, 4], false), ([], false)] {
            var machine = machine(hash, binding: binding, offersPlus: true, isPlus: true)
            #expect(
                first("p=tls-exporter,,n=user,r=client", &machine) == .needVerifier(username: "user", authzid: nil))
            let reply = machine.verifierFound(Self.verifier(hash))
            let final = clientFinal(
                withoutProof: "c=\(Base64.encode(header + data)),r=clientserver", hash: hash, serverFirst: reply)
            switch machine.clientFinal(Array(final.utf8)) {
            case .success: #expect(isRight)
            case .failure(let failure):
                #expect(!isRight)
                #expect(failure == .notAuthorized)
            }
        }
    }

    @Test("of several channel bindings the client picks one")
    func severalBindings() {
        let bindings = [
            ChannelBinding(type: "tls-exporter", bytes: [1]), ChannelBinding(type: "tls-server-end-point", bytes: [2]),
        ]
        var machine = ScramServerMachine(
            hash: .sha256, channelBindings: bindings, offersPlus: true, isPlusMechanism: true,
            nonce: Array("server".utf8))
        #expect(
            first("p=tls-server-end-point,,n=user,r=client", &machine)
                == .needVerifier(username: "user", authzid: nil))
        let reply = machine.verifierFound(Self.verifier())
        let binding = Base64.encode(Array("p=tls-server-end-point,,".utf8) + [2])
        let final = clientFinal(withoutProof: "c=\(binding),r=clientserver", serverFirst: reply)
        guard case .success = machine.clientFinal(Array(final.utf8)) else {
            Issue.record("the second binding was not accepted")
            return
        }
    }

    @Test("extensions that need not be understood are ignored, and are part of the proof")
    func optionalExtensions() {
        var machine = machine()
        #expect(
            first("n,a=other,n=user,r=client,x=y=z", &machine) == .needVerifier(username: "user", authzid: "other"))
        let reply = machine.verifierFound(Self.verifier())
        let header = Base64.encode(Array("n,a=other,".utf8))
        let final = clientFinal(
            bare: "n=user,r=client,x=y=z", withoutProof: "c=\(header),r=clientserver,t=1", serverFirst: reply)
        guard case .success = machine.clientFinal(Array(final.utf8)) else {
            Issue.record("the extensions were not accepted")
            return
        }
    }

    @Test("a nonce of arbitrary bytes is sent in base 64")
    func binaryNonce() {
        var machine = ScramServerMachine(
            hash: .sha1, channelBinding: nil, offersPlus: false, isPlusMechanism: false, nonce: [0, 44, 255])
        _ = first("n,,n=user,r=client", &machine)
        let reply = String(decoding: machine.verifierFound(Self.verifier(.sha1)), as: UTF8.self)
        #expect(reply.hasPrefix("r=clientACz/,s="))
    }

    // MARK: client-first-message

    @Test("escaped commas and equals signs in names are decoded")
    func names() {
        var machine = machine()
        #expect(
            first("y,a=a=3Db,n=x=2Cy=3D\u{E9},r=client", &machine)
                == .needVerifier(username: "x,y=\u{E9}", authzid: "a=b"))
    }

    @Test(
        "a malformed first message is refused",
        arguments: [
            "", "n", "n,,", "n,,n=user", "n,,n=user,", "n,,n=user,r=", "n,,n=,r=client", "n,,r=client,n=user",
            "x,,n=user,r=client", "N,,n=user,r=client", "n=,,n=user,r=client", "p,,n=user,r=client",
            "p=,,n=user,r=client", "p=a_b,,n=user,r=client", "n,a=,n=user,r=client", "n,b=x,n=user,r=client",
            "n,user,n=user,r=client", "n,,m=ext,n=user,r=client", "n,,n=user,r=client,m=ext", "n,,n=a=b,r=client",
            "n,,n=a=2c,r=client", "n,,n=a=,r=client", "n,,n=a=2,r=client", "n,,n=a\0b,r=client",
            "n,,n=user,r=cli\u{E9}",
            "n,,n=user,r=cli ent", "n,,n=user,r=client,", "n,,n=user,r=client,1=x", "n,,n=user,r=client,x=",
            "n,,n=user,r=client,xx", "n,,n=user,r=client,x=\0", ",,n=user,r=client", "n,n=user,r=client",
        ])
    func malformedFirst(text: String) {
        var machine = machine()
        #expect(first(text, &machine) == .failure(.malformedRequest))
        #expect(first("n,,n=user,r=client", &machine) == .failure(.malformedRequest))
    }

    @Test("a first message that is not UTF-8, or endless, is refused")
    func hostileFirst() {
        var encoding = machine()
        #expect(encoding.clientFirst(Array("n,,n=".utf8) + [0xFF] + Array(",r=c".utf8)) == .failure(.malformedRequest))
        var length = machine()
        let long = String(repeating: "x", count: ScramClientFirst.maximumBytes)
        #expect(first("n,,n=\(long),r=client", &length) == .failure(.malformedRequest))
    }

    @Test("the flag must fit the mechanism and what the server offers")
    func bindingFlags() {
        let binding = ChannelBinding(type: "tls-exporter", bytes: [1])
        let user = "n=user,r=client"
        let proceed = ScramServerMachine.FirstStep.needVerifier(username: "user", authzid: nil)
        // Flag, server offers -PLUS, mechanism is -PLUS, answer.
        let cases: [(String, Bool, Bool, ScramServerMachine.FirstStep)] = [
            ("n", false, false, proceed),
            ("n", true, false, proceed),
            ("n", true, true, .failure(.malformedRequest)),
            ("y", false, false, proceed),
            ("y", true, false, .failure(.notAuthorized)),
            ("y", true, true, .failure(.malformedRequest)),
            ("p=tls-exporter", true, true, proceed),
            ("p=tls-exporter", true, false, .failure(.malformedRequest)),
            ("p=tls-unique", true, true, .failure(.malformedRequest)),
        ]
        for (flag, offersPlus, isPlus, expected) in cases {
            var machine = machine(binding: binding, offersPlus: offersPlus, isPlus: isPlus)
            #expect(first("\(flag),,\(user)", &machine) == expected, "\(flag) \(offersPlus) \(isPlus)")
        }
        var none = machine(binding: nil, offersPlus: false, isPlus: true)
        #expect(first("p=tls-exporter,,\(user)", &none) == .failure(.malformedRequest))
    }

    // MARK: client-final-message

    private func started(verifier: ScramVerifier = Self.verifier()) -> (ScramServerMachine, [UInt8]) {
        var machine = machine()
        _ = first("n,,n=user,r=client", &machine)
        let reply = machine.verifierFound(verifier)
        return (machine, reply)
    }

    @Test("the wrong password, and the right proof for other words, are not authorized")
    func wrongProof() {
        for (withoutProof, password) in [
            ("c=biws,r=clientserver", "pencils"),  // another password
            ("c=biws,r=client", "pencil"),  // the client's nonce alone
            ("c=biws,r=clientservers", "pencil"),
            ("c=biws,r=serverclient", "pencil"),
            ("c=eSws,r=clientserver", "pencil"),  // y,, where n,, was said
            ("c=biwsAA==,r=clientserver", "pencil"),  // binding data where none belongs
        ] {
            var (machine, reply) = started()
            let final = clientFinal(withoutProof: withoutProof, serverFirst: reply, password: password)
            #expect(machine.clientFinal(Array(final.utf8)) == .failure(.notAuthorized), "\(withoutProof) \(password)")
        }
    }

    @Test("a proof of the wrong length, or of all zeros, is not authorized")
    func oddProofs() {
        for count in [1, 20, 31, 32, 33] {
            var (machine, _) = started()
            let final = "c=biws,r=clientserver,p=" + Base64.encode(Array(repeating: 0, count: count))
            #expect(machine.clientFinal(Array(final.utf8)) == .failure(.notAuthorized))
        }
    }

    @Test(
        "a malformed final message is refused",
        arguments: [
            "", "c=biws", "c=biws,r=clientserver", "r=clientserver,c=biws,p=AA==", "c=,r=clientserver,p=AA==",
            "c=biw,r=clientserver,p=AA==", "c=biws,r=,p=AA==", "c=biws,r=clientserver,p=", "c=biws,r=clientserver,p=A",
            "c=biws,r=clientserver,p=AA==,x=1", "c=biws,r=clientserver,m=1,p=AA==", "c=biws,r=clientserver,,p=AA==",
            "c=biws,r=client\u{E9},p=AA==", "c=biws,p=AA==,r=clientserver", ",,", "c=biws,r=clientserver,x=\0,p=AA==",
        ])
    func malformedFinal(text: String) {
        var (machine, _) = started()
        #expect(machine.clientFinal(Array(text.utf8)) == .failure(.malformedRequest))
    }

    @Test("an endless final message is refused")
    func endlessFinal() {
        var (machine, _) = started()
        let long = String(repeating: "A", count: ScramClientFinal.maximumBytes)
        #expect(machine.clientFinal(Array("c=biws,r=clientserver,p=\(long)".utf8)) == .failure(.malformedRequest))
    }

    @Test("a decoy looks like a user up to the end and then fails like a wrong password")
    func decoy() {
        let decoy = ScramVerifier.decoy(username: "user", secret: [1, 2, 3], hash: .sha256, iterations: 8)
        var (machine, reply) = started(verifier: decoy)
        #expect(String(decoding: reply, as: UTF8.self).hasPrefix("r=clientserver,s="))
        let final = clientFinal(serverFirst: reply)
        #expect(machine.clientFinal(Array(final.utf8)) == .failure(.notAuthorized))
    }

    @Test("a verifier for another hash never authorizes")
    func foreignVerifier() {
        var (machine, reply) = started(verifier: Self.verifier(.sha1))
        let final = clientFinal(hash: .sha1, serverFirst: reply)
        #expect(machine.clientFinal(Array(final.utf8)) == .failure(.notAuthorized))
    }

    @Test("out of order nothing is accepted, and an exchange is good for one attempt")
    func order() {
        var early = machine()
        #expect(early.clientFinal(Array("c=biws,r=clientserver,p=AA==".utf8)) == .failure(.malformedRequest))
        var unasked = machine()
        #expect(unasked.verifierFound(Self.verifier()).isEmpty)
        var twice = machine()
        _ = first("n,,n=user,r=client", &twice)
        #expect(first("n,,n=user,r=client", &twice) == .failure(.malformedRequest))

        var (machine, reply) = started()
        let wrong = clientFinal(serverFirst: reply, password: "wrong")
        let right = clientFinal(serverFirst: reply)
        #expect(machine.clientFinal(Array(wrong.utf8)) == .failure(.notAuthorized))
        #expect(machine.clientFinal(Array(right.utf8)) == .failure(.malformedRequest))
    }

    @Test("error conditions are spelt as RFC 6120 spells them")
    func conditions() {
        #expect(
            Set(SASLFailure.allCases.map(\.rawValue)) == [
                "aborted", "account-disabled", "credentials-expired", "encryption-required", "incorrect-encoding",
                "invalid-authzid", "invalid-mechanism", "malformed-request", "mechanism-too-weak", "not-authorized",
                "temporary-auth-failure",
            ])
    }
}
