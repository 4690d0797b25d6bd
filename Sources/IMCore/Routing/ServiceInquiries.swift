import XMLWire
import XMPPWire

/// IQs of the server, in the name of a user, to services (RFC 6120 §8.2.3): the answer is found by its id.
public final class ServiceInquiries {
    private struct Question {
        var service: JID
        var deadline: Int64
        var completion: (XMLElement?) -> Void
    }

    /// What the ids of questions begin with.
    public static let idPrefix = Array("inquiry-".utf8)
    /// Open questions; one more is refused.
    static let limit = 10_000
    private var open: [String: Question] = [:]
    private var last: UInt64 = 0

    /// Registers a question; nil when too many are open.
    ///
    /// - Parameter completion: the whole `<iq/>`, a result or an error; nil when no answer came in time. Exactly once.
    func add(
        to service: JID, uptime: Int64, timeoutSeconds: Int, completion: @escaping (XMLElement?) -> Void
    ) -> String? {
        guard open.count < Self.limit else { return nil }
        last += 1
        let id = String(decoding: Self.idPrefix, as: UTF8.self) + String(last)
        open[id] = Question(
            service: service, deadline: uptime + Int64(timeoutSeconds) * 1_000, completion: completion)
        return id
    }

    /// A service sent a result or an error to an account or to a domain of ours.
    func answered(_ iq: XMLElement, by service: JID) {
        guard let id = iq["id"], let question = open[id], question.service == service else { return }
        open[id] = nil
        question.completion(iq)
    }

    /// Once a second.
    func tick(_ uptime: Int64) {
        guard !open.isEmpty else { return }
        for (id, question) in open where question.deadline < uptime {
            open[id] = nil
            question.completion(nil)
        }
    }

    /// Who asks: a service that answers at once does so here, one that is connected sends its answer later.
    final class Asker: StanzaSource {
        private unowned let inquiries: ServiceInquiries
        private let service: JID
        let address: [UInt8]
        var resource: String { "" }

        init(_ inquiries: ServiceInquiries, address: [UInt8], service: JID) {
            self.inquiries = inquiries
            self.address = address
            self.service = service
        }

        func deliver(_ bytes: [UInt8]) {
            let read = bytes.withUnsafeBytes {
                try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
            }
            if let read { inquiries.answered(read, by: service) }
        }

        func stanzaIsSafe(_ number: UInt64) {}
    }
}

extension Router {
    /// A client answered a request that another account of ours made of it, as push services may be clients.
    public func answered(_ iq: XMLElement, by client: JID) { inquiries.answered(iq, by: client) }

    /// Asks a service in the name of a user's account. Nothing waits for the answer.
    ///
    /// - Parameter completion: the whole `<iq/>`, a result or an error; nil when no answer came in time.
    public func inquire(
        _ payload: XMLElement, type: String, from home: UserHome, of service: JID, timeoutSeconds: Int = 30,
        completion: @escaping (XMLElement?) -> Void
    ) {
        guard
            let id = inquiries.add(
                to: service, uptime: time.uptime, timeoutSeconds: timeoutSeconds, completion: completion)
        else { return completion(nil) }
        var iq = XMLElement(
            "iq", namespace: StanzaNamespace.client,
            attributes: ["type": type, "id": id, "from": home.jid.description, "to": service.description])
        iq.children = [.element(payload)]
        send(iq, from: ServiceInquiries.Asker(inquiries, address: home.address, service: service))
    }
}

/// The source of a stanza whose errors nobody wants to hear of.
final class SilentSource: StanzaSource, Sendable {
    static let shared = SilentSource()

    let address: [UInt8] = []
    var resource: String { "" }
    func deliver(_ bytes: [UInt8]) {}
    func stanzaIsSafe(_ number: UInt64) {}
}
