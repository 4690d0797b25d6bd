import Crypto
import XMLWire
import XMPPWire

/// What a client of the scene can do.
extension ScenePlayer {
    func act(_ actor: String, _ reader: inout StatementReader) throws {
        defer { note(actor) }
        let verb = reader.word()
        switch verb {
        case "connects": try connect(actor, &reader)
        case "opens": try open(actor, &reader)
        case "authenticates": try authenticate(actor, &reader)
        case "logs": try logIn(actor, &reader)
        case "gets":
            guard reader.take("past the login") else { throw SceneFailure("gets what?") }
            let client = try client(actor)
            if let failure = try client.authenticate(.sha256, password: SceneAccounts.password) {
                throw SceneFailure("the login failed: \(failure)")
            }
        case "fails": try failToLogIn(actor, &reader)
        case "sends": try send(actor, &reader)
        case "receives": try receive(actor, &reader)
        case "closes":
            guard reader.take("the stream") else { throw SceneFailure("closes what?") }
            let client = try client(actor)
            try client.send("</stream:stream>")
            try expectEnd(client, condition: nil)
            clients[actor] = nil
        case "drops":
            guard reader.take("the link") else { throw SceneFailure("drops what?") }
            try drop(actor)
        case "resumes": try resume(actor, &reader)
        case "presents": try presentToken(actor, &reader)
        case "stops":
            guard reader.take("acknowledging") else { throw SceneFailure("stops what?") }
            try client(actor).acknowledgesByItself = false
        case "acknowledges": try client(actor).acknowledge()
        case "wants": try want(actor, &reader)
        case "is": try expectDisconnected(actor, &reader)
        default: throw SceneFailure("'\(verb)' is not something a client does")
        }
        try keepOrder()
    }

    /// Keeps what scenes can refer to as `{actor.h}`, `{actor.sent}` and `{actor.sm}`.
    private func note(_ actor: String) {
        guard let client = clients[actor] else { return }
        variables["\(actor).h"] = String(client.received)
        variables["\(actor).sent"] = String(client.sent)
        if let id = client.resumptionID { variables["\(actor).sm"] = id }
    }

    // MARK: Coming

    /// `connects [with OPTION, OPTION…]`.
    private func connect(_ actor: String, _ reader: inout StatementReader) throws {
        var priority: Int?
        var show = ""
        var options: Set<String> = []
        if reader.take("with") {
            for option in reader.remainder.split(separator: ",") {
                var words = StatementReader(String(option))
                if words.take("priority") {
                    priority = Int(words.word())
                } else if words.take("show") {
                    show = words.word()
                } else {
                    options.insert(words.remainder)
                }
            }
        } else {
            try reader.requireEnd()
        }
        let known: Set = ["sm", "sm without resumption", "carbons", "roster", "block list", "no presence", "sha1"]
        if let unknown = options.subtracting(known).first { throw SceneFailure("'\(unknown)' is no option") }
        let client = try makeClient(actor)
        if client.isComponent { return try connectComponent(client) }
        try client.logIn(options.contains("sha1") ? .sha1 : .sha256)
        try client.bind()
        if options.contains("sm") { try enableStreamManagement(client, resumption: true) }
        if options.contains("sm without resumption") { try enableStreamManagement(client, resumption: false) }
        if options.contains("roster") { try request(client, "get", "<query xmlns='jabber:iq:roster'/>") }
        if options.contains("block list") { try request(client, "get", "<blocklist xmlns='urn:xmpp:blocking'/>") }
        if options.contains("carbons") { try request(client, "set", "<enable xmlns='urn:xmpp:carbons:2'/>") }
        guard !options.contains("no presence") else { return }
        var presence = ""
        if !show.isEmpty { presence += "<show>\(show)</show>" }
        if let priority { presence += "<priority>\(priority)</priority>" }
        let ignored = client.ignoresPresence
        client.ignoresPresence = false
        defer { client.ignoresPresence = ignored }
        try client.send("<presence>\(presence)</presence>")
        _ = try client.element { $0.name == "presence" && $0["from"] == client.full }
        if ignored { try client.forgetPresence() }
    }

    private func connectComponent(_ client: ScriptedClient) throws {
        try client.shakeHands(try client.openComponentStream(), secret: SceneSettings.componentSecret)
        let answer = try client.element { _ in true }
        guard answer.name == "handshake" else { throw SceneFailure("the handshake failed: \(answer)") }
        client.isBound = true
    }

