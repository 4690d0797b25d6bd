import Testing
import XMLWire
import XMPPWire

@testable import XMPPServer

@Suite("Parts of the login and of what the server tells")
struct LoginUnitTests {
    private func request(_ xml: String) throws -> SASL2Request {
        let bytes = Array("<authenticate xmlns='urn:xmpp:sasl:2' \(xml)</authenticate>".utf8)
        let element = try bytes.withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
        return try SASL2Request(element)
    }

    @Test("an initial response may be missing, empty, or wrapped in white space (XEP-0388 §2.2)")
    func initialResponse() throws {
        #expect(try request("mechanism='PLAIN'>").initialResponse == nil)
        #expect(try request("mechanism='PLAIN'><initial-response/>").initialResponse == [])
        #expect(
            try request("mechanism='PLAIN'><initial-response>\n  AAEC \n</initial-response>").initialResponse
                == [0, 1, 2])
        #expect(throws: SASLFailure.incorrectEncoding) {
            try request("mechanism='PLAIN'><initial-response>=</initial-response>")
        }
    }

    @Test("a user agent keeps names of a bounded length and refuses an endless id")
    func userAgent() throws {
        let long = String(repeating: "x", count: 500)
        let agent = try request(
            "mechanism='PLAIN'><user-agent id='1'><software>\(long)</software><device>D</device></user-agent>"
        ).userAgent
        #expect(agent?.title == String(repeating: "x", count: UserAgent.nameLength) + " on D")
        #expect(throws: SASLFailure.malformedRequest) { try request("mechanism='PLAIN'><user-agent id='\(long)'/>") }
    }

    @Test("a TURN password is the HMAC of end and name (draft-uberti-behave-turn-rest-00 §2.2)")
    func relayCredentials() {
        let made = RelayCredentials(
            secret: "north", name: "romeo@example.com", seconds: 86_400, now: 1_700_000_000_000)
        #expect(made.username == "1700086400:romeo@example.com")
        #expect(made.password == "8cYlKo9VrtMPrFTwXElLT/h732M=")
        #expect(made.expiresAt == 1_700_086_400_000)
    }

    @Test("a form enters the verification string as in the example of XEP-0115 §5.3")
    func verification() {
        let form = DiscoveryForm(
            type: "urn:xmpp:dataforms:softwareinfo",
            fields: [
                .init(name: "software_version", values: ["0.11"]), .init(name: "ip_version", values: ["ipv6", "ipv4"]),
                .init(name: "os_version", values: ["10.5.1"]), .init(name: "os", values: ["Mac"]),
                .init(name: "software", values: ["Psi"]),
            ])
        #expect(
            form.verification
                == "urn:xmpp:dataforms:softwareinfo<ip_version<ipv4<ipv6<os<Mac<os_version<10.5.1<"
                + "software<Psi<software_version<0.11<")
    }
}
