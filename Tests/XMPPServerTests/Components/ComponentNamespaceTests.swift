import Testing
import XMLWire

@testable import XMPPServer

@Suite("Namespaces of component streams")
struct ComponentNamespaceTests {
    private func parse(_ xml: String, _ namespace: String = "jabber:client") throws -> XMLElement {
        try Array(xml.utf8).withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: namespace, streamPrefixes: [])
        }
    }

    private func sent(_ xml: String) -> String {
        String(decoding: ComponentNamespace.bytes(of: Array(xml.utf8)), as: UTF8.self)
    }

    @Test("a stanza that inherits its namespace goes out as it is")
    func plain() {
        let xml = "<message to='a'><body>x</body></message>"
        #expect(sent(xml) == xml)
    }

    @Test("a stanza that names the namespace of clients gets that of components")
    func named() {
        #expect(sent("<iq xmlns='jabber:client' id='1'><error/></iq>") == "<iq id='1'><error/></iq>")
    }

    @Test("a forwarded stanza keeps the namespace it names")
    func forwarded() throws {
        let out = sent(
            "<message><body>b</body><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>x</body>"
                + "</message></forwarded></message>")
        let element = try parse(out, ComponentNamespace.accept)
        #expect(element.namespace == ComponentNamespace.accept)
        #expect(element.child("body", namespace: ComponentNamespace.accept)?.text == "b")
        let inner = element.child("forwarded", namespace: "urn:xmpp:forward:0")?.firstElement
        #expect(inner?.namespace == "jabber:client" && inner?.firstElement?.namespace == "jabber:client")
    }

    @Test("what a component writes is in the namespace of clients, whichever it names")
    func received() throws {
        let wanted = try parse("<message to='a'><body>x</body></message>")
        for xml in [
            "<message to='a'><body>x</body></message>",
            "<message xmlns='jabber:component:accept' to='a'><body>x</body></message>",
            "<message xmlns='jabber:client' to='a'><body xmlns='jabber:component:accept'>x</body></message>",
        ] {
            #expect(ComponentNamespace.toClient(try parse(xml)) == wanted)
        }
    }

    @Test("the digest of the handshake is the one of the specification (XEP-0114 §3)")
    func digest() {
        // printf '3BF96D32test' | sha1sum
        #expect(ComponentServer.digest("3BF96D32" + "test") == "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e")
    }
}
