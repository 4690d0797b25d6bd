import DequeModule
import Ground
import IMCore
import Interworking
import SIPWire
import XMLWire
import XMPPWire

/// Addresses of other domains that a trunk leads to (setting `sip.routes`), for users of XMPP: their messages go out as
/// MESSAGE, and what the other side answers comes back as an error of RFC 7247.
final class ForeignContacts {
    private unowned let handler: MessageHandler
    /// By domain, made when somebody first writes there.
    private var domains: [String: ForeignDomain] = [:]
    private static let capacity = 10_000

    init(handler: MessageHandler) { self.handler = handler }

    func begin() {
        arrange()
        handler.server.whenReconfigured.append { [weak self] in self?.arrange() }
    }

    /// Without trunks the core is not asked to ask.
    private func arrange() {
        domains = [:]
        let leadsOut = !handler.server.config.trunks.isEmpty
        handler.router.outside = leadsOut ? { [weak self] in self?.domain($0) } : nil
    }

    private func domain(_ name: String) -> ForeignDomain? {
        if let known = domains[name] { return known }
        guard handler.server.trunks.trunk(toDomain: name) != nil else { return nil }
        if domains.count >= Self.capacity { domains = [:] }
        let made = ForeignDomain(name, handler)
        domains[name] = made
        return made
    }
}

/// One such domain.
final class ForeignDomain: DomainService {
    let domain: String
    var title: String { domain }
    private unowned let handler: MessageHandler
    /// Messages for one address go one after the other (RFC 3428 §8).
    private var queues: [JID: Deque<RoutedStanza>] = [:]

    /// Messages that wait for one address.
    private static let capacity = 100
    private static let addresses = 10_000

    init(_ domain: String, _ handler: MessageHandler) {
        self.domain = domain
        self.handler = handler
    }

    func receive(_ stanza: RoutedStanza) {
        switch stanza.kind {
        case .message: receiveMessage(stanza)
        case .presence:
            guard let events = handler.server.events else { return stanza.settle() }
            events.foreign.receive(stanza)
        case .iq:
            stanza.refuse(.serviceUnavailable)
            stanza.settle()
        }
    }

    private func receiveMessage(_ stanza: RoutedStanza) {
        guard stanza.to.local != nil else {
            stanza.refuse(.serviceUnavailable)
            return stanza.settle()
        }
        guard stanza.element["type"] != "error" else {
            if let sessions = handler.server.sessions, let read = handler.reader.read(stanza.element.stanzaBytes) {
                let party = Array(stanza.to.bare.description.utf8)
                sessions.session(of: party, with: Array(stanza.from.description.utf8))?.reportFailure(read)
            }
            return stanza.settle()
        }
        var queue = queues[stanza.to.bare] ?? []
        guard queue.count < Self.capacity, queues.count < Self.addresses else {
            stanza.refuse(StanzaError(.wait, .resourceConstraint, "too many messages wait for \(stanza.to.bare)"))
            return stanza.settle()
        }
        queue.append(stanza)
        queues[stanza.to.bare] = queue
        if queue.count == 1 { send(stanza) }
    }

    private func send(_ stanza: RoutedStanza) {
        if sendInSession(stanza) { return }
        let from = AddressMapping.uri(of: stanza.from, .im)
        let to = AddressMapping.uri(of: stanza.to, .im)
        guard let read = handler.reader.read(stanza.element.stanzaBytes),
            let content = PagerContent(
                read, takesCPIM: false, from: from, to: to, date: Timestamp.format(handler.server.time.now))
        else { return done(stanza) }
        // The whole address, as RFC 7572 §4 has it: who answers reaches the same client.
        let target = SIPBytes(AddressMapping.uri(of: stanza.to))
        let request = MessageRequest(
            target: target, from: AddressMapping.uri(of: stanza.from), to: AddressMapping.uri(of: stanza.to.bare)
        ).build(content, name: nil, handler)
        handler.server.trunks.send(request, toDomain: domain) { [weak self] outcome in
            guard let self else { return }
            if !content.isNotice, let error = Self.error(outcome) { stanza.refuse(error) }
            done(stanza)
        }
    }

    /// True when it goes through a session that the other side has opened.
    private func sendInSession(_ stanza: RoutedStanza) -> Bool {
        let party = Array(stanza.to.bare.description.utf8)
        guard
            let session = handler.server.sessions?.session(of: party, with: Array(stanza.from.description.utf8)),
            let read = handler.reader.read(stanza.element.stanzaBytes)
        else { return false }
        session.send(read) { [weak self] outcome in
            switch outcome {
            case .taken: break
            case .refused(let code): stanza.refuse(ErrorMapping.error(for: SIPStatus(code)))
            case .lost:
                // The session is over: as MESSAGE then.
                self?.send(stanza)
                return
            }
            self?.done(stanza)
        }
        return true
    }

    private static func error(_ outcome: SIPOutcome) -> StanzaError? {
        switch outcome {
        case .response(let response):
            response.status.isSuccess
                ? nil : ErrorMapping.error(for: response.status, reason: response.reason.string)
        case .timeout: StanzaError(.wait, .remoteServerTimeout, "nobody answered")
        case .tooLarge: ErrorMapping.error(for: .messageTooLarge)
        case .unreachable: StanzaError(.cancel, .remoteServerNotFound, "no trunk leads there now")
        }
    }

    private func done(_ stanza: RoutedStanza) {
        stanza.settle()
        let address = stanza.to.bare
        guard var queue = queues[address] else { return }
        if !queue.isEmpty { queue.removeFirst() }
        guard let next = queue.first else {
            queues[address] = nil
            return
        }
        queues[address] = queue
        handler.server.loop.execute { [weak self] in self?.send(next) }
    }
}
