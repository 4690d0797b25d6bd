import Ground
import IMCore
import NIOCore
import XMLWire
import XMPPWire

/// Requests of the server to its clients (RFC 6120 §8.2.3): the answer is found by id and sender.
final class AskedIQs {
    private struct Question {
        var address: [UInt8]
        var deadline: Int64
        var completion: (XMLElement?) -> Void
    }

    /// Open questions; past it the oldest is given up.
    static let limit = 10_000
    private var open: [String: Question] = [:]
    private var order: [String] = []
    private var last: UInt64 = 0

    /// - Parameter completion: the whole `<iq/>`, a result or an error; nil when no answer came in time.
    func ask(
        _ payload: XMLElement, type: String, from: JID, to endpoint: any Endpoint, uptime: Int64,
        timeoutSeconds: Int, completion: @escaping (XMLElement?) -> Void
    ) {
        last += 1
        let id = "ask-\(last)"
        if open.count >= Self.limit { expire(before: .max, atMost: 1) }
        open[id] = Question(
            address: endpoint.address, deadline: uptime + Int64(timeoutSeconds) * 1_000, completion: completion)
        order.append(id)
        var iq = XMLElement(
            "iq", namespace: XMPPNamespace.client,
            attributes: [
                "type": type, "id": id, "from": from.description,
                "to": String(decoding: endpoint.address, as: UTF8.self),
            ])
        iq.children = [.element(payload)]
        endpoint.deliver(iq.stanzaBytes)
    }

    /// A client sent a result or an error to the server or to its own account.
    func answered(_ bytes: UnsafeRawBufferPointer, _ id: AttributeSpan?, by address: [UInt8]) {
        guard !open.isEmpty, let id else { return }
        let name = String(decoding: id.value.slice(of: bytes), as: UTF8.self)
        guard let question = open[name], question.address == address else { return }
        open[name] = nil
        let element = try? XMLElement(
            parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
        question.completion(element)
    }

    /// Once a second.
    func tick(_ uptime: Int64) { expire(before: uptime, atMost: .max) }

    private func expire(before uptime: Int64, atMost count: Int) {
        guard !order.isEmpty else { return }
        var expired: [Question] = []
        order.removeAll { id in
            guard let question = open[id] else { return true }
            guard expired.count < count, question.deadline < uptime else { return false }
            open[id] = nil
            expired.append(question)
            return true
        }
        for question in expired { question.completion(nil) }
    }
}

extension C2SServer {
    /// Asks a client; see `AskedIQs.ask`.
    func ask(
        _ payload: XMLElement, type: String = "get", from: JID, to endpoint: any Endpoint, timeoutSeconds: Int = 30,
        completion: @escaping (XMLElement?) -> Void
    ) {
        asked.ask(
            payload, type: type, from: from, to: endpoint, uptime: time.uptime, timeoutSeconds: timeoutSeconds,
            completion: completion)
    }
}
