import IMCore
import XMLWire
import XMPPWire

/// Requests between occupants (XEP-0045 §17.4): passed on under the nicknames of both, the answer found by its id.
///
/// What a server answers for its users (vCards, avatars) is asked of the occupant's account.
final class RoomRelay: StanzaSource {
    private struct Question {
        var stanza: RoutedStanza
        var target: JID
        /// Monotonic milliseconds.
        var deadline: Int64
    }

    /// Requests under way; one more is refused.
    static let limit = 10_000
    static let timeout: Int64 = 60_000

    private unowned let service: RoomsService
    let address: [UInt8]
    var resource: String { "" }
    private var open: [String: Question] = [:]
    private var last: UInt64 = 0

    init(_ service: RoomsService) {
        self.service = service
        address = Array(service.domain.utf8)
    }

    func pass(on stanza: RoutedStanza, from asker: RoomOccupant, to occupant: RoomOccupant, payload: XMLElement) {
        guard open.count < Self.limit else {
            return service.refuse(stanza, StanzaError(.wait, .resourceConstraint, "too many requests at once"))
        }
        let isAccounts = ["vcard-temp", PubSubNamespace.pubsub].contains(payload.namespace)
        let isRead = stanza.element["type"] == "get"
        let target = isAccounts && isRead ? occupant.user : occupant.sessions[occupant.sessions.count - 1].jid
        last += 1
        let id = "room-\(last)"
        open[id] = Question(stanza: stanza, target: target, deadline: service.server.time.uptime + Self.timeout)
        var request = stanza.element
        request["id"] = id
        request["from"] = JID(stanza.to.bare, nick: asker.nick).description
        request["to"] = target.description
        service.router.send(request, from: self)
        stanza.settle()
    }

    /// A result or an error of a client to an occupant.
    func answered(_ element: XMLElement, by from: JID) {
        guard let id = element["id"], let question = open[id], question.target == from else { return }
        open[id] = nil
        var answer = element
        answer["id"] = question.stanza.element["id"]
        answer["from"] = question.stanza.to.description
        answer["to"] = question.stanza.from.description
        question.stanza.source.deliver(answer.stanzaBytes)
    }

    /// An answer at once: of an account, or that there is nobody.
    func deliver(_ bytes: [UInt8]) {
        guard let element = XMLElement(stanza: bytes), let from = element["from"].flatMap({ try? JID(parsing: $0) })
        else { return }
        answered(element, by: from)
    }

    func stanzaIsSafe(_ number: UInt64) {}

    func tick(_ uptime: Int64) {
        guard !open.isEmpty else { return }
        for (id, question) in open where question.deadline < uptime {
            open[id] = nil
            question.stanza.refuse(StanzaError(.wait, .remoteServerTimeout, "the occupant did not answer"))
        }
    }
}
