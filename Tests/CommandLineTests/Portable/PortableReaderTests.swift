import AdminServer
import IMCore
import Testing

@testable import CommandLine

@Suite("Reading portable files")
struct PortableReaderTests {
    /// What a file yields, cut into pieces of that many bytes.
    static func read(_ text: String, pieces: Int = .max) throws -> [PortableReader.Event] {
        var reader = PortableReader()
        var events: [PortableReader.Event] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            try reader.feed(Array(rest.prefix(pieces))) { events.append($0) }
            rest = rest.dropFirst(pieces)
        }
        try reader.finish()
        return events
    }

    static func record(
        _ line: Int, _ place: PortableRecord.Place, node: String = "", _ xml: String
    ) -> PortableReader.Event {
        .record(PortableRecord(line: line, place: place, node: node, bytes: Array(xml.utf8)))
    }

    /// As Prosody 0.12 writes it: one file an account, stanzas in the namespace of the file.
    static let prosody = """
        <server-data xmlns='urn:xmpp:pie:0'><host jid='example.com'><user name='juliet'><scram-credentials \
        xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><server-key>D+CSWLOshSulAsxiupA+qs2/fTE=</server-key>\
        <stored-key>6dlGYMOdZcOPutkcNY8U2g7vK9Y=</stored-key><iter-count>4096</iter-count><salt>QSUlQoMBeA==</salt>\
        </scram-credentials><query version='4' xmlns='jabber:iq:roster'><item jid='n@example.net' subscription='none' \
        ask='subscribe'/><item jid='romeo@example.com' name='Romeo' subscription='both'><group>Friends &amp; co</group>\
        </item></query><presence from='paris@example.org' type='subscribe'/></user></host></server-data>
        """

    @Test("an account of Prosody is cut into its elements, whatever the pieces", arguments: [1, 7, 100, Int.max])
    func prosody(pieces: Int) throws {
        let events = try Self.read(Self.prosody, pieces: pieces)
        #expect(events.count == 5)
        #expect(events.first == .userStart(line: 1, jid: "juliet@example.com", password: nil))
        #expect(
            events[3]
                == Self.record(1, .user, "<presence xmlns='urn:xmpp:pie:0' from='paris@example.org' type='subscribe'/>")
        )
        #expect(events.last == .userEnd)
    }

    static let nested = """
        <?xml version='1.0' encoding='UTF-8'?>
        <!-- made by hand -->
        <p:server-data xmlns:p='urn:xmpp:pie:0' xmlns='jabber:client' xmlns:o='urn:other'>
          <p:host jid='example.com'>
            <p:user name='romeo' password='&lt;&apos;'>
              <p:offline-messages>
                <message from='a@b'><o:x a='>'/></message>
              </p:offline-messages>
              <!-- > --><archive xmlns='urn:xmpp:pie:0#mam'>
                <result xmlns='urn:xmpp:mam:2' id='1'/>
              </archive>
              <pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='n'/></pubsub>
              <pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n &amp; m'>
                <item id='1'/></items><other/></pubsub>
            </p:user>
            <p:user name='empty'/>
            <o:room/>
          </p:host>
          <p:host jid='example.org'/>
        </p:server-data>
        """

    @Test("large containers are gone into; prefixes and defaults of outer elements hold", arguments: [1, 13, Int.max])
    func nested(pieces: Int) throws {
        let events = try Self.read(Self.nested, pieces: pieces)
        #expect(
            events == [
                .userStart(line: 5, jid: "romeo@example.com", password: "<'"),
                Self.record(
                    7, .offline, "<message xmlns='jabber:client' from='a@b'><x xmlns='urn:other' a='&gt;'/></message>"),
                Self.record(10, .archive, "<result xmlns='urn:xmpp:mam:2' id='1'/>"),
                Self.record(
                    12, .nodes, "<configure xmlns='http://jabber.org/protocol/pubsub#owner' node='n'/>"),
                Self.record(
                    14, .items, node: "n & m", "<item xmlns='http://jabber.org/protocol/pubsub' id='1'/>"),
                .leftOut(line: 14, what: "<other/> of http://jabber.org/protocol/pubsub"),
                .userEnd, .userStart(line: 16, jid: "empty@example.com", password: nil), .userEnd,
                .leftOut(line: 17, what: "<room/> of urn:other"),
            ])
    }

    @Test("the former namespace and a host as root, as in ejabberd's parts")
    func former() throws {
        let text = """
            \u{FEFF}<host xmlns='http://www.xmpp.org/extensions/xep-0227.html#ns' jid='localhost'>
            <user name='a' password='b'></user></host>
            """
        #expect(try Self.read(text) == [.userStart(line: 2, jid: "a@localhost", password: "b"), .userEnd])
    }

    @Test(
        "what cannot be read is told with its line",
        arguments: [
            ("", 1, "the file is empty"), ("<server-data xmlns='urn:xmpp:pie:0'>\n", 2, "the file ends too early"),
            ("\n<query xmlns='urn:xmpp:pie:0'/>", 2, "is not the root"), ("<server-data/>", 1, "is not the root"),
            ("{}", 1, "not XML"), ("<!DOCTYPE x><server-data/>", 1, "document types"),
            (
                "<server-data xmlns='urn:xmpp:pie:0'>\n<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='x'/>",
                2, "xi:include is not followed"
            ),
            (
                "<server-data xmlns='urn:xmpp:pie:0'>\n\n<host jid='a'><user name='b'><query></user>", 3,
                "not well-formed"
            ),
            ("<server-data xmlns='urn:xmpp:pie:0'><host jid='a'></server-data>", 1, "end tag does not match"),
            ("<server-data xmlns='urn:xmpp:pie:0'><host/>", 1, "<host> without jid"),
            ("<server-data xmlns='urn:xmpp:pie:0'><host jid='a'><user/>", 1, "<user> without name"),
            ("<server-data xmlns='urn:xmpp:pie:0'>text", 1, "character data"),
            ("<server-data xmlns='urn:xmpp:pie:0'/>\n<x/>", 2, "an element after the end"),
            ("<server-data xmlns='urn:xmpp:pie:0'>\n<!-- \(String(repeating: "x", count: 70_000))", 2, "without end"),
            ("<server-data xmlns='urn:xmpp:pie:0' x='\(String(repeating: "x", count: 70_000))", 1, "without end"),
        ])
    func faults(text: String, line: Int, reason: String) {
        for pieces in [Int.max, 50] {
            #expect {
                _ = try Self.read(text, pieces: pieces)
            } throws: { error in
                guard let fault = error as? PortableReader.Fault else { return false }
                return fault.line == line && fault.reason.contains(reason)
            }
        }
    }

    @Test("an element that is too large ends the import")
    func large() {
        let text =
            "<server-data xmlns='urn:xmpp:pie:0'><host jid='a'><user name='b'><x>"
            + String(repeating: "x", count: PortableReader.elementBytes) + "</x>"
        #expect {
            _ = try Self.read(text, pieces: 65_536)
        } throws: { error in
            (error as? PortableReader.Fault)?.reason.contains("more than 8388608 bytes") == true
        }
    }
}

