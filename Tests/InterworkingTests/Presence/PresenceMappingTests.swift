import IMCore
import PresenceWire
import Testing
import XMLWire
import XMPPWire

@testable import Interworking

@Suite("Presence between stanzas, documents and the composer") struct PresenceMappingTests {
    private static func document(_ activities: [String], basic: String? = "open", show: String = "") throws -> PIDF {
        var document = PIDF(entity: "pres:anna@example.org")
        var tuple = PIDF.Tuple(id: "t", isOpen: basic.map { $0 == "open" })
        tuple.show = show
        document.tuples = [tuple]
        var person = Person(id: "p")
        person.activities = activities
        document.persons = [person]
        return try PIDF(parsing: document.bytes)
    }

    @Test(
        "an activity is a row of the ladder",
        arguments: [
            ([], "available", 10), (["on-the-phone"], "on-the-phone", 5), (["meeting"], "in-a-meeting", 6),
            (["appointment"], "in-a-meeting", 6), (["busy"], "do-not-disturb", 3),
            (["presentation"], "do-not-disturb", 3), (["away"], "away", 11), (["lunch"], "away", 11),
            (["travel"], "away", 11), (["vacation"], "away", 11), (["tv"], "available", 10),
            (["away", "on-the-phone"], "on-the-phone", 5),
        ] as [([String], String, Int)])
    func activities(_ activities: [String], _ state: String, _ rule: Int) throws {
        let inputs = ActivityMapping.inputs(of: try Self.document(activities), client: "x", since: 5)
        let composed = PresenceComposer().compose(inputs, now: 10)
        #expect(composed.state.rawValue == state && composed.rule == rule)
    }

    @Test("a closed document says nothing; the show of an XMPP gateway goes before the activity")
    func basics() throws {
        #expect(ActivityMapping.inputs(of: try Self.document(["away"], basic: "closed"), client: "x", since: 5).isEmpty)
        let inputs = ActivityMapping.inputs(of: try Self.document(["busy"], show: "xa"), client: "x", since: 5)
        #expect(PresenceComposer().compose(inputs, now: 10).show == "xa")
        #expect(ActivityMapping.inputs(of: try Self.document(["away"], basic: nil), client: "x", since: 5).count == 1)
    }

    @Test(
        "a telephone is idle, ringing, in use or not to be disturbed",
        arguments: [
            ([], "", PresenceInput.Line.idle), (["on-the-phone"], "", .onThePhone), (["busy"], "Ringing", .ringing),
            (["busy"], "On the phone", .onThePhone), (["dnd"], "", .dnd), (["away"], "", .idle),
        ] as [([String], String, PresenceInput.Line)])
    func lines(_ activities: [String], _ note: String, _ state: PresenceInput.Line) throws {
        var document = try Self.document(activities)
        if !note.isEmpty { document.tuples[0].notes = [PIDF.Note(note)] }
        #expect(ActivityMapping.inputs(of: document, line: "1", since: 5).map(\.state) == [.line(state)])
    }

    @Test("a stanza becomes a tuple and is the same stanza again (RFC 8048 §5, §6)")
    func stanza() throws {
        let text = """
            <presence from='anna@example.org/desk' xml:lang='de'><show>dnd</show><status>liest</status>\
            <priority>127</priority></presence>
            """
        let stanza = try Array(text.utf8).withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
        let tuple = PresenceStanzaMapping.tuple(of: stanza, resource: "desk", address: "anna@example.org")
        #expect(tuple.id == "ID-desk" && tuple.isOpen == true && tuple.show == "dnd" && tuple.priority == "1")
        #expect(tuple.notes == [PIDF.Note("liest", language: "de")])
        var document = PIDF(entity: "pres:anna@example.org")
        document.tuples = [tuple]
        let anna = JID(preparedLocal: "anna", domain: "example.org", resource: nil)
        let back = PresenceStanzaMapping.stanzas(
            of: try PIDF(parsing: document.bytes), from: anna, language: "de")
        #expect(back == [stanza])
    }

    @Test(
        "priorities become fractions of one with three decimals and come back",
        arguments: [(0, "0"), (1, "0.008"), (10, "0.079"), (64, "0.504"), (127, "1")] as [(Int8, String)])
    func priorities(_ priority: Int8, _ text: String) {
        #expect(PresentityDocument.contactPriority(priority) == text)
        #expect(PresentityDocument.priority(ofContact: text) == priority)
    }

