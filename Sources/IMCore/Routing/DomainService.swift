import XMLWire
import XMPPWire

/// Answers stanzas addressed to a domain of its own, beside the domains of accounts: pubsub, search, a component.
///
/// Confined to the loop of the router.
public protocol DomainService: AnyObject {
    /// Prepared.
    var domain: String { get }
    /// What service discovery calls it (XEP-0030 §4).
    var title: String { get }
    /// Does not show the status of somebody who does not share availability: a chat room, where presence means taking
    /// part.
    var hidesStatus: Bool { get }
    /// Takes a stanza for the domain or any address in it, and settles it, now or later.
    func receive(_ stanza: RoutedStanza)
}

extension DomainService {
    public var hidesStatus: Bool { false }
}

/// A stanza on its way to a service, with `from` and `to` in it.
public struct RoutedStanza {
    public enum Kind: String { case message, presence, iq }

    public let kind: Kind
    public let element: XMLElement
    public let from: JID
    public let to: JID
    public let source: any StanzaSource
    /// Number in the sender's ack ledger, nil without stream management.
    private let ledgerNumber: UInt64?
    /// Runs when the stanza is settled.
    public var whenSettled: (() -> Void)?

    public init(
        kind: Kind, element: XMLElement, from: JID, to: JID, source: any StanzaSource, ledgerNumber: UInt64? = nil
    ) {
        self.kind = kind
        self.element = element
        self.from = from
        self.to = to
        self.source = source
        self.ledgerNumber = ledgerNumber
    }

    /// Nothing of the stanza can be lost any more. Exactly once.
    public func settle() {
        if let ledgerNumber { source.stanzaIsSafe(ledgerNumber) }
        whenSettled?()
    }

    /// Answers an IQ with a result.
    public func reply(_ content: [XMLElement] = []) {
        var answer = XMLElement("iq", namespace: StanzaNamespace.client, attributes: ["type": "result"])
        answer.children = content.map { .element($0) }
        send(answer)
    }

    /// Answers with an error (RFC 6120 §8.3), unless the stanza is one or is a result.
    public func refuse(_ error: StanzaError) {
        let type = element["type"] ?? ""
        guard type != "error", kind != .iq || type != "result" else { return }
        var answer = XMLElement(kind.rawValue, namespace: StanzaNamespace.client, attributes: ["type": "error"])
        answer.children = [.element(error.element)]
        send(answer)
    }

    private func send(_ answer: XMLElement) {
        var answer = answer
        answer["id"] = element["id"]
        answer["from"] = to.description
        answer["to"] = from.description
        source.deliver(answer.stanzaBytes)
    }
}

extension XMLElement {
    /// The stanza as it stands in a client's stream.
    public var stanzaBytes: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes, inheritedNamespace: StanzaNamespace.client)
        return bytes
    }
}
