import IMCore
import SIPWire
import Testing
import XMLWire
import XMPPWire

@testable import Interworking

@Suite("Stanzas and MESSAGE requests (RFC 7572)") struct StanzaMappingTests {
    private struct Written {
        var bytes: [UInt8]
        var type: MessageType
        var traits: MessageTraits
    }

    private let reader = StanzaReader()

    private func stanza(_ text: String) throws -> MessageStanza { try #require(reader.read(Array(text.utf8))) }

    private func content(_ text: String, takesCPIM: Bool = false) throws -> PagerContent? {
        PagerContent(
            try stanza(text), takesCPIM: takesCPIM, from: Array("im:anna@example.org".utf8),
            to: Array("im:bob@example.org".utf8), date: "2026-01-01T12:00:00.000Z")
    }

    @Test("a stanza's parts are read where they stand") func reading() throws {
        let read = try stanza(
            """
            <message from='anna@example.org/d&apos;esk' to='bob@example.org' type='chat' id='m1' xml:lang='de'>\
            <body xml:lang='en'>Hi</body><body>Gr&#252;&#xDF;e &amp; &lt;mehr&gt;</body><subject>S</subject>\
            <thread>t1@x</thread><request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/>\
            <html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>no</body></html>\
            <delay xmlns='urn:xmpp:delay' from='example.org' stamp='2026-01-01T12:00:00.000Z'/></message>
            """)
        #expect(String(decoding: read.from, as: UTF8.self) == "anna@example.org/d'esk")
        #expect(String(decoding: read.to, as: UTF8.self) == "bob@example.org")
        #expect(read.type == .chat)
        #expect(String(decoding: read.body ?? [], as: UTF8.self) == "Grüße & <mehr>")
        #expect(String(decoding: read.subject ?? [], as: UTF8.self) == "S")
        #expect(String(decoding: read.thread, as: UTF8.self) == "t1@x")
        #expect(String(decoding: read.language, as: UTF8.self) == "de")
        #expect(read.wantsReceipt)
        #expect(read.chatState == .active)
        #expect(read.delayedSince == 1_767_268_800_000)
    }

    @Test("the reader goes on after bytes that are no stanza") func garbage() throws {
        #expect(reader.read(Array("<message><broken".utf8)) == nil)
        #expect(reader.read(Array("<iq/>".utf8)) == nil)
        #expect(try stanza("<message><body>x</body></message>").body == Array("x".utf8))
    }

    @Test("what a stanza says is a body, a subject, a Call-ID and a language") func outgoing() throws {
        let sent = try #require(
            try content(
                """
                <message type='chat' id='m' xml:lang='fr'><subject>a\nb</subject><body>é</body><thread>two words</thread></message>
                """))
        #expect("\(sent.type)" == "text/plain;charset=UTF-8")
        #expect(String(decoding: sent.subject, as: UTF8.self) == "a b")
        #expect(String(decoding: sent.callID, as: UTF8.self).hasPrefix("thread-"))
        #expect(String(decoding: sent.language, as: UTF8.self) == "fr")
        #expect(PagerContent.callID(ofThread: Array("a8.b@host".utf8)) == Array("a8.b@host".utf8))
        #expect(PagerContent.callID(ofThread: Array("a@b@c".utf8)) != Array("a@b@c".utf8))
    }

    @Test(
        "corrections, addresses and subjects are told as text; what has none is left out",
        arguments: [
            ("<body>new</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>", "* new"),
            ("<x xmlns='jabber:x:oob'><url>https://example.org/f</url></x>", "https://example.org/f"),
            ("<subject>only</subject>", "only"),
            ("<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>", nil),
            ("<body/>", nil), ("<received xmlns='urn:xmpp:receipts' id='1'/>", nil),
        ]) func texts(_ children: String, _ expected: String?) throws
    {
        let content = try content("<message>\(children)</message>")
        #expect(content.map { String(decoding: $0.body, as: UTF8.self) } == expected)
    }

    @Test("a contact that takes envelopes is asked for a notification, and told of one") func envelopes() throws {
        let asked = try #require(
            try content(
                "<message id='m7'><body>x</body><request xmlns='urn:xmpp:receipts'/></message>", takesCPIM: true))
        #expect("\(asked.type)" == "message/cpim")
        let back = try asked.body.withUnsafeBytes { try MessageContent.read($0, type: SIPBytes("message/cpim")) }
        #expect(back == .text(Array("x".utf8), .init(messageID: "m7", wantsDelivery: true)))
        let told = try #require(
            try content("<message><displayed xmlns='urn:xmpp:chat-markers:0' id='m8'/></message>", takesCPIM: true))
        let notice = try told.body.withUnsafeBytes { try MessageContent.read($0, type: SIPBytes("message/cpim")) }
        #expect(notice == .notification(.init(messageID: "m8", state: .displayed)))
        #expect(told.isNotice)
    }

    @Test(
        "typing goes out as active or idle",
        arguments: [("composing", true), ("paused", false), ("active", false), ("gone", false)]) func typing(
            _ state: String, _ isActive: Bool
        ) throws
    {
        let sent = try #require(
            try content("<message><\(state) xmlns='http://jabber.org/protocol/chatstates'/></message>"))
        #expect("\(sent.type)" == "application/im-iscomposing+xml")
        let back = try sent.body.withUnsafeBytes { try MessageContent.read($0, type: SIPBytes("\(sent.type)")) }
        #expect(back == .composing(isActive))
    }

    private func written(_ content: MessageContent, subject: String? = nil) throws -> (XMLElement, Written) {
        var writer = StanzaWriter(
            from: Array("bob@example.org/d'esk".utf8), to: Array("anna@example.org".utf8), name: Array("n1".utf8))
        writer.identifiedBy = writer.to
        writer.callID = SIPBytes("call<1@host")
        writer.language = SIPBytes("en, de")
        writer.subject = subject.map { SIPBytes($0) }
        let shape = writer.shape(of: content)
        let written = Written(bytes: writer.write(content), type: shape.type, traits: shape.traits)
        let element = try written.bytes.withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
        return (element, written)
    }

    @Test("a MESSAGE is a stanza that says the same") func incoming() throws {
        let (element, written) = try written(
            .text(Array("1 < 2\r\n]]> & \u{1}".utf8), .init(messageID: "x'y", wantsDelivery: true, wantsDisplay: true)))
        #expect(element["from"] == "bob@example.org/d'esk")
        #expect(element["id"] == "x'y")
        #expect(element["type"] == "chat")
        #expect(element["xml:lang"] == "en")
        #expect(element.child("body", namespace: "jabber:client")?.text == "1 < 2\n]]> & \u{FFFD}")
        #expect(element.child("thread", namespace: "jabber:client")?.text == "call<1@host")
        #expect(element.child("request", namespace: "urn:xmpp:receipts") != nil)
        #expect(element.child("markable", namespace: "urn:xmpp:chat-markers:0") != nil)
        #expect(element.child("stanza-id", namespace: "urn:xmpp:sid:0")?["by"] == "anna@example.org")
        #expect(written.traits.contains([.body, .substance, .lasting]))
        // The core looks for its own id at the very end.
        #expect(
            String(decoding: StanzaStamp.withoutStanzaID(written.bytes), as: UTF8.self).hasSuffix(
                "<markable xmlns='urn:xmpp:chat-markers:0'/></message>"))
    }

    /// The pair of RFC 7572 §4: Juliet to Romeo.
    @Test("a stanza of the document is its MESSAGE") func juliet() throws {
        let read = try stanza(
            """
            <message from='juliet@example.com/yn0cl4bnw0yr3vym' to='romeo@example.net' xml:lang='cs'>\
            <subject>Ahoj</subject><body>Art thou not Romeo, and a Montague?</body>\
            <thread>D9AA95FD-2BD5-46E2-AF0F-6CFAA96BDDFA</thread></message>
            """)
        let sent = try #require(PagerContent(read, takesCPIM: false, from: [], to: [], date: ""))
        #expect("\(sent.type)" == "text/plain")
        #expect(String(decoding: sent.body, as: UTF8.self) == "Art thou not Romeo, and a Montague?")
        #expect(sent.body.count == 35)
        #expect(String(decoding: sent.callID, as: UTF8.self) == "D9AA95FD-2BD5-46E2-AF0F-6CFAA96BDDFA")
        #expect(String(decoding: sent.subject, as: UTF8.self) == "Ahoj")
        #expect(String(decoding: sent.language, as: UTF8.self) == "cs")
        let from = AddressMapping.uri(of: try JID(parsing: String(decoding: read.from, as: UTF8.self)))
        #expect(String(decoding: from, as: UTF8.self) == "sip:juliet@example.com;gr=yn0cl4bnw0yr3vym")
    }

    /// The pair of RFC 7572 §5: Romeo to Juliet.
    @Test("a MESSAGE of the document is its stanza") func romeo() throws {
        let uri = try #require(SIPURI("sip:romeo@example.net;gr=dr4hcr0st3lup4c"))
        let from = try #require(AddressMapping.jid(of: uri))
        var writer = StanzaWriter(
            from: Array(from.description.utf8), to: Array("juliet@example.com".utf8), name: Array("n".utf8))
        writer.callID = SIPBytes("9E97FB43-85F4-4A00-8751-1124FD4C7B2E")
        writer.language = SIPBytes("cs")
        let body = Array("Neither, fair saint, if either thee dislike.".utf8)
        #expect(body.count == 44)
        let content = try body.withUnsafeBytes { try MessageContent.read($0, type: SIPBytes("text/plain")) }
        let written = writer.write(content)
        let element = try written.withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
        #expect(element["from"] == "romeo@example.net/dr4hcr0st3lup4c")
        #expect(element["to"] == "juliet@example.com")
        #expect(element["xml:lang"] == "cs")
        #expect(
            element.child("body", namespace: "jabber:client")?.text == "Neither, fair saint, if either thee dislike.")
        #expect(
            element.child("thread", namespace: "jabber:client")?.text == "9E97FB43-85F4-4A00-8751-1124FD4C7B2E")
    }

    @Test("a MESSAGE with a subject is of type normal") func normal() throws {
        let (element, written) = try written(.text(Array("x".utf8), .none), subject: " News ")
        #expect(element["type"] == nil)
        #expect(element["id"] == "n1")
        #expect(element.child("subject", namespace: "jabber:client")?.text == "News")
        #expect(written.type == .normal)
    }

    @Test("notices are those of XMPP") func notices() throws {
        let states = "http://jabber.org/protocol/chatstates"
        #expect(try written(.composing(true)).0.child("composing", namespace: states) != nil)
        #expect(try written(.composing(false)).0.child("paused", namespace: states) != nil)
        let (element, told) = try written(.notification(.init(messageID: "m&1", state: .delivered)))
        #expect(element.child("received", namespace: "urn:xmpp:receipts")?["id"] == "m&1")
        #expect(told.traits.contains(.receipt))
        let (shown, _) = try written(.notification(.init(messageID: "m1", state: .displayed)))
        #expect(shown.child("displayed", namespace: "urn:xmpp:chat-markers:0")?["id"] == "m1")
    }
}
