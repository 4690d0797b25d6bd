import Crypto
import XMLWire
import XMPPWire

/// An XMPP client that does only what the scene says: one stream over a loopback socket, read synchronously.
final class ScriptedClient {
    enum Arrival {
        case element(XMLElement)
        /// `</stream:stream>`.
        case streamEnd
        /// The connection is closed.
        case linkEnd
    }

    /// How long anything may take before the scene fails; no scene depends on it.
    static let patience: Int32 = 5_000
    static let streamManagement = "urn:xmpp:sm:3"

    let name: String
    let domain: String
    let resource: String
    private(set) var socket: LoopbackSocket
    private var scanner = XMLStreamScanner(limits: XMLLimits(elementBytes: 16 << 20, depth: 250, attributes: 250))
    private var buffer: [UInt8] = []
    private var inbox: [Arrival] = []
    private var pings = 0

    var isBound = false
    /// Presence of contacts is dropped when it arrives.
    var ignoresPresence = false

    // XEP-0198
    /// The stream is about to end: a last ack is expected and of no interest.
    var ignoresAcks = false
    var resumptionID: String?
    var isManaged = false
    var isCounting = false
    var acknowledgesByItself = true
    /// Stanzas received, the `h` to send.
    var received: UInt32 = 0
    /// Stanzas sent, the `h` to expect.
    var sent: UInt32 = 0

    /// An external component: its address is the domain (XEP-0114).
    var isComponent: Bool { resource.isEmpty }

    init(name: String, domain: String, resource: String, port: Int) throws {
        self.name = name
        self.domain = domain
        self.resource = resource
        socket = try LoopbackSocket(port: port)
    }

    var bare: String { isComponent ? domain : "\(name)@\(domain)" }
    var full: String { isComponent ? domain : "\(bare)/\(resource)" }

    // MARK: Sending

