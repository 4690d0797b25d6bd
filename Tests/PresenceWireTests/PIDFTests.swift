import Testing
import XMLWire

@testable import PresenceWire

@Suite("Presence documents") struct PIDFTests {
    private static let rich = """
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- from a telephone -->
        <presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
          xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:x="urn:example:x" entity="pres:anna@example.org">
          <tuple id="t1"><status><basic> open </basic><show xmlns="jabber:client">away</show><x:mood>green</x:mood>
          </status><x:y z="1"><x:w/></x:y><contact priority="0.8">sip:anna@10.0.0.1</contact>
          <note xml:lang="de">Tee &amp; Kuchen</note><timestamp>2026-01-01T12:00:00Z</timestamp></tuple>
          <dm:person id="p1"><r:activities><r:on-the-phone/><r:other>juggling</r:other></r:activities>
          <r:user-input last-input="2026-01-01T11:00:00Z">idle</r:user-input><r:mood><r:happy/></r:mood>
          <dm:note>busy</dm:note></dm:person>
          <dm:device id="d1"/>
        </presence>
        """

    @Test("what is known is read, what is not is kept, and both survive writing and reading")
    func roundTrip() throws {
        let document = try PIDF(parsing: Self.rich.utf8)
        let tuple = try #require(document.tuples.first)
        #expect(tuple.isOpen == true && tuple.show == "away" && tuple.priority == "0.8")
        #expect(tuple.notes == [PIDF.Note("Tee & Kuchen", language: "de")])
        #expect(tuple.statusExtensions.map(\.name) == ["mood"] && tuple.extensions.map(\.name) == ["y"])
        let person = try #require(document.persons.first)
        #expect(person.activities == ["on-the-phone", "juggling"])
        #expect(person.input == UserInput(isIdle: true, last: "2026-01-01T11:00:00Z"))
        #expect(person.extensions.map(\.name) == ["mood"])
        #expect(document.extensions.map(\.name) == ["device"])
        #expect(try PIDF(parsing: document.bytes) == document)
    }

    @Test(
        "what is no presence document is refused",
        arguments: [
            "", "   ", "hello", "<presence/>", "<presence xmlns='urn:ietf:params:xml:ns:pidf'/>",
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'><tuple/></presence>",
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'><tuple id='a'><status><basic>x</basic>"
                + "</status></tuple></presence>",
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'>", "<!DOCTYPE a []><a/>",
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'>&x;</presence>", "<?xml version='1.0'",
            "<?xml version='1.0' encoding='ISO-8859-1'?><presence xmlns='urn:ietf:params:xml:ns:pidf' entity='a'/>",
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'><!-- </presence>", "<a/><b/>", "<p:a/>",
        ])
    func refused(_ text: String) {
        #expect(throws: DocumentFault.self) { try PIDF(parsing: text.utf8) }
    }

    @Test("a document has bounds")
    func bounds() {
        let open = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'>"
        let deep = open + String(repeating: "<x>", count: 40) + String(repeating: "</x>", count: 40) + "</presence>"
        #expect(throws: DocumentFault.tooComplex) { try PIDF(parsing: deep.utf8) }
        let wide = open + String(repeating: "<x/>", count: 3_000) + "</presence>"
        #expect(throws: DocumentFault.tooComplex) { try PIDF(parsing: wide.utf8) }
        let long = open + "<note>" + String(repeating: "x", count: 70_000) + "</note></presence>"
        #expect(throws: DocumentFault.tooLarge) { try PIDF(parsing: long.utf8) }
    }

    @Test("comments and instructions are left out wherever they stand, but not in CDATA")
    func comments() throws {
        let text = """
            <?xml version='1.0'?><!-- a --><?b c?>
            <presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'><!-- <x> -->
            <note>one<!-- two --><![CDATA[<!-- three -->]]></note><?d?></presence><!-- e -->
            """
        #expect(try PIDF(parsing: text.utf8).notes == [PIDF.Note("one<!-- three -->")])
    }