    @Test("unavailable is closed, and a closed tuple is unavailable")
    func unavailable() {
        var stanza = XMLElement("presence", namespace: "jabber:client", attributes: ["type": "unavailable"])
        stanza["from"] = "anna@example.org/x y"
        let tuple = PresenceStanzaMapping.tuple(of: stanza, resource: "x y", address: "anna@example.org")
        #expect(tuple.isOpen == false && tuple.id == "ID-x_20y" && tuple.contact.isEmpty)
        var document = PIDF(entity: "pres:anna@example.org")
        document.tuples = [tuple]
        let anna = JID(preparedLocal: "anna", domain: "example.org", resource: nil)
        #expect(PresenceStanzaMapping.stanzas(of: document, from: anna).map { $0["type"] } == ["unavailable"])
    }

    // MARK: What SIP watchers get

    private static let desk = PresentityDocument.Client(
        resource: "desk", show: "away", status: "tea", priority: 5, since: 1_767_225_600_000)

    private static func compose(_ inputs: [PresenceInput]) -> ComposedPresence {
        PresenceComposer().compose(inputs, now: 1_767_225_600_000)
    }

    @Test("the only publication goes out byte for byte")
    func passedOn() {
        let body = Array("<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='x'><y/></presence>".utf8)
        let view = PresentityDocument(
            address: "anna@example.org", clients: [], published: [.init(isLine: false, body: body)],
            composed: Self.compose([]), isOverruled: false)
        #expect(view.bytes == body)
    }

    @Test("clients and publications stand beside each other, and one person says what they come to")
    func composed() throws {
        var other = PIDF(entity: "sip:anna@example.org")
        other.tuples = [PIDF.Tuple(id: "t", isOpen: true), PIDF.Tuple(id: "ID-desk", isOpen: false)]
        let input = PresenceInput(
            source: .client("desk"),
            state: .client(.away, priority: 5, idleSince: 1_767_225_000_000, isMobile: false, isPresenting: false),
            since: 1_767_225_600_000, note: "tea")
        let view = PresentityDocument(
            address: "anna@example.org", clients: [Self.desk], published: [.init(isLine: false, body: other.bytes)],
            composed: Self.compose([input]), isOverruled: false)
        let document = try PIDF(parsing: view.bytes)
        #expect(document.entity == "pres:anna@example.org")
        #expect(document.tuples.map(\.id) == ["ID-desk", "t", "p0-ID-desk"])
        #expect(document.tuples[0].show == "away" && document.tuples[0].contact == "sip:anna@example.org;gr=desk")
        #expect(document.tuples[1].notes.map(\.text) == ["tea"])
        #expect(document.persons.map(\.activities) == [["away"]])
        #expect(document.persons[0].input == UserInput(isIdle: true, last: "2025-12-31T23:50:00.000Z"))
    }

    @Test("a call goes before what the clients say, in tuples and in the person")
    func overruled() throws {
        let inputs = [
            PresenceInput(source: .line("1"), state: .line(.onThePhone), since: 5),
            PresenceInput(
                source: .client("desk"),
                state: .client(.available, priority: 5, idleSince: nil, isMobile: false, isPresenting: false), since: 4),
        ]
        let view = PresentityDocument(
            address: "anna@example.org", clients: [Self.desk], published: [.init(isLine: true, body: [])],
            composed: Self.compose(inputs), isOverruled: true)
        let document = try PIDF(parsing: view.bytes)
        #expect(document.tuples.map(\.show) == ["dnd"])
        #expect(document.tuples[0].notes.map(\.text) == ["On the phone"])
        #expect(document.persons[0].activities == ["on-the-phone"])
        let alone = PresentityDocument(
            address: "anna@example.org", clients: [], published: [.init(isLine: true, body: [])],
            composed: Self.compose([inputs[0]]), isOverruled: true)
        #expect(try PIDF(parsing: alone.bytes).tuples.map(\.isOpen) == [true])
    }

    @Test("somebody who appears offline is closed, whatever is there")
    func offline() throws {
        let view = PresentityDocument(
            address: "anna@example.org", clients: [Self.desk], published: [],
            composed: Self.compose([PresenceInput(source: .manual, state: .manual(.offline), since: 1)]),
            isOverruled: true)
        #expect(view.bytes == PIDF.closed("pres:anna@example.org"))
    }
}
