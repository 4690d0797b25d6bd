import Testing
import XMLWire
import XMPPWire

@Suite("Stamping by splicing")
struct StanzaStampTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("an addition goes before the end tag") func append() {
        let stanza = Array("<message to='a@b'><body>&lt;hi&gt;</body></message>".utf8)
        #expect(
            text(StanzaStamp.appending(Array("<x/>".utf8), to: stanza))
                == "<message to='a@b'><body>&lt;hi&gt;</body><x/></message>")
    }

    @Test("a self-closing stanza is opened for it") func selfClosing() {
        #expect(
            text(StanzaStamp.appending(Array("<x/>".utf8), to: Array("<message to='a/b'/>".utf8)))
                == "<message to='a/b'><x/></message>")
    }

    @Test("a delayed stanza says since when and by whom (XEP-0203)") func delay() {
        let stanza = Array("<message><body>x</body></message>".utf8)
        #expect(
            text(StanzaStamp.delayed(stanza, from: "example.org", stamp: "2026-01-01T00:00:00.000Z"))
                == "<message><body>x</body><delay xmlns='urn:xmpp:delay' from='example.org'"
                + " stamp='2026-01-01T00:00:00.000Z'/></message>")
    }

    @Test("a carbon names the namespace of what it carries (XEP-0297)") func carbon() {
        let stanza = Array("<message from='a@x/1' to='b@x' type='chat'><body>x</body></message>".utf8)
        let copy = text(
            StanzaStamp.carbon(
                "sent", of: stanza, type: .chat, from: Array("a@x".utf8), to: Array("a@x/it's".utf8)))
        #expect(
            copy == "<message from='a@x' to='a@x/it&apos;s' type='chat'><sent xmlns='urn:xmpp:carbons:2'>"
                + "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='a@x/1' to='b@x'"
                + " type='chat'><body>x</body></message></forwarded></sent></message>")
    }

    @Test(
        "a carbon never declares the default namespace twice",
        arguments: [
            "<message xmlns='jabber:client' id='1'>", "<message\txmlns='jabber:client' id='1'>",
            "<message\nid='&gt;' xmlns = \"jabber:client\">", "<message id='a>b' xmlns='jabber:client'>",
            "<message id=' xmlns=x'>", "<message xmlns:a='urn:x' id='1'>", "<message>",
        ])
    func carbonDeclaration(start: String) throws {
        let stanza = Array((start + "<body xmlns='jabber:client'>x</body></message>").utf8)
        let copy = StanzaStamp.carbon("sent", of: stanza, type: .chat, from: Array("a@x".utf8), to: Array("a@x/1".utf8))
        let element = try copy.withUnsafeBytes { bytes in
            try XMLElement(parsing: bytes, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
        #expect(element.firstElement?.firstElement?.firstElement?.namespace == "jabber:client")
    }

    @Test("an error goes back where the stanza came from, with its id") func error() {
        let stanza = Array(
            ("<message from='a@x/1' to='b@x' id='m&amp;1' type='chat' xml:lang='de' xmlns:p='urn:p'><body>x&lt;</body>"
                + "<p:y/><stanza-id xmlns='urn:xmpp:sid:0' id='7' by='b@x'/></message>").utf8)
        #expect(
            text(StanzaStamp.errorReply(to: stanza, error: .serviceUnavailable))
                == "<message type='error' id='m&amp;1' from='b@x' to='a@x/1' xml:lang='de'><body>x&lt;</body>"
                + "<y xmlns='urn:p'/><error type='cancel'>"
                + "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    }
}
