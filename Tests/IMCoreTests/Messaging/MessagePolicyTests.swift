import Testing
import XMPPWire

@testable import IMCore

@Suite("Message policy (RFC 6121 §8.5.4)")
struct MessagePolicyTests {
    private static let text: MessageTraits = [.body, .substance]

    private func verdict(
        _ type: MessageType, _ traits: MessageTraits = text, full: Bool, matches: Bool = false, reachable: Bool
    ) -> MessageVerdict {
        MessagePolicy.verdict(
            type: type, traits: traits, hasResource: full, resourceMatches: matches, isReachable: reachable)
    }

    @Test(
        "to a bare address with nobody reachable",
        arguments: zip(
            [MessageType.normal, .chat, .groupchat, .headline, .error],
            [MessageVerdict.store, .store, .refuse, .ignore, .ignore]))
    func nobody(_ type: MessageType, _ expected: MessageVerdict) {
        #expect(verdict(type, full: false, reachable: false) == expected)
    }

    @Test(
        "to a bare address with reachable clients",
        arguments: zip(
            [MessageType.normal, .chat, .groupchat, .headline, .error],
            [MessageVerdict.fork, .fork, .refuse, .toAll, .ignore]))
    func somebody(_ type: MessageType, _ expected: MessageVerdict) {
        #expect(verdict(type, full: false, reachable: true) == expected)
    }

    @Test(
        "to a full address that is not connected",
        arguments: zip(
            [MessageType.normal, .chat, .groupchat, .headline, .error],
            [MessageVerdict.refuse, .fork, .refuse, .refuse, .ignore]))
    func noMatch(_ type: MessageType, _ expected: MessageVerdict) {
        #expect(verdict(type, full: true, reachable: true) == expected)
    }

    @Test(
        "to a full address that is connected, whatever the type",
        arguments: [MessageType.normal, .chat, .groupchat, .headline, .error])
    func match(_ type: MessageType) {
        #expect(verdict(type, full: true, matches: true, reachable: false) == .toResource)
    }

    @Test("chat to a full address with nobody there is stored as if to the bare one") func chatToGone() {
        #expect(verdict(.chat, full: true, reachable: false) == .store)
    }

    @Test("chat states and messages that ask not to be kept are not stored") func notKept() {
        #expect(verdict(.chat, [.chatState], full: false, reachable: false) == .ignore)
        #expect(verdict(.chat, [.body, .substance, .noStore], full: false, reachable: false) == .refuse)
        #expect(!MessagePolicy.isStorable(type: .chat, traits: [.chatState]))
        #expect(!MessagePolicy.isStorable(type: .headline, traits: Self.text))
        #expect(MessagePolicy.isStorable(type: .chat, traits: [.receipt, .substance]))
    }

    @Test("XEP-0280 §6.1: chat and receipts are copied, private messages, groupchat and carbons are not") func copies()
    {
        #expect(MessagePolicy.isCopied(type: .chat, traits: []))
        #expect(MessagePolicy.isCopied(type: .normal, traits: Self.text))
        #expect(MessagePolicy.isCopied(type: .normal, traits: [.receipt, .substance]))
        #expect(!MessagePolicy.isCopied(type: .normal, traits: [.substance]))
        #expect(!MessagePolicy.isCopied(type: .chat, traits: [.body, .noCopy]))
        #expect(!MessagePolicy.isCopied(type: .chat, traits: [.body, .isCarbon]))
        #expect(!MessagePolicy.isCopied(type: .groupchat, traits: Self.text))
    }
}
