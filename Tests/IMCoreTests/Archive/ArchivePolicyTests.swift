import Testing
import XMLWire
import XMPPWire

@testable import IMCore

@Suite("What archives keep (XEP-0313 §5.1.1, XEP-0334)")
struct ArchivePolicyTests {
    private func isArchived(_ content: String, type: MessageType = .chat) throws -> Bool {
        let message = try Array("<message>\(content)</message>".utf8).withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        return MessagePolicy.isArchived(type: type, traits: MessageTraits(of: message))
    }

    @Test(
        "content is kept",
        arguments: [
            "<body>hi</body>", "<subject>plans</subject>",
            "<received xmlns='urn:xmpp:receipts' id='1'/>", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
            "<body>2</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>+</reaction></reactions>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
            "<apply-to xmlns='urn:xmpp:fasten:0' id='1'/>", "<x xmlns='jabber:x:conference' jid='r@muc.example'/>",
            "<active xmlns='http://jabber.org/protocol/chatstates'/><body>hi</body>",
            "<composing xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>",
        ])
    func kept(_ content: String) throws { #expect(try isArchived(content)) }

    @Test(
        "state and transport are not, nor what asks not to be",
        arguments: [
            "", "<thread>t</thread>", "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
            "<data xmlns='http://jabber.org/protocol/ibb'/>",
            "<event xmlns='http://jabber.org/protocol/pubsub#event'/>",
            "<x xmlns='jabber:x:event'><composing/></x>", "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>",
            "<body>hi</body><no-store xmlns='urn:xmpp:hints'/>",
            "<body>hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>",
            "<body>hi</body><no-store xmlns='urn:xmpp:hints'/><store xmlns='urn:xmpp:hints'/>",
            "<received xmlns='urn:xmpp:carbons:2'/>",
        ])
    func dropped(_ content: String) throws { #expect(try !isArchived(content)) }

    @Test("only conversations are kept", arguments: [MessageType.error, .groupchat, .headline])
    func types(_ type: MessageType) throws {
        #expect(try !isArchived("<body>hi</body>", type: type))
        #expect(try isArchived("<body>hi</body>", type: .normal))
    }

    @Test("what is not for archives may still wait for its recipient; what must not be stored may not") func hints() {
        let traits: MessageTraits = [.body, .substance, .lasting]
        #expect(MessagePolicy.isStorable(type: .chat, traits: traits.union(.noPermanentStore)))
        #expect(!MessagePolicy.isStorable(type: .chat, traits: traits.union(.noStore)))
        #expect(MessagePolicy.isStorable(type: .chat, traits: [.chatState, .store]))
        #expect(!MessagePolicy.isStorable(type: .headline, traits: [.store]))
    }

    @Test("preferences: lists come before the default, never before always, bare addresses mean every resource")
    func preferences() throws {
        let (romeo, phone) = (try JID(parsing: "romeo@example.org"), try JID(parsing: "romeo@example.org/phone"))
        let juliet = try JID(parsing: "juliet@example.org")
        func keeps(_ preferences: ArchivePreferences, _ peer: JID, isInRoster: Bool = false) -> Bool {
            preferences.keeps(peer, isInRoster: isInRoster)
        }
        #expect(keeps(ArchivePreferences(.never, always: [romeo]), phone))
        #expect(!keeps(ArchivePreferences(.never, always: [phone]), romeo))
        #expect(keeps(ArchivePreferences(.never, always: [phone]), phone))
        #expect(!keeps(ArchivePreferences(.always, never: [romeo]), phone))
        #expect(keeps(ArchivePreferences(.always, never: [romeo]), juliet))
        #expect(!keeps(ArchivePreferences(.always, always: [romeo], never: [romeo]), romeo))
        #expect(keeps(ArchivePreferences(.roster), juliet, isInRoster: true))
        #expect(!keeps(ArchivePreferences(.roster), juliet, isInRoster: false))
    }
}