    func send(_ xml: String) throws { try send(Array(xml.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        if isManaged { sent += Self.countStanzas(bytes) }
        try socket.send(bytes)
    }

    private static func countStanzas(_ bytes: [UInt8]) -> UInt32 {
        let wrapped = Array("<all>".utf8) + bytes + Array("</all>".utf8)
        let element = wrapped.withUnsafeBytes {
            try? XMLElement(
                parsing: $0, streamDefaultNamespace: "jabber:client",
                streamPrefixes: [("stream", "http://etherx.jabber.org/streams")])
        }
        return UInt32((element?.elements ?? []).filter(isStanza).count)
    }

    static func isStanza(_ element: XMLElement) -> Bool {
        element.namespace == "jabber:client" && ["message", "presence", "iq"].contains(element.name)
    }

    func openStream(to domain: String? = nil) throws {
        scanner.restart()
        try send(
            "<?xml version='1.0'?><stream:stream to='\(domain ?? self.domain)' version='1.0' xmlns='jabber:client' "
                + "xmlns:stream='http://etherx.jabber.org/streams'>")
    }

    /// The next answer belongs to a new stream on the same connection.
    func expectNewStream() { scanner.restart() }

    // MARK: Receiving

    /// The next thing that arrives, nil when nothing does in time.
    func next(milliseconds: Int32 = ScriptedClient.patience) throws -> Arrival? {
        while true {
            while !inbox.isEmpty {
                let arrival = inbox.removeFirst()
                if ignoresAcks, case .element(let element) = arrival, element.name == "a" { continue }
                return arrival
            }
            guard try fill(milliseconds) else { return nil }
        }
    }

    /// The next thing that the body accepts; everything before it stays.
    func first(where accepts: (Arrival) -> Bool) throws -> Arrival {
        while true {
            if let index = inbox.firstIndex(where: accepts) { return inbox.remove(at: index) }
            if case .linkEnd? = inbox.last { throw SceneFailure("the connection ended; before it: \(describeInbox)") }
            guard try fill(Self.patience) else {
                throw SceneFailure("nothing more arrived in 5 s; waiting: \(describeInbox)")
            }
        }
    }

    func element(_ accepts: (XMLElement) -> Bool) throws -> XMLElement {
        let arrival = try first { if case .element(let element) = $0 { accepts(element) } else { false } }
        guard case .element(let element) = arrival else { throw SceneFailure("not an element") }
        return element
    }

    /// Drops presence that has arrived already.
    func forgetPresence() throws {
        inbox.removeAll {
            if case .element(let element) = $0 { Self.isOrdinaryPresence(element) } else { false }
        }
    }

    private static func isOrdinaryPresence(_ element: XMLElement) -> Bool {
        element.name == "presence" && [nil, "unavailable"].contains(element["type"])
    }

    var hasArrivals: Bool { !inbox.isEmpty }

    var describeInbox: String {
        inbox.isEmpty ? "nothing" : inbox.map(Self.describe).joined(separator: "\n          ")
    }

    static func describe(_ arrival: Arrival) -> String {
        switch arrival {
        case .element(let element):
            var bytes: [UInt8] = []
            element.write(into: &bytes, inheritedNamespace: "jabber:client")
            return String(decoding: bytes, as: UTF8.self)
        case .streamEnd: return "</stream:stream>"
        case .linkEnd: return "the end of the connection"
        }
    }

    /// Takes what the socket has without waiting.
    func takeWhatIsThere() throws {
        while try fill(0) {}
    }

    /// Reads once; false when nothing came in time or nothing can come any more.
    private func fill(_ milliseconds: Int32) throws -> Bool {
        if case .linkEnd? = inbox.last { return false }
        guard let bytes = try socket.receive(milliseconds: milliseconds) else { return false }
        if bytes.isEmpty {
            isBound = false
            inbox.append(.linkEnd)
            return true
        }
        buffer += bytes
        try scan()
        return true
    }

    private func scan() throws {
        var offset = 0
        defer { buffer.removeFirst(offset) }
        while offset < buffer.count {
            let frame = ElementFrame()
            let event = buffer[offset...].withUnsafeBytes { scanner.next($0, frame: frame) }
            switch event {
            case .needMoreBytes: return
            case .whitespace(let length), .streamOpen(let length): offset += length
            case .element(let length):
                let bytes = Array(buffer[offset..<offset + length])
                offset += length
                try take(bytes)
            case .streamClose(let length):
                offset += length
                inbox.append(.streamEnd)
            case .fault(let fault):
                throw SceneFailure(
                    "the server's XML is wrong, \(fault): \(String(decoding: buffer[offset...], as: UTF8.self))")
            }
        }
    }

    private func take(_ bytes: [UInt8]) throws {
        let element = try bytes.withUnsafeBytes {
            try XMLElement(
                parsing: $0, streamDefaultNamespace: "jabber:client",
                streamPrefixes: [("stream", "http://etherx.jabber.org/streams")])
        }
        if Self.isStanza(element) {
            if isCounting { received &+= 1 }
            if ignoresPresence, Self.isOrdinaryPresence(element) { return }
        } else if element.namespace == Self.streamManagement {
            if element.name == "r" {
                if acknowledgesByItself { try acknowledge() }
                return
            }
            if element.name == "enabled" || element.name == "resumed" { isCounting = true }
        } else if element.name == "success", element.namespace == "urn:ietf:params:xml:ns:xmpp-sasl" {
            scanner.restart()
        } else if element.name == "success" {
            // XEP-0386: stream management may begin with the login.
            let bound = element.child("bound", namespace: "urn:xmpp:bind:0")
            if bound?.child("enabled", namespace: Self.streamManagement) != nil { isCounting = true }
        }
        inbox.append(.element(element))
    }

    func acknowledge() throws { try send("<a xmlns='\(Self.streamManagement)' h='\(received)'/>") }

    // MARK: Steps of a login

    /// From the connection to the features of the authenticated stream.
    func logIn(_ mechanism: ScramExchange.Mechanism = .sha256, password: String = SceneAccounts.password) throws {
        try openStream()
        _ = try element { $0.name == "features" }
        if let failure = try authenticate(mechanism, password: password) {
            throw SceneFailure("the login failed: \(failure)")
        }
        try openStream()
        _ = try element { $0.name == "features" }
    }

    /// One SASL exchange; nil on success, else the condition of the failure.
    func authenticate(_ mechanism: ScramExchange.Mechanism, password: String) throws -> String? {
        var exchange = ScramExchange(mechanism, username: name, password: password)
        let sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        try send("<auth xmlns='\(sasl)' mechanism='\(mechanism.rawValue)'>\(exchange.clientFirst)</auth>")
        let challenge = try element { $0.namespace == sasl }
        guard challenge.name == "challenge" else { return challenge.firstElement?.name ?? challenge.name }
        try send("<response xmlns='\(sasl)'>\(try exchange.clientFinal(challenge.text))</response>")
        let outcome = try element { $0.namespace == sasl }
        guard outcome.name == "success" else { return outcome.firstElement?.name ?? outcome.name }
        guard exchange.accepts(outcome.text) else { throw SceneFailure("the server's signature is wrong") }
        return nil
    }

    /// Opens a component stream and returns its id.
    func openComponentStream() throws -> String {
        try send(
            "<stream:stream to='\(domain)' xmlns='jabber:component:accept' "
                + "xmlns:stream='http://etherx.jabber.org/streams'>")
        while scanner.header == nil {
            guard try fill(Self.patience) else { throw SceneFailure("the server does not open its stream") }
        }
        guard let header = scanner.header, header.from == domain, let id = header.id,
            header.defaultNamespace == "jabber:component:accept"
        else { throw SceneFailure("the server's stream header is wrong") }
        return id
    }

    /// XEP-0114 §3.
    func shakeHands(_ streamID: String, secret: String) throws {
        try send("<handshake>\(Self.digest(streamID, secret))</handshake>")
    }

    static func digest(_ streamID: String, _ secret: String) -> String {
        Insecure.SHA1.hash(data: Array((streamID + secret).utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    func bind() throws {
        try send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>\(resource)</resource>"
                + "</bind></iq>")
        let answer = try element { $0["id"] == "bind" }
        guard answer["type"] == "result" else { throw SceneFailure("binding failed: \(answer)") }
        isBound = true
    }

    /// A round trip on this stream: everything the server sent before it has arrived.
    func ping() throws {
        pings += 1
        let id = "sync-\(pings)"
        let addresses = isComponent ? " from='\(domain)' to='example.com'" : ""
        try send("<iq type='get' id='\(id)'\(addresses)><ping xmlns='urn:xmpp:ping'/></iq>")
        _ = try element { $0.name == "iq" && $0["id"] == id }
    }
}