    @Test("the closed document says nothing else")
    func closed() throws {
        let document = try PIDF(parsing: PIDF.closed("pres:a&b@example.org"))
        #expect(document.entity == "pres:a&b@example.org" && document.tuples.map(\.isOpen) == [false])
        #expect(document.notes.isEmpty && document.persons.isEmpty)
    }
}

@Suite("Other documents of event packages") struct EventDocumentTests {
    @Test("watcher information")
    func watcherInfo() throws {
        var watcher = WatcherInfo.Watcher(id: "w1", uri: "sip:bob@example.org", status: .pending, cause: .subscribe)
        watcher.displayName = "Bob \"B\" <b>"
        watcher.expiration = 10
        watcher.subscribedFor = 5
        let info = WatcherInfo(
            version: 3, isFull: true,
            lists: [.init(resource: "sip:anna@example.org", package: "presence", watchers: [watcher])])
        #expect(try WatcherInfo(parsing: info.bytes) == info)
        #expect(throws: DocumentFault.self) { try WatcherInfo(parsing: "<watcherinfo/>".utf8) }
    }

    @Test("calls")
    func dialogInfo() throws {
        var dialog = DialogInfo.Dialog(id: "d", state: .confirmed)
        dialog.callID = "c@h"
        dialog.isInitiator = true
        dialog.remote = "sip:bob@example.org"
        dialog.duration = 4
        let info = DialogInfo(version: 0, entity: "sip:anna@example.org", dialogs: [dialog])
        #expect(try DialogInfo(parsing: info.bytes) == info)
        #expect(info.isOnThePhone && !info.isRinging)
        let ringing = DialogInfo(version: 0, entity: "sip:a@b", dialogs: [.init(id: "e", state: .early)])
        #expect(!ringing.isOnThePhone && ringing.isRinging)
        #expect(throws: DocumentFault.self) {
            try DialogInfo(
                parsing: "<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' entity='a'><dialog/></dialog-info>"
                    .utf8)
        }
    }

    @Test("registrations")
    func registrations() throws {
        var contact = RegistrationDocument.Contact(
            id: "c", uri: "sip:anna@10.0.0.1", isActive: true, cause: .registered)
        contact.expires = 60
        contact.q = 500
        let info = RegistrationDocument(
            version: 1, record: "sip:anna@example.org", id: "r", state: .active, contacts: [contact])
        #expect(try RegistrationDocument(parsing: info.bytes) == info)
    }

    @Test("lists and their parts")
    func lists() throws {
        let list = ResourceListInformation(
            uri: "sip:anna@example.org;list=contacts", version: 2, isFull: false,
            resources: [
                .init(
                    uri: "sip:bob@example.org", name: "Bob",
                    instances: [.init(id: "i", state: .active, contentID: "bob@example.org")]),
                .init(
                    uri: "sip:eve@example.org",
                    instances: [.init(id: "j", state: .terminated, reason: "rejected")]),
            ])
        #expect(try ResourceListInformation(parsing: list.bytes) == list)
        let parts = RelatedParts(
            boundary: "xyz",
            parts: [
                .init(contentID: "root@x", mediaType: ResourceListInformation.mediaType, body: list.bytes),
                .init(contentID: "bob@example.org", mediaType: PIDF.mediaType, body: PIDF.closed("pres:b@c")),
            ])
        #expect(RelatedParts(parsing: parts.bytes, boundary: "xyz") == parts)
        #expect(parts.contentType.contains("start=\"<root@x>\""))
        #expect(RelatedParts(parsing: Array("--xyz\r\n".utf8), boundary: "xyz") == nil)
        #expect(RelatedParts(parsing: parts.bytes, boundary: "other") == nil)
    }

    @Test("message summaries")
    func summaries() {
        let summary = MessageSummary(account: "sip:anna@example.org", unread: 2, read: 1)
        #expect(MessageSummary(parsing: summary.bytes) == summary)
        #expect(MessageSummary(parsing: Array("text-message: 1/1".utf8)) == nil)
        #expect(MessageSummary(parsing: Array("Messages-Waiting: yes\r\ntext-message: x\r\n".utf8)) == nil)
    }
}
