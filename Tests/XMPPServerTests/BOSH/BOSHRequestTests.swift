import NIOCore
import Testing
import XMLWire

@testable import XMPPServer

@Suite("Bodies of BOSH")
struct BOSHRequestTests {
    private func request(_ text: String, bytes: Int = 10_000, depth: Int = 20) throws -> BOSHRequest {
        try BOSHRequest(
            ByteBuffer(string: text), limits: XMLLimits(elementBytes: bytes, depth: depth), frame: ElementFrame())
    }

    @Test("attributes are read, those of the XMPP profile by their namespace")
    func attributes() throws {
        let request = try request(
            "\u{FEFF}<?xml version='1.0'?> <body rid='1573741820' sid='s' to='example.com' wait='60' hold='1' ver='1.6' ack='1'"
                + " xml:lang='en' x:restart='true' x:version='1.0' type='terminate'"
                + " xmlns='http://jabber.org/protocol/httpbind' xmlns:x='urn:xmpp:xbosh'/>\n")
        #expect(request.rid == 1_573_741_820 && request.sid == "s" && request.to == "example.com")
        #expect(request.wait == 60 && request.hold == 1 && request.ack == 1 && request.language == "en")
        #expect(request.ver.map { $0 == (1, 6) } == true)
        #expect(request.isRestart && request.version == "1.0" && request.isTerminate && request.isEmpty)
        let other = try self.request(
            "<body rid='1' restart='true' x:restart='true' xmlns='http://jabber.org/protocol/httpbind' xmlns:x='urn:other'/>"
        )
        #expect(!other.isRestart && other.version == nil)
    }

    @Test("request ids are 1 … 2^53 - 1, other numbers are small and not negative")
    func numbers() throws {
        for (text, rid) in [
            ("9007199254740991", 9_007_199_254_740_991), ("9007199254740992", nil), ("0", nil), ("-1", nil),
            ("1.5", nil),
            ("", nil),
        ] as [(String, Int64?)] {
            let body = "<body rid='\(text)' wait='-1' hold='99999999999' xmlns='http://jabber.org/protocol/httpbind'/>"
            let request = try request(body)
            #expect(request.rid == rid && request.wait == nil && request.hold == nil, "\(text)")
        }
    }

    @Test("payloads come out as they came, however many, and without the prefixes of the body")
    func payloads() throws {
        let many = String(repeating: "<message xmlns='jabber:client'><body>a</body></message> ", count: 100)
        let request = try request(
            "<body rid='1' xmlns='http://jabber.org/protocol/httpbind' xmlns:c='jabber:client'>\n\(many)<c:presence/></body>"
        )
        #expect(
            String(buffer: request.payloads)
                == many.replacing("> <message", with: "><message").dropLast() + "<presence/>")
        #expect(!request.isEmpty)
    }

    @Test(
        "what is no sound body is refused",
        arguments: [
            "", "text", "<body/>", "<body xmlns='http://jabber.org/protocol/httpbind'", "<?xml version='1.0'",
            "<body xmlns='http://jabber.org/protocol/httpbind'>text</body>",
            "<body xmlns='http://jabber.org/protocol/httpbind'><a></body>",
            "<body xmlns='http://jabber.org/protocol/httpbind'><!-- --></body>",
            "<body xmlns='http://jabber.org/protocol/httpbind'/><body xmlns='http://jabber.org/protocol/httpbind'/>",
            "<body xmlns='http://jabber.org/protocol/httpbind'><x:a/></body>",
            "<other xmlns='http://jabber.org/protocol/httpbind'/>", "<!DOCTYPE body><body/>",
        ])
    func refused(_ text: String) {
        #expect(throws: XMLFault.self) { try request(text) }
    }

    @Test("size and depth are bounded")
    func bounds() {
        let start = "<body rid='1' xmlns='http://jabber.org/protocol/httpbind'>"
        let deep = String(repeating: "<a>", count: 30) + String(repeating: "</a>", count: 30)
        #expect(throws: XMLFault.tooDeep) { try request(start + deep + "</body>") }
        let long = String(repeating: "a", count: 20_000)
        #expect(throws: XMLFault.tooLarge) { try request(start + "<a>\(long)</a></body>") }
    }
}
