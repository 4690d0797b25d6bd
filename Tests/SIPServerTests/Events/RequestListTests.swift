import Foundation
import PresenceWire
import SIPWire
import Testing

@testable import SIPServer

@Suite("Lists in requests (RFC 5367)", .serialized)
struct RequestListTests {
    private static let lines = [
        "Supported: eventlist", "Require: recipient-list-subscribe", "Event: presence",
        "Content-Type: application/resource-lists+xml", "Content-Disposition: recipient-list",
    ]

    private func list(_ users: [String]) -> String {
        let entries = users.map { "<entry uri=\"sip:\($0)@example.com\"/>" }.joined()
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<resource-lists "
            + "xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>\(entries)</list></resource-lists>"
    }

    /// SUBSCRIBE with a body, and the answer.
    private func ask(
        _ phone: Phone, _ uri: String = "sip:example.com", to: String? = nil, callID: String,
        lines: [String] = Self.lines,
        body: String
    ) throws -> SIPMessage {
        phone.send(
            phone.make(
                "SUBSCRIBE", uri, to: to, callID: callID,
                lines: lines + ["Contact: <\(phone.contact)>", "Expires: 600"], body: body))
        return try phone.final(.subscribe)
    }

    private func next(_ phone: Phone, _ callID: String) throws -> (
        ResourceListInformation, [RelatedParts.Part], SIPMessage
    ) {
        let message = try phone.wait("NOTIFY of the list") {
            $0.isRequest && $0.method == .notify && $0.callID.string == callID
        }
        phone.answer(message, 200)
        let boundary = message.contentType?.boundary?.string ?? ""
        let parts = RelatedParts(parsing: message.body.array, boundary: boundary)?.parts ?? []
        return (try ResourceListInformation(parsing: parts.first?.body ?? []), Array(parts.dropFirst()), message)
    }

    @Test("people that the request names are one subscription; another list takes its place; nobody is asked")
    func given() async throws {
        try await withServer(["anna", "bob", "romeo"], configure: { $0.notifySeconds = 0 }) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try await Anna.subscription(.subscribe, from: "anna", to: "bob", bench)
            try await Anna.subscription(.subscribed, from: "bob", to: "anna", bench)
            let tag = try bob.publish(Phone.document("bob", note: "one")).tag
            let answer = try ask(anna, callID: "given-1", body: list(["bob", "romeo", "bob2"]))
            #expect(answer.statusCode == 200 && answer.values(.require) == ["eventlist"])
            let (whole, documents, first) = try next(anna, "given-1")
            #expect(first.values(.require) == ["eventlist"] && whole.isFull)
            #expect(
                whole.resources.map(\.uri) == [
                    "sip:bob2@example.com", "sip:bob@example.com", "sip:romeo@example.com",
                ])
            // romeo has not agreed, and is not asked by this.
            #expect(whole.resources.map { $0.instances.first?.state } == [.terminated, .active, .terminated])
            #expect(documents.count == 1 && String(decoding: documents[0].body, as: UTF8.self).contains("one"))
            let asked = try await bench.on { server in
                server.router.homes.loaded(SIPBench.jid("romeo"))?.roster.isEmpty ?? true
            }
            #expect(asked)
            _ = try bob.publish(Phone.document("bob", note: "two"), tag: tag)
            let (partial, changed, _) = try next(anna, "given-1")
            #expect(!partial.isFull && partial.resources.map(\.uri) == ["sip:bob@example.com"])
            let text = String(decoding: try #require(changed.first).body, as: UTF8.self)
            #expect(text.contains("two"))
            // A refresh with a body says whom from now on.
            let refreshed = try ask(
                anna, answer.contactURI, to: "<sip:example.com>;tag=\(answer.toTag.string)", callID: "given-1",
                body: list(["anna"]))
            #expect(refreshed.statusCode == 200)
            let (other, _, _) = try next(anna, "given-1")
            #expect(other.isFull && other.resources.map(\.uri) == ["sip:anna@example.com"])
        }
    }

    @Test(
        "what is wrong has its status: no list, a broken one, too long a one, no support of lists, somebody else's address"
    )
    func refused() async throws {
        try await withServer(["anna", "bob"], configure: { $0.listMembers = 2 }) { bench in
            let anna = try Phone("anna", server: bench.udp)
            func status(_ lines: [String], _ body: String, _ uri: String = "sip:example.com") throws -> Int {
                Int(try ask(anna, uri, callID: UUID().uuidString, lines: lines, body: body).statusCode)
            }
            #expect(try status(Self.lines.filter { !$0.contains("Content") }, "") == 415)
            #expect(try status(Self.lines, "<resource-lists") == 400)
            #expect(try status(Self.lines, list(["bob", "anna", "romeo"])) == 413)
            #expect(try status(Self.lines.filter { !$0.contains("eventlist") }, list(["bob"])) == 421)
            #expect(try status(Self.lines, list(["bob"]), "sip:bob@example.com") == 404)
            let other = Self.lines.map { $0 == "Event: presence" ? "Event: reg" : $0 }
            #expect(try status(other, list(["bob"])) == 489)
            #expect(try status(Self.lines, list(["bob"]), "sip:anna@example.com") == 200)
        }
    }
}