    /// `wants NODE NODE…`: shows capabilities (XEP-0115) with these features `…+notify`, and tells them when asked.
    private func want(_ actor: String, _ reader: inout StatementReader) throws {
        let client = try client(actor)
        let ignored = client.ignoresPresence
        client.ignoresPresence = false
        defer { client.ignoresPresence = ignored }
        let features = reader.remainder.split(separator: " ").map { "<feature var='\($0)+notify'/>" }.joined()
        // Without a hash nobody else's answer counts, so the server always asks.
        try client.send(
            "<presence><c xmlns='http://jabber.org/protocol/caps' node='urn:test' ver='\(actor)'/></presence>")
        let question = try client.element { $0.name == "iq" && $0["type"] == "get" }
        guard let id = question["id"], let from = question["from"] else { throw SceneFailure("not asked properly") }
        try client.send(
            "<iq type='result' id='\(id)' to='\(from)'><query xmlns='http://jabber.org/protocol/disco#info'>"
                + "<identity category='client' type='pc'/>\(features)</query></iq>")
        if ignored { try client.forgetPresence() }
    }

    private func enableStreamManagement(_ client: ScriptedClient, resumption: Bool) throws {
        try client.send("<enable xmlns='urn:xmpp:sm:3'\(resumption ? " resume='true'" : "")/>")
        client.isManaged = true
        let enabled = try client.element { $0.name == "enabled" }
        client.resumptionID = enabled["id"]
        guard (client.resumptionID != nil) == resumption else { throw SceneFailure("resumption is not as asked") }
    }

    private func request(_ client: ScriptedClient, _ type: String, _ payload: String) throws {
        try client.send("<iq type='\(type)' id='setup'>\(payload)</iq>")
        let answer = try client.element { $0.name == "iq" && $0["id"] == "setup" }
        guard answer["type"] == "result" else { throw SceneFailure("refused: \(answer)") }
    }

    private func open(_ actor: String, _ reader: inout StatementReader) throws {
        if reader.take("a connection") {
            _ = try makeClient(actor)
        } else if reader.take("a stream") {
            let client = try makeClient(actor)
            if client.isComponent {
                variables["\(actor).handshake"] = ScriptedClient.digest(
                    try client.openComponentStream(), SceneSettings.componentSecret)
                return
            }
            try client.openStream()
            _ = try client.element { $0.name == "features" }
        } else {
            throw SceneFailure("opens what?")
        }
    }

    /// `authenticates [with SCRAM-SHA-1]`: up to the features that offer binding.
    private func authenticate(_ actor: String, _ reader: inout StatementReader) throws {
        let mechanism = reader.take("with") ? reader.word() : "SCRAM-SHA-256"
        guard let known = ScramExchange.Mechanism(rawValue: mechanism) else {
            throw SceneFailure("the client does not know \(mechanism)")
        }
        try makeClient(actor).logIn(known)
    }

    /// `logs in [saying HEADER]` on an open stream, then binds.
    private func logIn(_ actor: String, _ reader: inout StatementReader) throws {
        guard reader.take("in") else { throw SceneFailure("logs what?") }
        let client = try client(actor)
        if let failure = try client.authenticate(.sha256, password: SceneAccounts.password) {
            throw SceneFailure("the login failed: \(failure)")
        }
        if reader.take("saying") { try client.send(reader.remainder) } else { try client.openStream() }
        _ = try client.element { $0.name == "features" }
        try client.bind()
    }

    /// `fails to log in with PASSWORD CONDITION`, on an open stream or on one of its own.
    private func failToLogIn(_ actor: String, _ reader: inout StatementReader) throws {
        guard reader.take("to log in with") else { throw SceneFailure("fails to do what?") }
        let password = reader.word()
        let condition = reader.word()
        if clients[actor] == nil {
            let client = try makeClient(actor)
            try client.openStream()
            _ = try client.element { $0.name == "features" }
        }
        let outcome = try client(actor).authenticate(.sha256, password: password)
        guard outcome == condition else { throw SceneFailure("the login ended with \(outcome ?? "success")") }
    }

    /// `presents the token {name} of AGENT [voiding it]`: one login with HT-SHA-256-NONE (XEP-0484 §3.4), on a stream of its own.
    private func presentToken(_ actor: String, _ reader: inout StatementReader) throws {
        guard reader.take("the token") else { throw SceneFailure("presents what?") }
        let token = try Substitution.apply(reader.word(), variables, keepsUnknown: false)
        guard reader.take("of") else { throw SceneFailure("of which client?") }
        let agent = reader.word()
        let invalidates = reader.take("voiding it") ? " invalidate='true'" : ""
        let client = try makeClient(actor)
        try client.openStream()
        _ = try client.element { $0.name == "features" }
        let proof = HMAC<SHA256>.authenticationCode(
            for: Array("Initiator".utf8), using: SymmetricKey(data: Array(token.utf8)))
        let message = Base64.encode(Array(client.name.utf8) + [0] + Array(proof))
        try client.send(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>\(message)"
                + "</initial-response><user-agent id='\(agent)'/><fast xmlns='urn:xmpp:fast:0'\(invalidates)/></authenticate>"
        )
    }

    // MARK: Sending and receiving

    private func send(_ actor: String, _ reader: inout StatementReader) throws {
        let client = try client(actor)
        let isRaw = reader.take("raw")
        let text = try Substitution.apply(reader.remainder, variables, keepsUnknown: isRaw)
        try client.send(isRaw ? Self.unescape(text) : Array(text.utf8))
    }

