import Foundation
import IMCore
import PresenceWire
import SIPWire
import XMPPWire

@testable import SIPServer

/// A subscription of a phone: what it sent, and what it needs to go on in the dialog.
struct Watched {
    let phone: Phone
    let target: String
    let callID: String
    var remoteTag = ""
    var contact = ""
    let lines: [String]
    private let last = Last()

    /// Number of the last NOTIFY: on a busy machine some are repeated before they are answered.
    private final class Last { var cseq: UInt32 = 0 }

    /// Subscribes; the answer is 200.
    init(
        _ phone: Phone, _ target: String, event: String = "presence", expires: Int = 600, lines: [String] = []
    ) throws {
        self.phone = phone
        self.target = target
        self.lines = ["Event: \(event)", "Contact: <\(phone.contact)>"] + lines
        callID = UUID().uuidString
        let answer = try Self.ask(phone, target, callID, self.lines + ["Expires: \(expires)"])
        guard answer.statusCode == 200 else {
            throw Phone.Silence(description: "SUBSCRIBE was answered \(answer.statusCode) \(answer.reason.string)")
        }
        remoteTag = answer.toTag.string
        contact = answer.contactURI
    }

    static func ask(_ phone: Phone, _ target: String, _ callID: String = UUID().uuidString, _ lines: [String]) throws
        -> SIPMessage
    {
        phone.send(phone.make("SUBSCRIBE", target, callID: callID, lines: lines))
        return try phone.final(.subscribe)
    }

    /// The next NOTIFY of the dialog, answered.
    @discardableResult
    func next(_ status: Int = 200) throws -> SIPMessage {
        let request = try phone.wait("NOTIFY of \(target)") { [callID, last] in
            $0.isRequest && $0.method == .notify && $0.callID.string == callID && $0.cseqNumber > last.cseq
        }
        last.cseq = request.cseqNumber
        phone.answer(request, status)
        return request
    }

    /// A refresh, or with 0 the end.
    func again(_ expires: Int, tag: String? = nil, cseq: UInt32? = nil, event: String? = nil) throws -> SIPMessage {
        var lines = lines
        if let event { lines[0] = "Event: \(event)" }
        phone.send(
            phone.make(
                "SUBSCRIBE", contact, to: "<\(target)>;tag=\(tag ?? remoteTag)", callID: callID, cseq: cseq,
                lines: lines + ["Expires: \(expires)"]))
        return try phone.final(.subscribe)
    }
}

extension SIPMessage {
    var state: String { first(.subscriptionState)?.string ?? "" }
    var text: String { body.string }
    var isOpen: Bool { text.contains("<basic>open</basic>") }
}

extension Phone {
    static func document(_ user: String, basic: String = "open", note: String = "", activity: String = "") -> String {
        let person =
            activity.isEmpty
            ? ""
            : "<dm:person id=\"p\"><r:activities><r:\(activity)/></r:activities></dm:person>"
        return "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
            + "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:r=\"urn:ietf:params:xml:ns:pidf:rpid\" "
            + "entity=\"sip:\(user)@example.com\"><tuple id=\"t\"><status><basic>\(basic)</basic></status>"
            + "<note>\(note)</note></tuple>\(person)</presence>"
    }

    func publish(
        _ body: String, to target: String? = nil, tag: String? = nil, expires: Int? = 600, event: String = "presence",
        type: String = "application/pidf+xml"
    ) throws -> SIPMessage {
        var lines = ["Event: \(event)"]
        if let tag { lines.append("SIP-If-Match: \(tag)") }
        if let expires { lines.append("Expires: \(expires)") }
        if !body.isEmpty { lines.append("Content-Type: \(type)") }
        send(make("PUBLISH", target ?? address, lines: lines, body: body))
        return try final(.publish)
    }
}

extension SIPMessage {
    var tag: String { first(.sipETag)?.string ?? "" }
}

/// What an XMPP client of a user does.
enum Anna {
    static func subscription(
        _ kind: SubscriptionMachine.Stanza, from user: String, to contact: String, _ bench: SIPBench
    ) async throws {
        try await bench.until { server, done in
            let router = server.router
            router.homes.withHome(SIPBench.jid(user)) { home in
                guard let home else { return done() }
                let stanza = PresenceStanza(type: kind.rawValue, from: home.address)
                    .addressed(to: Array("\(contact)@example.com".utf8))
                router.sendSubscription(kind, to: SIPBench.jid(contact), from: home, stanza: stanza) { _ in done() }
            }
        }
    }

    static func block(_ isBlocked: Bool, _ contact: String, by user: String, _ bench: SIPBench) async throws {
        try await bench.until { server, done in
            let router = server.router
            router.homes.withHome(SIPBench.jid(user)) { home in
                guard let home else { return done() }
                if isBlocked {
                    router.block([SIPBench.jid(contact)], home) { _ in done() }
                } else {
                    router.unblock([SIPBench.jid(contact)], home) { _ in done() }
                }
            }
        }
    }

    /// Everybody's requests are approved by the server.
    static func approveAll(_ bench: SIPBench) async throws {
        try await bench.on { server in
            var policies = PolicyTable()
            var values = UserPolicy.Values()
            values.presence.autoAuthorizes = true
            policies.deployment = UserPolicy(values)
            server.router.policiesChanged(policies)
        }
    }
}
