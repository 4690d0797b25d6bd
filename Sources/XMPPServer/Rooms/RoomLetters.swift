import Ground
import IMCore
import XMLWire
import XMPPWire

/// Messages that go from one user to another through a room: private ones and invitations.
///
/// They are kept like any other message, so the sender's stream counts one when every copy of it is safe. What cannot
/// be delivered comes back as an error of the room.
final class RoomLetters: StanzaSource {
    private struct Open {
        var stanza: RoutedStanza
        var copies: Int
    }

    private unowned let service: RoomsService
    let address: [UInt8]
    var resource: String { "" }
    private var open: [UInt64: Open] = [:]
    private var last: UInt64 = 0

    init(_ service: RoomsService) {
        self.service = service
        address = Array(service.domain.utf8)
    }

    private func register(_ stanza: RoutedStanza, copies: Int) -> UInt64 {
        last += 1
        open[last] = Open(stanza: stanza, copies: copies)
        return last
    }

    /// Sends letters of the room itself, with `to` in them.
    func send(_ letters: [XMLElement], for stanza: RoutedStanza) {
        guard !letters.isEmpty else { return stanza.settle() }
        let number = register(stanza, copies: letters.count)
        for letter in letters { service.router.send(letter, from: self, number: number) }
    }

    /// A private message, to every client of an occupant.
    func send(_ message: RoomMessage, for stanza: RoutedStanza) {
        guard !message.recipients.isEmpty, let nick = message.nick else { return stanza.settle() }
        let number = register(stanza, copies: message.recipients.count)
        let from = JID(stanza.to.bare, nick: nick)
        let type = MessageType(rawValue: message.stanza["type"] ?? "normal") ?? .normal
        var traits = MessageTraits(of: message.stanza)
        // XEP-0280 §6.1: other clients of the recipient are not in the room.
        traits.insert(.noCopy)
        for recipient in message.recipients {
            var copy = message.stanza
            copy["to"] = recipient.jid.description
            guard service.router.serves(recipient.jid.domain) else {
                service.router.send(copy, from: self, number: number)
                continue
            }
            service.router.route(
                IncomingMessage(
                    id: service.router.journal.nextID(), type: type, traits: traits, bytes: copy.stanzaBytes,
                    fullAddress: recipient.address, ledgerNumber: number, sender: self, senderHome: nil, from: from),
                to: recipient.jid.bare)
        }
    }

    func stanzaIsSafe(_ number: UInt64) {
        guard var letter = open[number] else { return }
        letter.copies -= 1
        open[number] = letter.copies > 0 ? letter : nil
        if letter.copies == 0 { letter.stanza.settle() }
    }

    /// Something could not be delivered: whoever wrote it hears of it.
    func deliver(_ bytes: [UInt8]) {
        guard let element = XMLElement(stanza: bytes), element["type"] == "error",
            let from = element["from"].flatMap({ try? JID(parsing: $0) }),
            let to = element["to"].flatMap({ try? JID(parsing: $0) }), let place = service.place(to)
        else { return }
        if to.resource != nil { return service.receiveError(element, from: from, to: to) }
        // An invitation that reached nobody (§7.8.2); its `from` is who invited.
        let invite = element.child("x", namespace: RoomNamespace.user)?
            .child("invite", namespace: RoomNamespace.user)
        guard let invite, let inviter = invite["from"].flatMap({ try? JID(parsing: $0) }) else { return }
        var answer = XMLElement(
            "message", namespace: XMPPNamespace.client,
            attributes: ["type": "error", "from": place.room.jid.description, "to": inviter.description])
        answer["id"] = element["id"]
        var x = XMLElement("x", namespace: RoomNamespace.user)
        var named = invite
        named["from"] = nil
        named["to"] = from.description
        x.add(named)
        answer.add(x)
        var error = StanzaError(.cancel, .itemNotFound, "nobody has the address \(from)")
        error.by = place.room.jid.description
        answer.add(error.element)
        service.router.send(answer, from: service.source)
    }
}
