import Testing
import XMLWire

@testable import XMPPServer

@Suite("What traces show")
struct TraceRedactionTests {
    private func shown(_ xml: String, bodies: Bool) throws -> String {
        let element = try Array(xml.utf8).withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
        return String(decoding: TraceRedaction.redacted(element, showsBodies: bodies).stanzaBytes, as: UTF8.self)
    }

    @Test("texts are left out unless they are asked for")
    func bodies() throws {
        let message = "<message to='bob@example.com' id='1'><body>meet me at <b xmlns='x'>five</b></body></message>"
        let without = try shown(message, bodies: false)
        #expect(!without.contains("meet") && !without.contains("five"))
        #expect(without.contains("id='1'") && without.contains("bob@example.com"))
        #expect(without.contains("… 11 characters"))
        #expect(try shown(message, bodies: true).contains("meet me at"))
    }

    @Test("show and priority of presence stay, its text goes")
    func presence() throws {
        let text = try shown(
            "<presence><show>away</show><priority>5</priority><status>dentist</status></presence>", bodies: false)
        #expect(text.contains("<show>away</show>") && text.contains("<priority>5</priority>"))
        #expect(!text.contains("dentist"))
    }

    @Test(
        "passwords and tokens are never shown",
        arguments: [
            "<iq type='set'><query xmlns='jabber:iq:register'><username>bob</username><password>sesame</password></query></iq>",
            "<iq type='set'><command xmlns='http://jabber.org/protocol/commands' node='change-password'>"
                + "<x xmlns='jabber:x:data' type='submit'><field var='password'><value>sesame</value></field></x></command></iq>",
            "<iq type='result'><services xmlns='urn:xmpp:extdisco:2'><service password='sesame' host='h'/></services></iq>",
            "<iq type='result'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://h/sesame'/></slot></iq>",
        ])
    func secrets(_ xml: String) throws {
        for bodies in [true, false] { #expect(try !shown(xml, bodies: bodies).contains("sesame")) }
    }
}
