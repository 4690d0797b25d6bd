import Testing

@testable import XMPPServer

@Suite("Importance of stanzas to an inactive client")
struct ImportanceTests {
    static func importance(_ xml: String) -> StanzaImportance {
        ImportanceReader().importance(of: Array(xml.utf8))
    }

    static let body = "<body>hello</body>"
    static let state = "<active xmlns='http://jabber.org/protocol/chatstates'/>"

    static func carbon(_ content: String, _ direction: String = "received") -> String {
        "<message from='a@b'><\(direction) xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
            + "<message xmlns='jabber:client' type='chat'>\(content)</message></forwarded></\(direction)></message>"
    }

    @Test(
        "what a person reads is a message",
        arguments: [
            "<message>\(body)</message>", "<message type='groupchat'>\(body)</message>",
            "<message type='groupchat'><subject>s</subject></message>",
            "<message><encryption xmlns='urn:xmpp:eme:0' namespace='x'/></message>",
            "<message><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>",
            "<message xmlns='jabber:client'>\(body)</message>", carbon(body), carbon(body, "sent"),
        ])
    func messages(xml: String) { #expect(Self.importance(xml) == .message) }

    @Test(
        "what cannot wait is urgent",
        arguments: [
            "<iq type='result' id='1'/>", "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<message type='error'>\(body)</message>", "<presence type='subscribe' from='a@b'/>",
            "<presence type='error' from='a@b'/>", "<presence type='unsubscribed' from='a@b'/>",
            "<message><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>",
            "<message><accept xmlns='urn:xmpp:jingle-message:1' id='1'/></message>",
            "<message><x xmlns='jabber:x:conference' jid='r@c'/></message>",
            "<message><x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x></message>",
            "<message><result xmlns='urn:xmpp:mam:2' id='1'/></message>",
            carbon("<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>"), "<message><body></message>", "nonsense",
        ])
    func urgent(xml: String) { #expect(Self.importance(xml) == .urgent) }

    @Test(
        "the rest is unimportant",
        arguments: [
            "<message/>", "<message>\(state)</message>", "<message type='headline'>\(body)</message>",
            "<message><received xmlns='urn:xmpp:receipts' id='1'/></message>",
            "<message><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>",
            "<message><event xmlns='http://jabber.org/protocol/pubsub#event'><body/></event></message>",
            "<message><x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x></message>",
            "<message><html xmlns='example:html'><body>hello</body></html></message>", carbon(state),
            "<presence/>",
        ])
    func unimportant(xml: String) { #expect(Self.importance(xml) == .unimportant) }

    @Test("presence is known by whom it is from")
    func presence() {
        let from = Array("a@b/c".utf8)
        #expect(Self.importance("<presence from='a@b/c'><show>away</show></presence>") == .availability(of: from))
        #expect(Self.importance("<presence type='unavailable' from=\"a@b/c\"/>") == .availability(of: from))
    }

    @Test("of chat states and of items of nodes the last word counts, each by its subject")
    func latest() {
        func subject(_ xml: String) -> [UInt8]? {
            if case .latest(let subject) = Self.importance(xml) { return subject }
            return nil
        }
        func event(_ items: String, from: String = "a@b") -> String {
            "<message type='headline' from='\(from)'><event xmlns='http://jabber.org/protocol/pubsub#event'>\(items)"
                + "</event></message>"
        }
        let states = ["a@b/c", "a@b/d"].map { "<message from='\($0)'>\(Self.state)<thread>1</thread></message>" }
        let items = [
            event("<items node='n'><item id='1'><x xmlns='urn:x'/></item></items>"),
            event("<items node='n'><item id='2'/></items>"), event("<items node='m'><item id='1'/></items>"),
            event("<items node='n'><item id='1'/></items>", from: "b@b"),
        ]
        let subjects = (states + items).compactMap(subject)
        #expect(subjects.count == 6 && Set(subjects).count == 6 && subjects.allSatisfy { $0[0] < 2 })
        #expect(subject(items[0]) == subject(event("<items node='n'><item id='1'><y xmlns='urn:y'/></item></items>")))
        for other in [
            event("<items node='n'><item id='1'/><item id='2'/></items>"), event("<purge node='n'/>"),
            event("<items node='n'><retract id='1'/></items>"), event("<items node='n'/>"), event(""),
            "<message from='a@b/c'>\(Self.state)<x xmlns='urn:x'/></message>",
        ] {
            #expect(Self.importance(other) == .unimportant)
        }
        #expect(Self.importance("<message from='a@b/c'>\(Self.state)\(Self.body)</message>") == .message)
    }

    @Test("what cannot be read does not spoil what follows")
    func recovers() {
        let reader = ImportanceReader()
        #expect(reader.importance(of: Array("<message><a></message>".utf8)) == .urgent)
        #expect(reader.importance(of: Array("<message>".utf8)) == .urgent)
        #expect(reader.importance(of: Array("<message>\(Self.state)</message>".utf8)) == .unimportant)
    }
}

@Suite("Stanzas held for an inactive client")
struct HeldStanzasTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("the last presence of an address stays, in the place where it came")
    func coalesces() {
        let held = HeldStanzas()
        held.append(bytes("p1"), nil, .availability(of: bytes("a")))
        held.append(bytes("m1"), nil, .unimportant)
        held.append(bytes("q1"), nil, .availability(of: bytes("b")))
        held.append(bytes("p2"), nil, .availability(of: bytes("a")))
        #expect(held.count == 3 && held.bytes == 6)
        #expect(held.takeAll().map { String(decoding: $0.bytes, as: UTF8.self) } == ["m1", "q1", "p2"])
        #expect(held.count == 0 && held.bytes == 0 && !held.hasMessages)
        held.append(bytes("p3"), nil, .availability(of: bytes("a")))
        #expect(held.takeAll().count == 1)
    }

    @Test("a contact whose presence flutters takes no more room than one")
    func compacts() {
        let held = HeldStanzas()
        held.append(bytes("first"), nil, .unimportant)
        for number in 0..<10_000 {
            held.append(bytes("p\(number)"), nil, .availability(of: bytes("a")))
            held.append(bytes("q\(number)"), nil, .availability(of: bytes("b")))
            held.compact()
            #expect(held.places < 300)
        }
        #expect(held.takeAll().map { String(decoding: $0.bytes, as: UTF8.self) } == ["first", "p9999", "q9999"])
    }
}
