import IMCore
import XMLWire
import XMPPWire

/// Brings one stanza to many (XEP-0033): every recipient's copy goes the way of a message of its own.
///
/// The sender's stream counts the stanza once every copy is durable, delivered or answered with an error.
final class Broadcast {
    unowned let server: C2SServer
    var config: BroadcastConfig { server.services.broadcast }
    private var rate = BroadcastRate()

    init(server: C2SServer) { self.server = server }

    private struct Recipient {
        var jid: JID
        /// The blind address, which only this recipient sees.
        var blind: XMLElement?
    }

    /// Takes a stanza for a hosted domain or a multicast service, and settles it.
    func receive(_ stanza: RoutedStanza) {
        do throws(StanzaError) {
            guard config.access != .off, stanza.to.local == nil, stanza.to.isBare,
                let header = try ExtendedAddresses(in: stanza.element), stanza.kind != .iq
            else { throw StanzaError.serviceUnavailable }
            try distribute(stanza, header)
        } catch {
            // Presence and news are never answered for the service's own sake (RFC 6121 §8.1, §5.2.2).
            let isSilent = stanza.kind == .presence || stanza.element["type"] == "headline"
            if !isSilent || error.condition != .serviceUnavailable { stanza.refuse(error) }
            stanza.settle()
        }
    }

    private func distribute(_ stanza: RoutedStanza, _ header: ExtendedAddresses) throws(StanzaError) {
        let home = server.router.homes.loaded(stanza.from)
        guard let home, home.mayBroadcast else {
            throw StanzaError(.auth, .forbidden, "sending to many is not allowed to this account")
        }
        let type = stanza.element["type"] ?? ""
        guard stanza.kind == .message ? type != "error" && type != "groupchat" : ["", "unavailable"].contains(type)
        else { throw StanzaError(.modify, .notAcceptable, "stanzas of this type are not sent to many") }
        guard header.addresses.count <= config.addresses else {
            throw StanzaError(.modify, .notAcceptable, "a stanza has at most \(config.addresses) addresses")
        }
        let (recipients, shown) = try expand(header, home)
        guard recipients.count <= config.recipients else {
            throw StanzaError(.modify, .notAcceptable, "a stanza has at most \(config.recipients) recipients")
        }
        // All of them had been delivered to before: nothing is left to do (§4.5).
        guard !recipients.isEmpty else {
            if !header.addresses.contains(where: \.isDelivered) { throw .badRequest("no recipient is named") }
            return stanza.settle()
        }
        let limit = config.recipientsPerMinute
        guard rate.take(recipients.count, of: home.id, limit: limit, uptime: server.time.uptime) else {
            throw StanzaError(.wait, .policyViolation, "at most \(limit) recipients a minute")
        }
        let origin = BroadcastOrigin(stanza, copies: recipients.count)
        for recipient in recipients {
            let copy = Self.copy(stanza.element, shown, recipient)
            if stanza.kind == .message {
                server.router.send(copy, from: origin, number: 1, of: home)
            } else {
                direct(copy, isAvailable: type.isEmpty, to: recipient.jid, stanza.source, home)
                origin.stanzaIsSafe(1)
            }
        }
    }

    /// Who gets a copy, each once, and the addresses that everybody sees.
    private func expand(
        _ header: ExtendedAddresses, _ home: UserHome
    ) throws(StanzaError) -> ([Recipient], [XMLElement]) {
        var recipients: [Recipient] = []
        var seen: Set<JID> = []
        var shown: [XMLElement] = []
        func add(_ jid: JID, _ address: ExtendedAddresses.Address, _ element: XMLElement) {
            var element = element
            if address.isRecipient { element["delivered"] = "true" }
            if address.kind != .bcc { shown.append(element) }
            guard address.isRecipient, seen.insert(jid).inserted else { return }
            var blind: XMLElement?
            if address.kind == .bcc { blind = element }
            recipients.append(Recipient(jid: jid, blind: blind))
        }
        for address in header.addresses {
            if let jid = address.jid {
                add(jid, address, address.element)
            } else if let group = address.group, address.isRecipient {
                let members = home.roster.values.filter { $0.isVisible && $0.groups.contains(group) }
                guard !members.isEmpty else {
                    throw StanzaError(.cancel, .itemNotFound, "your roster has no group '\(group)'")
                }
                for member in members.map(\.contact).sorted(by: { $0.description < $1.description }) {
                    add(
                        member, address,
                        XMLElement(
                            "address", namespace: ExtendedAddresses.namespace,
                            attributes: ["type": address.kind.rawValue, "jid": member.description]))
                }
            } else if address.kind != .bcc {
                shown.append(address.element)
            }
        }
        return (recipients, shown)
    }

    /// The stanza as one recipient gets it (§5): addressed to it, blind addresses of others left out.
    private static func copy(_ element: XMLElement, _ shown: [XMLElement], _ recipient: Recipient) -> XMLElement {
        var copy = element
        copy["to"] = recipient.jid.description
        copy.children.removeAll { node in
            guard case .element(let child) = node else { return false }
            // Ids of servers that the client has no business to make up (XEP-0359 §4).
            return child.name == "addresses" && child.namespace == ExtendedAddresses.namespace
                || child.name == "stanza-id" && child.namespace == "urn:xmpp:sid:0"
        }
        let addresses = shown + (recipient.blind.map { [$0] } ?? [])
        if !addresses.isEmpty {
            copy.children.insert(
                .element(
                    XMLElement(
                        "addresses", namespace: ExtendedAddresses.namespace,
                        children: addresses.map { .element($0) })), at: 0)
        }
        return copy
    }

    /// Presence to one of the addresses, as if it had been directed there (RFC 6121 §4.6).
    private func direct(
        _ copy: XMLElement, isAvailable: Bool, to jid: JID, _ source: any StanzaSource, _ home: UserHome
    ) {
        guard let endpoint = source as? any Endpoint else { return }
        var plain = copy
        plain["to"] = nil
        let bytes = plain.stanzaBytes
        let stanza = PresenceStanza(bytes: bytes, gap: "<presence".utf8.count)
        server.router.direct(stanza, isAvailable: isAvailable, to: jid, from: endpoint, home)
    }
}

/// Stands for the sender towards the copies: errors go to it, and the last safe copy settles the stanza.
private final class BroadcastOrigin: StanzaSource {
    private let stanza: RoutedStanza
    private var left: Int

    init(_ stanza: RoutedStanza, copies: Int) {
        self.stanza = stanza
        left = copies
    }

    var address: [UInt8] { stanza.source.address }
    var resource: String { stanza.source.resource }
    func deliver(_ bytes: [UInt8]) { stanza.source.deliver(bytes) }

    func stanzaIsSafe(_ number: UInt64) {
        left -= 1
        if left == 0 { stanza.settle() }
    }
}