@Suite("Sending portable files")
struct PortableUploadTests {
    @Test("accounts go together; a large one goes in parts and is finished by the last")
    func batches() async throws {
        var upload = PortableUpload(name: "n", isDryRun: true)
        var sent: [AdminPortableBatch] = []
        func take(_ event: PortableReader.Event) async throws {
            upload.take(event)
            if upload.isBatchFull {
                _ = try await upload.flush {
                    sent.append($0)
                    return AdminPortableReport(imported: 0, problems: [])
                }
            }
        }
        for name in ["a", "b"] {
            try await take(.userStart(line: 1, jid: "\(name)@x", password: "p"))
            try await take(.userEnd)
        }
        try await take(.userStart(line: 2, jid: "c@x", password: nil))
        let half = [UInt8](repeating: 32, count: PortableUpload.batchBytes / 2 + 1)
        for line in 3..<6 { try await take(.record(PortableRecord(line: line, place: .archive, bytes: half))) }
        try await take(.userEnd)
        let problems = try await upload.flush(isLast: true) {
            sent.append($0)
            return AdminPortableReport(
                imported: 2,
                problems: [
                    .init(line: 9, jid: "c@x", reason: "no", isFatal: true),
                    .init(line: 2, jid: "a@x", reason: "x", isFatal: false),
                ])
        }
        #expect(problems.map(\.line) == [2, 9])
        #expect(upload.imported == 2 && upload.failed == 1 && upload.leftOut == 1)
        #expect(sent.count == 2 && sent.allSatisfy { $0.isDryRun && $0.name == "n" })
        #expect(sent[0].users.map(\.jid) == ["a@x", "b@x", "c@x"] && !sent[0].isLast && sent[1].isLast)
        #expect(sent[0].users.map(\.continues) == [false, false, true])
        #expect(sent[1].users.map(\.isContinued) == [true] && !sent[1].users[0].continues)
        #expect((sent[0].users[2].records + sent[1].users[0].records).map(\.line) == [3, 4, 5])
    }

    @Test("an account that is not finished is not sent with the end of the import")
    func unfinished() async throws {
        var upload = PortableUpload(name: "n", isDryRun: false)
        upload.take(.userStart(line: 1, jid: "a@x", password: nil))
        _ = try await upload.flush(isLast: true) {
            #expect($0.users.isEmpty && $0.isLast)
            return AdminPortableReport(imported: 0, problems: [])
        }
    }

    @Test("accounts to export are chosen by domain and address, in order")
    func choice() throws {
        let all = ["b@two.example", "a@two.example", "z@one.example"]
        func choose(_ arguments: [String]) throws -> String {
            let command = try UserExportCommand.parse(["-"] + arguments)
            return try command.choose(all).map { "\($0.0): \($0.1.joined(separator: " "))" }.joined(separator: ", ")
        }
        #expect(try choose([]) == "one.example: z@one.example, two.example: a@two.example b@two.example")
        #expect(try choose(["--domain", "One.example"]) == "one.example: z@one.example")
        #expect(try choose(["--user", "B@two.example"]) == "two.example: b@two.example")
        for bad in [["--user", "x@one.example"], ["--user", "@"], ["--domain", "none.example"]] {
            #expect(throws: CommandFailure.self) { try choose(bad) }
        }
    }
}
