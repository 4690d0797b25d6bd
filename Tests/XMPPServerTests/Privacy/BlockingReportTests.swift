import Logging
import Testing
import XMLWire
import XMPPWire

@testable import XMPPServer

@Suite("Reports with a block (XEP-0377)")
struct BlockingReportTests {
    /// Keeps what is logged.
    private final class Lines: @unchecked Sendable {
        // Safe: used from the test's thread only.
        var lines: [String] = []
    }

    private struct Recorder: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.lines.append("\(event.level) \(event.message): \(values.joined(separator: ", "))")
        }
    }

    private func reports(_ items: String) throws -> [BlockingReport] {
        let bytes = Array("<block xmlns='urn:xmpp:blocking'>\(items)</block>".utf8)
        return try bytes.withUnsafeBytes {
            BlockingReport.all(
                in: try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: []))
        }
    }

    private func report(
        _ content: String, reason: String = " reason='urn:xmpp:reporting:spam'"
    ) throws -> BlockingReport {
        let report = "<report xmlns='urn:xmpp:reporting:1'\(reason)>\(content)</report>"
        return try #require(try reports("<item jid='Bob@example.net'>\(report)</item>").first)
    }

    @Test("reason, words and messages are written in one line, with who reports whom")
    func logged() throws {
        let lines = Lines()
        let logger = Logger(label: "test") { _ in Recorder(lines: lines) }
        let alice = try JID(parsing: "alice@example.com")
        try report(
            "<stanza-id xmlns='urn:xmpp:sid:0' by='alice@example.com' id='28482'/>"
                + "<stanza-id xmlns='urn:xmpp:sid:0' by='alice@example.com' id='38383'/>"
                + "<text xml:lang='en'>\n  Never came trouble\n to my house like this.\n</text>"
        ).log(by: alice, logger)
        #expect(
            lines.lines == [
                "notice a user was reported: by=alice@example.com, jid=bob@example.net, reason=spam, "
                    + "stanza-ids=28482 38383, text=Never came trouble  to my house like this."
            ])
    }

    @Test(
        "the reasons of the specification have names, everything else is other",
        arguments: [
            (" reason='urn:xmpp:reporting:spam'", "spam"), (" reason='urn:xmpp:reporting:abuse'", "abuse"),
            (" reason='urn:example:rude'", "other"), ("", "other"),
        ])
    func reasons(_ attribute: String, _ reason: String) throws {
        #expect(try report("", reason: attribute).reason == reason)
    }

    @Test("only items with a report are reported, each for itself")
    func items() throws {
        let report = "<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:abuse'/>"
        let found = try reports(
            "<item jid='a@example.net'>\(report)</item><item jid='b@example.net'/>"
                + "<item jid='c@example.net'>\(report)</item>"
                + "<item jid='d@example.net'><report xmlns='urn:xmpp:reporting:0'><spam/></report></item>")
        #expect(found.map(\.jid.description) == ["a@example.net", "c@example.net"])
    }

    @Test("words and ids are bounded, and cannot begin a line of their own")
    func bounds() throws {
        let id = "<stanza-id xmlns='urn:xmpp:sid:0' id='\(String(repeating: "7", count: 900))'/>"
        let long = try report(
            "<text>\(String(repeating: "é", count: 5_000))</text>" + String(repeating: id, count: 50))
        #expect(long.text == String(repeating: "é", count: 500))
        #expect(long.stanzaIDs == Array(repeating: String(repeating: "7", count: 100), count: 20))
        let forged = try report("<text>a&#xA;b&#x85;c&#x2028;d&#x202E;e</text>")
        #expect(forged.text == "a b c d e")
    }
}