    /// `\n`, `\t`, `\r`, `\\` and `\xHH`.
    private static func unescape(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let code = rest.popFirst() else {
                result.append(byte)
                continue
            }
            switch code {
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "x"):
                result.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: result.append(code)
            }
        }
        return result
    }

    private func receive(_ actor: String, _ reader: inout StatementReader) throws {
        if reader.take("nothing while inactive") { return try expectSilence(actor) }
        if reader.take("nothing yet") { return try expectNothing(actor, settled: false) }
        if reader.take("nothing") {
            try reader.requireEnd()
            return try expectNothing(actor, settled: true)
        }
        let anyOrder = reader.take("in any order")
        let client = try client(actor)
        var patterns = try StanzaPattern.parse(
            Substitution.apply(reader.remainder, variables, keepsUnknown: true))
        guard !patterns.isEmpty else { throw SceneFailure("receives what?") }
        while !patterns.isEmpty {
            guard let arrival = try client.next() else { throw SceneFailure("nothing arrived in 5 s") }
            guard case .element(let element) = arrival else {
                throw SceneFailure("received \(ScriptedClient.describe(arrival))")
            }
            var reasons: [String] = []
            let candidates = anyOrder ? Array(patterns.indices) : [0]
            let index = candidates.first { index in
                guard let reason = patterns[index].mismatch(element, &variables) else { return true }
                reasons.append(reason)
                return false
            }
            guard let index else {
                throw SceneFailure(
                    "\(reasons.joined(separator: "; "))\n    received: \(ScriptedClient.describe(arrival))")
            }
            patterns.remove(at: index)
        }
    }

    // MARK: Going

    private func drop(_ actor: String) throws {
        let client = try client(actor)
        let server = try server()
        try keepOrder()
        let before = try server.onLoop { $0.connections }
        client.socket.end()
        client.isBound = false
        clients[actor] = nil
        dropped[actor] = client
        if client.isComponent { return try server.awaitComponentGone(client.domain) }
        try server.awaitConnections(before - 1)
    }

    /// `resumes`: a new connection takes the session over (XEP-0198 §5).
    private func resume(_ actor: String, _ reader: inout StatementReader) throws {
        try reader.requireEnd()
        guard let old = dropped[actor] ?? clients[actor], let id = old.resumptionID else {
            throw SceneFailure("\(actor) has nothing to resume")
        }
        clients[actor] = nil
        let client = try makeClient(actor)
        try client.logIn()
        client.received = old.received
        client.sent = old.sent
        client.acknowledgesByItself = old.acknowledgesByItself
        client.resumptionID = id
        try client.send("<resume xmlns='urn:xmpp:sm:3' previd='\(id)' h='\(old.received)'/>")
        client.isManaged = true
        let answer = try client.element { $0.name == "resumed" || $0.name == "failed" }
        guard answer.name == "resumed", answer["previd"] == id else { throw SceneFailure("not resumed: \(answer)") }
        guard answer["h"] == String(old.sent) else {
            throw SceneFailure("the server handled \(answer["h"] ?? "?") stanzas of \(old.sent)")
        }
        client.isBound = true
    }

    /// `is disconnected [with CONDITION]` or `is cut off`.
    private func expectDisconnected(_ actor: String, _ reader: inout StatementReader) throws {
        let client = try client(actor)
        if reader.take("cut off") {
            guard case .linkEnd? = try client.next() else { throw SceneFailure("the link did not end") }
            dropped[actor] = client
        } else {
            guard reader.take("disconnected") else { throw SceneFailure("is what?") }
            try expectEnd(client, condition: reader.take("with") ? reader.word() : nil)
        }
        try reader.requireEnd()
        clients[actor] = nil
    }

    /// The stream error, if one is named, the closing tag and the end of the connection. Streams with stream management
    /// may get a last ack before (XEP-0198 §7).
    private func expectEnd(_ client: ScriptedClient, condition: String?) throws {
        client.ignoresAcks = true
        if let condition {
            guard let arrival = try client.next() else { throw SceneFailure("nothing arrived in 5 s") }
            guard case .element(let element) = arrival, element.name == "error",
                element.namespace == "http://etherx.jabber.org/streams"
            else { throw SceneFailure("received \(ScriptedClient.describe(arrival))") }
            guard element.child(condition, namespace: "urn:ietf:params:xml:ns:xmpp-streams") != nil else {
                throw SceneFailure("the stream error is \(ScriptedClient.describe(arrival))")
            }
        }
        guard let end = try client.next() else { throw SceneFailure("the stream was not closed in 5 s") }
        guard case .streamEnd = end else { throw SceneFailure("received \(ScriptedClient.describe(end))") }
        guard case .linkEnd? = try client.next() else { throw SceneFailure("the connection was not closed") }
    }
}
