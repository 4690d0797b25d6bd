import Testing

@testable import LoadGenerator

@Suite("SIP digest client")
struct DigestClientTests {
    static func challenge(_ value: String) -> DigestClient.Challenge? {
        Array(value.utf8).withUnsafeBytes { DigestClient.Challenge($0) }
    }

    /// The exchanges of RFC 7616 §3.9.1.
    @Test(
        "the exchanges of RFC 7616 come out as printed",
        arguments: [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ])
    func printed(algorithm: String, response: String) throws {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
        let challenge = try #require(
            Self.challenge(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=\(algorithm), "
                    + "nonce=\"\(nonce)\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""))
        var client = DigestClient(
            challenge, username: "Mufasa", password: "Circle of Life",
            clientNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
        let first = client.response(method: "GET", uri: Array("/dir/index.html".utf8))
        #expect(String(decoding: first.digits, as: UTF8.self) == response)
        #expect(first.count == Array("00000001".utf8))
        let second = client.response(method: "GET", uri: Array("/dir/index.html".utf8))
        #expect(second.count == Array("00000002".utf8))
        #expect(second.digits != first.digits)
    }

    /// RFC 2617 §3.5 without `qop`, as RFC 2069 had it.
    @Test("without qop there is neither a count nor a nonce of ours")
    func old() throws {
        let challenge = try #require(
            Self.challenge("Digest realm=\"a\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\" , stale=TRUE"))
        #expect(challenge.isStale)
        #expect(!challenge.offersAuth)
        var client = DigestClient(challenge, username: "u", password: "p", clientNonce: "c")
        let value = String(decoding: client.credentials(method: "REGISTER", uri: Array("sip:x".utf8)), as: UTF8.self)
        #expect(!value.contains("nc="))
        #expect(!value.contains("cnonce="))
        #expect(value.hasPrefix("Digest username=\"u\", realm=\"a\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\""))
    }

    @Test(
        "what is no digest challenge that we can answer is none",
        arguments: [
            "Basic realm=\"a\"", "Digest", "Digest realm=\"a\"", "Digest nonce=\"b\"",
            "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-512-256",
            "Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\"",
        ])
    func refused(value: String) { #expect(Self.challenge(value) == nil) }
}

@Suite("SIP reader of the generator")
struct SIPTextTests {
    static let notify =
        "NOTIFY sip:user1@127.0.0.1:40000 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa;rport\r\n"
        + "Via: SIP/2.0/TCP 10.0.0.1\r\nf: \"A, B\" <sip:user0@localhost>;tag=remote\r\nT: <sip:user1@localhost>\r\n"
        + "I: s4.2.0badcafe@127.0.0.1\r\nCSEQ: 17 NOTIFY\r\nm: <sip:127.0.0.1:5060>\r\n"
        + "Subscription-State: active\r\n ;expires=60\r\nRecord-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>\r\n"
        + "l: 5\r\n\r\nhello"

    @Test("a request in compact forms and a folded line is read")
    func request() throws {
        try Array(Self.notify.utf8).withUnsafeBytes { bytes in
            let text = try #require(SIPText(bytes))
            #expect(text.status == 0)
            #expect(text.isMethod("NOTIFY"))
            #expect(text.cseq == 17)
            let via = try #require(text.via)
            #expect(text.parameter(";branch=", of: via)?.text() == "z9hG4bKa")
            let from = try #require(text.from)
            #expect(text.uri(of: from).text() == "sip:user0@localhost")
            #expect(text.parameter(";tag=", of: from)?.text() == "remote")
            let to = try #require(text.to)
            #expect(text.parameter(";tag=", of: to) == nil)
            #expect(text.callID.map { text.part($0).text() } == "s4.2.0badcafe@127.0.0.1")
            #expect(text.contact.map { text.uri(of: $0).text() } == "sip:127.0.0.1:5060")
            #expect(text.subscriptionState.map { text.part($0).text() } == "active\r\n ;expires=60")
            #expect(text.recordRoutes.map { text.part($0).text() } == ["<sip:a;lr>", "<sip:b;lr>"])
            #expect(text.part(text.body).text() == "hello")
        }
    }

    @Test("a response tells its status, tag and challenges")
    func response() throws {
        let lines =
            "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKb\r\nWWW-Authenticate: Digest a\r\n"
            + "WWW-Authenticate: Digest b\r\nSIP-ETag: e1\r\nProxy-Authenticate: Digest c\r\n\r\n"
        try Array(lines.utf8).withUnsafeBytes { bytes in
            let text = try #require(SIPText(bytes))
            #expect(text.status == 401)
            #expect(
                text.challenges.map { "\(text.part($0.value).text()) \($0.isProxy)" }
                    == ["Digest a false", "Digest b false", "Digest c true"])
            #expect(text.entityTag.map { text.part($0).text() } == "e1")
            #expect(text.body.isEmpty)
        }
    }

    @Test(
        "what is no message is refused",
        arguments: [
            "", "\r\n\r\n", "SIP/2.0 xyz Bad\r\n\r\n", "SIP/2.0 099 Low\r\n\r\n", "OPTIONSOPTIONS\r\n\r\n",
            "NOTIFY sip:a SIP/2.0\r\nVia: x\r\n",
        ])
    func refused(lines: String) {
        Array(lines.utf8).withUnsafeBytes { bytes in #expect(SIPText(bytes) == nil) }
    }

    /// What comes out when `text` arrives in pieces of `size` bytes.
    static func messages(_ text: String, piece size: Int) -> [String] {
        var found: [String] = []
        var buffer: [UInt8] = []
        var rest = ArraySlice(Array(text.utf8))
        while !rest.isEmpty {
            buffer += rest.prefix(size)
            rest = rest.dropFirst(size)
            reading: while true {
                switch buffer.withUnsafeBytes({ SIPStream.next(in: $0) }) {
                case .message(let skip, let count):
                    found.append(String(decoding: buffer[skip..<(skip + count)], as: UTF8.self))
                    buffer.removeFirst(skip + count)
                case .incomplete(let skip):
                    buffer.removeFirst(skip)
                    break reading
                case .damaged: return found + ["damaged"]
                }
            }
        }
        return found
    }

    @Test("messages of a stream are the same in pieces of any size", arguments: [1, 2, 3, 7, 64, 700, 4_096])
    func pieces(size: Int) {
        let second = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
        #expect(
            Self.messages("\r\n\r\n" + Self.notify + second + "\r\n\r\n" + Self.notify, piece: size)
                == [Self.notify, second, Self.notify])
    }

    @Test(
        "a message whose length is not said cannot be framed",
        arguments: [
            "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", "SIP/2.0 200 OK\r\nContent-Length: 1\r\nl: 1\r\n\r\nx",
            "SIP/2.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        ])
    func unframed(lines: String) { #expect(Self.messages(lines, piece: 4_096) == ["damaged"]) }
}

@Suite("SIP transactions of the generator")
struct SIPTransactionsTests {
    final class Owner: SIPRequestOwner {
        func answered(_ request: SIPRequest, _ response: SIPText) {}
        func unanswered(_ request: SIPRequest) {}
    }

    static let second: UInt64 = 1_000_000_000

    static func request(_ owner: Owner) -> SIPRequest {
        SIPRequest(
            .message, user: 0, subject: 0, call: SIPCall(callID: "c", localTag: "t"), uri: [], to: [], owner: owner,
            due: 0)
    }

    @Test("over UDP a request is repeated by timer E and given up by timer F")
    func timers() {
        let owner = Owner()
        var transactions = SIPTransactions()
        let (slot, _) = transactions.open(Self.request(owner))
        transactions.sent(slot, .init(), at: 0, repeats: true)
        var sendings: [UInt64] = []
        var end: UInt64?
        for tenth in UInt64(1)...400 {
            let now = tenth * Self.second / 10
            let (again, over) = transactions.tick(now)
            if !again.isEmpty { sendings.append(tenth) }
            if !over.isEmpty { end = tenth }
        }
        #expect(sendings == [5, 15, 35, 75, 115, 155, 195, 235, 275, 315])
        #expect(end == 320)
        #expect(transactions.active == 0)
    }

    @Test("a late answer to a number that is used again finds nothing")
    func generations() {
        let owner = Owner()
        var transactions = SIPTransactions()
        let first = transactions.open(Self.request(owner))
        #expect(transactions.close(first.slot, first.generation) != nil)
        #expect(transactions.close(first.slot, first.generation) == nil)
        let second = transactions.open(Self.request(owner))
        #expect(second.slot == first.slot)
        #expect(transactions.close(first.slot, first.generation) == nil)
        #expect(transactions.close(second.slot, second.generation) != nil)
        #expect(transactions.close(99, 0) == nil)
    }
}

@Suite("SIP load options")
struct SIPLoadOptionsTests {
    @Test("the defaults of the command line are within bounds")
    func bounds() throws {
        for scenario in SIPLoadScenario.allCases { try SIPLoadOptions().validate(for: scenario) }
    }

    @Test("what cannot work is refused by name")
    func refused() {
        func failure(_ scenario: SIPLoadScenario, _ change: (inout SIPLoadOptions) -> Void) -> String {
            var options = SIPLoadOptions()
            change(&options)
            do {
                try options.validate(for: scenario)
                return ""
            } catch { return "\(error)" }
        }
        #expect(failure(.message) { $0.count = 3 }.contains("--n must be even"))
        #expect(failure(.publish) { $0.users = 10 }.contains("--users"))
        #expect(failure(.idle) { $0.users = 5 }.contains("--users are too few"))
        #expect(failure(.register) { $0.domain = "a b" }.contains("--domain"))
        #expect(failure(.register) { $0.userTemplate = "user" }.contains("%d"))
        #expect(failure(.register) { $0.port = 0 }.contains("--port"))
    }

    @Test("idle subscriptions never pair a user with itself or twice with another")
    func pairs() {
        let (count, users) = (19_000, 200)
        var seen = Set<[Int]>()
        for number in 0..<count {
            let pair = [(number % users + 1 + number / users) % users, number % users]
            #expect(pair[0] != pair[1])
            #expect(seen.insert(pair).inserted)
        }
    }
}
