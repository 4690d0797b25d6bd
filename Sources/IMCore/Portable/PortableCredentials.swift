import XMLWire
import XMPPWire

extension Credentials {
    /// From verifiers that another server made. One that is missing stays empty: no password and no proof matches it.
    ///
    /// There is one salt for both hashes; where they differ, the stronger hash stays.
    public init?(verifiers: [ScramVerifier]) {
        let usable = verifiers.filter(\.isUsable)
        guard let first = usable.first(where: { $0.hash == .sha256 }) ?? usable.first else { return nil }
        iterations = first.iterations
        salt = first.salt
        func verifier(_ hash: ScramHash) -> ScramVerifier {
            usable.first { $0.hash == hash && $0.salt == first.salt && $0.iterations == first.iterations }
                ?? ScramVerifier(
                    hash: hash, iterations: first.iterations, salt: first.salt, storedKey: [], serverKey: [])
        }
        sha1 = verifier(.sha1)
        sha256 = verifier(.sha256)
    }

    /// Verifiers that stand in place of a password, as ejabberd writes them. Nil for a password in clear.
    public init?(portablePassword text: String) {
        guard let verifier = ScramVerifier(portablePassword: text) else { return nil }
        self.init(verifiers: [verifier])
    }

    public var isComplete: Bool { sha1.isUsable && sha256.isUsable }
}

extension ScramVerifier {
    /// Iterations that a verifier from elsewhere may have: more would let one login take the machine.
    static let foreignIterations = 1...1_000_000

    /// Whether there are keys of the right length.
    public var isUsable: Bool { storedKey.count == hash.outputBytes && serverKey.count == hash.outputBytes }

    /// `<scram-credentials/>` (XEP-0227 §4.2.1). Nil for hashes that are unknown here and for what is not complete.
    init?(portable element: XMLElement) {
        let hash: ScramHash
        switch element["mechanism"] {
        case "SCRAM-SHA-1": hash = .sha1
        case "SCRAM-SHA-256": hash = .sha256
        default: return nil
        }
        func text(_ name: String) -> String {
            element.child(name, namespace: PortableNamespace.scram)?.text ?? ""
        }
        self.init(
            hash, stored: text("stored-key"), server: text("server-key"), salt: text("salt"),
            iterations: text("iter-count"))
    }

    /// The attribute `password` as ejabberd has written it for verifiers: `scram:stored,server,salt,iterations`, SHA-1.
    init?(portablePassword text: String) {
        guard text.hasPrefix("scram:") else { return nil }
        let parts = text.dropFirst(6).split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4 else { return nil }
        self.init(.sha1, stored: parts[0], server: parts[1], salt: parts[2], iterations: parts[3])
    }

    /// From base64. ejabberd encodes once more what it has encoded already: the length of the keys tells.
    private init?(_ hash: ScramHash, stored: String, server: String, salt: String, iterations: String) {
        func decoded(_ text: String) -> [UInt8]? { Base64.decode(Array(text.utf8.filter { $0 > 32 })) }
        guard let count = Int(iterations), Self.foreignIterations.contains(count), var storedKey = decoded(stored),
            var serverKey = decoded(server), var plainSalt = decoded(salt)
        else { return nil }
        if storedKey.count != hash.outputBytes {
            guard let once = Base64.decode(storedKey), let other = Base64.decode(serverKey),
                let inner = Base64.decode(plainSalt)
            else { return nil }
            (storedKey, serverKey, plainSalt) = (once, other, inner)
        }
        guard !plainSalt.isEmpty, plainSalt.count <= 1_024 else { return nil }
        self.init(hash: hash, iterations: count, salt: plainSalt, storedKey: storedKey, serverKey: serverKey)
        guard isUsable else { return nil }
    }

    var portable: XMLElement {
        func child(_ name: String, _ text: String) -> XMLElement.Node {
            .element(XMLElement(name, namespace: PortableNamespace.scram, children: [.text(text)]))
        }
        return XMLElement(
            "scram-credentials", namespace: PortableNamespace.scram,
            attributes: ["mechanism": hash == .sha1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256"],
            children: [
                child("iter-count", String(iterations)), child("salt", Base64.encode(salt)),
                child("server-key", Base64.encode(serverKey)), child("stored-key", Base64.encode(storedKey)),
            ])
    }
}
