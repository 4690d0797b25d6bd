import Foundation
import Ground
import Storage
import StorageSQLite
import Testing
import XMLWire
import XMPPWire

@testable import IMCore

/// A database, and what goes in and out of it in the portable format.
private final class PortableBench {
    let database: SQLiteDatabase
    private let path: String
    let jid = JID(preparedLocal: "juliet", domain: "example.com", resource: nil)
    let credentials = Credentials(
        preparedPassword: "x", of: JID(preparedLocal: "juliet", domain: "example.com", resource: nil),
        iterations: 4_096, salt: [1, 2])
    var limits = PortableImport.Limits()
    /// 2026-01-01
    let now: Int64 = 1_767_225_600_000

    init() async throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("portable-\(UUID()).db").path
        database = try SQLiteDatabase(path: path, synchronous: .off)
        try await Migrator.apply(AccountSchema.migrations, to: database)
    }

    deinit {
        try? database.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    /// Imports elements of `<user/>`, given as place and XML.
    @discardableResult
    func take(
        _ elements: [(PortableRecord.Place, String)], hasPassword: Bool = true, node: String = "n",
        waiting: String? = nil, key: [UInt8] = []
    ) async throws -> [String] {
        let records = elements.enumerated().map {
            PortableRecord(
                line: $0.offset + 1, place: $0.element.0, node: $0.element.0 == .items ? node : "",
                bytes: Array($0.element.1.utf8))
        }
        let user = PortableImport.User(jid: jid, line: 1, credentials: hasPassword ? credentials : nil)
        let (limits, now) = (limits, now)
        let outcome = Outcome<Result<[String], PortableProblem>>()
        try await database.write { transaction in
            do {
                try transaction.savepoint {
                    outcome.value = .success(
                        try PortableImport.run(
                            user, records: records, waiting: waiting, limits: limits, names: OpaqueIDs(key: key),
                            now: now, in: transaction
                        ).map { "\($0.line): \($0.reason)" })
                }
            } catch let problem as PortableProblem {
                outcome.value = .failure(problem)
            }
        }
        return try #require(outcome.value).get()
    }

    func export(key: [UInt8] = []) async throws -> String {
        var xml = ""
        var cursor: PortableExport.Cursor? = .init()
        let jid = jid
        while let current = cursor {
            let page = try await database.read { transaction in
                let account = try AccountStore.account(jid, in: transaction)
                return try PortableExport.page(
                    of: try #require(account), from: current, names: OpaqueIDs(key: key), in: transaction)
            }
            xml += String(decoding: page.xml, as: UTF8.self)
            cursor = page.next
        }
        return xml
    }

    func rows(_ sql: String) async throws -> [Row] { try await database.read { try $0.query(sql, []) } }

    /// The exported account cut into records again.
    static func records(_ xml: String) throws -> [(place: PortableRecord.Place, node: String, xml: String)] {
        let wrapped = Array(xml.replacingOccurrences(of: "<user ", with: "<user xmlns='urn:xmpp:pie:0' ").utf8)
        let user = try wrapped.withUnsafeBytes {
            try XMLElement(
                parsing: UnsafeRawBufferPointer(rebasing: $0[..<($0.count - 1)]), streamDefaultNamespace: "",
                streamPrefixes: [])
        }
        var found: [(PortableRecord.Place, String, String)] = []
        func add(_ place: PortableRecord.Place, _ node: String, _ elements: [XMLElement]) {
            found += elements.map { (place, node, String(decoding: $0.standaloneBytes, as: UTF8.self)) }
        }
        for child in user.elements {
            switch (child.name, child.namespace) {
            case ("offline-messages", _): add(.offline, "", child.elements)
            case ("archive", _): add(.archive, "", child.elements)
            case ("pubsub", PubSubNamespace.owner): add(.nodes, "", child.elements)
            case ("pubsub", _): for items in child.elements { add(.items, items["node"] ?? "", items.elements) }
            default: add(.user, "", [child])
            }
        }
        return found
    }

    func take(_ exported: String, key: [UInt8] = []) async throws -> [String] {
        let records = try Self.records(exported).enumerated().map {
            PortableRecord(
                line: $0.offset + 1, place: $0.element.place, node: $0.element.node, bytes: Array($0.element.xml.utf8))
        }
        try await database.write { try PortableStore.add(records, to: "r", in: $0) }
        return try await take([], hasPassword: false, waiting: "r", key: key)
    }
}

@Suite("The portable format")
struct PortableTests {
    private static let delay = "<delay xmlns='urn:xmpp:delay' from='example.com' stamp='2025-06-01T10:00:00Z'/>"

    private static func archived(_ id: String, _ second: Int, from: String, to: String, extra: String = "") -> String {
        """
        <result xmlns='urn:xmpp:mam:2' id='\(id)'><forwarded xmlns='urn:xmpp:forward:0'>\
        <delay xmlns='urn:xmpp:delay' stamp='2025-06-01T10:00:0\(second)Z'/>\
        <message xmlns='jabber:client' from='\(from)' to='\(to)' type='chat'><body>\(id)</body>\(extra)</message>\
        </forwarded></result>
        """
    }

    private static let everything: [(PortableRecord.Place, String)] = [
        (.user, "<account xmlns='urn:roost:account:0' name='Juliet' administrator='true'/>"),
        (
            .user,
            """
            <query xmlns='jabber:iq:roster'><item jid='romeo@example.com' name='Rómeo' subscription='both'>\
            <group>Friends &amp; co</group><group>B</group></item><item jid='n@example.net' ask='subscribe'/>\
            <item jid='benvolio@example.com' subscription='from'/><item jid='early@example.net' approved='true'/></query>
            """
        ),
        (
            .user,
            """
            <presence xmlns='jabber:client' from='paris@example.org' to='juliet@example.com' type='subscribe'>\
            <status>hi</status></presence>
            """
        ),
        (.user, "<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN></vCard>"),
        (
            .user,
            """
            <query xmlns='jabber:iq:private'><a xmlns='one'>1</a><storage xmlns='storage:bookmarks'>\
            <conference jid='room@rooms.example.com' name='R' autojoin='true'/></storage></query>
            """
        ),
        (
            .user,
            """
            <query xmlns='jabber:iq:privacy'><default name='d'/><list name='d'>\
            <item type='jid' value='tybalt@example.com' action='deny' order='1'/>\
            <item type='subscription' value='none' action='deny' order='7'><message/></item></list></query>
            """
        ),
        (
            .user,
            "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>a@b.example</jid></always><never/></prefs>"
        ),
        (
            .nodes,
            """
            <configure xmlns='http://jabber.org/protocol/pubsub#owner' node='n'><x xmlns='jabber:x:data' type='submit'>\
            <field var='pubsub#access_model'><value>open</value></field><field var='pubsub#max_items'><value>10</value>\
            </field></x></configure>
            """
        ),
        (
            .nodes,
            """
            <affiliations xmlns='http://jabber.org/protocol/pubsub#owner' node='n'>\
            <affiliation jid='romeo@example.com' affiliation='publisher'/></affiliations>
            """
        ),
        (
            .nodes,
            """
            <subscriptions xmlns='http://jabber.org/protocol/pubsub#owner' node='n'>\
            <subscription jid='romeo@example.com/x' subscription='subscribed'/></subscriptions>
            """
        ),
        (.items, "<item xmlns='http://jabber.org/protocol/pubsub' id='1'><e xmlns='urn:e'>1</e></item>"),
        (.items, "<item xmlns='http://jabber.org/protocol/pubsub' id='2'><e xmlns='urn:e'>2</e></item>"),
        (
            .offline,
            """
            <message xmlns='jabber:client' from='romeo@example.com/o' to='juliet@example.com' type='chat'><body>b</body>\
            <stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.com' id='b'/>\(delay)</message>
            """
        ),
        (.archive, archived("a", 0, from: "juliet@example.com/x", to: "romeo@example.com")),
        (
            .archive,
            archived(
                "b", 0, from: "romeo@example.com/o", to: "juliet@example.com",
                extra: "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.com' id='b'/>")
        ),
        (.archive, archived("c", 1, from: "juliet@example.com/x", to: "juliet@example.com")),
    ]

    @Test("everything goes in and out again, twice the same")
    func roundTrip() async throws {
        let first = try await PortableBench()
        #expect(try await first.take(Self.everything) == ["1: note: the account administers the server"])
        let exported = try await first.export()
        let second = try await PortableBench()
        #expect(
            try await second.take(exported)
                == ["2: note: the account administers the server"].map { "3" + $0.dropFirst() })
        #expect(try await second.export() == exported)
        for part in [
            "mechanism='SCRAM-SHA-1'", "mechanism='SCRAM-SHA-256'", "name='Rómeo' subscription='both'",
            "<item jid='n@example.net' subscription='none' ask='subscribe'/>",
            "<item jid='early@example.net' subscription='none' approved='true'/>", "<status>hi</status>",
            "<FN>Juliet Capulet</FN>", "<a xmlns='one'>1</a>", "value='tybalt@example.com' action='deny'",
            "order='7'><message/>",
            "default='roster'", "<e xmlns='urn:e'>2</e>", "<body>b</body>", "affiliation='publisher'",
            "<items node='urn:xmpp:bookmarks:1'>",
        ] {
            #expect(exported.contains(part), "\(part)")
        }
        #expect(!exported.contains("paris@example.org' subscription"))
    }

    @Test("another installation has ids of its own; order, owners and the link to stored messages hold")
    func archive() async throws {
        let first = try await PortableBench()
        try await first.take(Self.everything)
        let exported = try await first.export()
        let second = try await PortableBench()
        _ = try await second.take(exported, key: [7])
        let messages = try await second.rows(
            "SELECT m.stanza, a.peer, m.id FROM archive a JOIN messages m ON m.id = a.id ORDER BY a.id")
        #expect(messages.map { $0.text(1) } == ["romeo@example.com", "romeo@example.com", "juliet@example.com"])
        let bodies = messages.map { String(decoding: $0.blob(0), as: UTF8.self) }
        #expect(bodies[0].contains("<body>a</body>") && !bodies[0].contains("stanza-id"))
        let id = MessageID(messages[1].integer(2))
        let name = String(decoding: OpaqueIDs(key: [7]).name(of: id), as: UTF8.self)
        #expect(bodies[1].contains("<body>b</body>") && bodies[1].contains("id='\(name)'"))
        let waiting = try await second.rows("SELECT id, stanza FROM journal")
        #expect(waiting.map { $0.integer(0) } == [id.value] && waiting[0].blob(1).isEmpty)
    }

    @Test("a message from the future, and many of one millisecond, keep their order behind the clock")
    func ids() {
        var messages = PortableMessages(latest: 1_000)
        let second: Int64 = 65_536_000
        var ids: [Int64] = []
        for instant: Int64 in [5_000, 10, 10] {
            ids.append(messages.id(at: instant, wanted: nil, in: .archive) { $0.value == second }.value)
        }
        #expect(ids == [second + 1, second + 2, second + 3])
        let wanted = MessageID(second - 65_000)
        #expect(messages.id(at: 999, wanted: wanted, in: .offline) { _ in false } == wanted)
        #expect(messages.id(at: 999, wanted: wanted, in: .offline) { _ in false } > wanted)
    }

    @Test("large archives come in pages, with nothing lost in between")
    func pages() async throws {
        let bench = try await PortableBench()
        let filler = String(repeating: "x", count: 20_000)
        let elements = (0..<150).map { number in
            (
                PortableRecord.Place.archive,
                Self.archived(
                    "m\(number)", number % 10, from: "romeo@example.com/\(filler.prefix(9))", to: "juliet@example.com",
                    extra: "<y xmlns='f'>\(filler)</y>")
            )
        }
        try await bench.take(elements)
        let exported = try await bench.export()
        for number in 0..<150 { #expect(exported.contains("<body>m\(number)</body>")) }
        #expect(exported.components(separatedBy: "<archive").count == 2)
        let second = try await PortableBench()
        _ = try await second.take(exported)
        #expect(try await second.export() == exported)
    }

    @Test("verifiers come in each of the forms that servers write")
    func credentials() async throws {
        let key = Base64.encode([UInt8](repeating: 7, count: 20))
        let scram = { (mechanism: String, key: String) in
            """
            <scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='\(mechanism)'><iter-count>4096</iter-count>\
            <salt>QSUlQoMBeA==</salt><server-key>\(key)</server-key><stored-key>\(key)</stored-key></scram-credentials>
            """
        }
        let bench = try await PortableBench()
        let told = try await bench.take(
            [(.user, scram("SCRAM-SHA-512", key)), (.user, scram("SCRAM-SHA-1", key))], hasPassword: false)
        #expect(
            told == [
                "1: credentials for SCRAM-SHA-512 cannot be used",
                "1: only SCRAM-SHA-1 and PLAIN log in until the password is set again",
            ])
        let jid = bench.jid
        let stored = try await bench.database.read { try AccountStore.credentials(jid, in: $0) }
        #expect(stored?.sha1.storedKey == [UInt8](repeating: 7, count: 20) && stored?.iterations == 4_096)
        #expect(stored?.sha256.isUsable == false && stored?.isComplete == false)
        #expect(stored?.sha256.matches(preparedPassword: "") == false)
        #expect(!(try await bench.export()).contains("SCRAM-SHA-256"))

        #expect(Credentials(portablePassword: "scram:\(key),\(key),QSUlQoMBeA==,4096")?.sha1.salt.count == 7)
        let twice = Base64.encode(Array(key.utf8))
        let salt = Base64.encode(Array("QSUlQoMBeA==".utf8))
        #expect(Credentials(portablePassword: "scram:\(twice),\(twice),\(salt),4096")?.sha1.salt.count == 7)
        // ejabberd 23.01, the password "secret".
        let ejabberd = """
            <scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>4096</iter-count>\
            <salt>UWxVUjZaWGNnMHJBUkVWODhuT0Y0dz09</salt>\
            <server-key>NENWVzBhMHhROHhnNDFjL0lUeGVjd1gzRzBnPQ==</server-key>\
            <stored-key>UVNDZzVvRUJiRlNrVThjcGozOVJXZWdGaDFJPQ==</stored-key></scram-credentials>
            """
        let verifier = XMLElement(stored: Array(ejabberd.utf8)).flatMap { ScramVerifier(portable: $0) }
        #expect(verifier?.matches(preparedPassword: "secret") == true)
        for bad in ["secret", "scram:", "scram:a,b,c,d", "scram:\(key),\(key),QSUlQoMBeA==,0"] {
            #expect(Credentials(portablePassword: bad) == nil)
        }
    }

    private static func long(_ count: Int) -> String { String(repeating: "x", count: count) }
    private static let blockers = """
        <query xmlns='jabber:iq:privacy'><default name='d'/><list name='d'>\
        <item type='jid' value='a@x' action='deny' order='1'/>\
        <item type='jid' value='b@x' action='deny' order='2'/></list></query>
        """
    private static let contacts =
        "<query xmlns='jabber:iq:roster'><item jid='a@x'/><item jid='b@x'/><item jid='c@x'/></query>"
    static let refused: [(PortableRecord.Place, String, String)] = [
        (.user, "<vCard xmlns='vcard-temp'>", "cannot be read"),
        (.user, "<vCard xmlns='vcard-temp'><FN>\(long(2_000))</FN></vCard>", "vCard is larger"),
        (.user, "<query xmlns='jabber:iq:private'><a xmlns='one'>\(long(2_000))</a></query>", "private storage"),
        (.user, contacts, "more than 2 contacts"),
        (.user, blockers, "more than 1 addresses"),
        (
            .items, "<item xmlns='http://jabber.org/protocol/pubsub' id='1'><e xmlns='e'>\(long(1_500))</e></item>",
            "have more than 1000 bytes"
        ),
    ]

    @Test("what cannot be taken refuses the account with a reason, and nothing of it stays", arguments: refused)
    func refusals(place: PortableRecord.Place, xml: String, reason: String) async throws {
        let bench = try await PortableBench()
        bench.limits.contacts = 2
        bench.limits.blocked = 1
        bench.limits.vcardBytes = 1_000
        bench.limits.privateStorageBytes = 1_000
        bench.limits.pubsub.totalBytes = 1_000
        await #expect {
            try await bench.take([(place, xml)])
        } throws: { error in
            guard let problem = error as? PortableProblem else { return false }
            return problem.isFatal && problem.line == 1 && problem.reason.contains(reason)
        }
        #expect(try await bench.rows("SELECT id FROM users").isEmpty)
        try await bench.take([])
        await #expect {
            try await bench.take([])
        } throws: { error in
            (error as? PortableProblem)?.reason == "the account exists already"
        }
    }

    @Test("an account without credentials is refused")
    func noCredentials() async throws {
        let bench = try await PortableBench()
        await #expect(throws: PortableProblem.self) { try await bench.take([], hasPassword: false) }
    }

    @Test("what means nothing here is left out and told")
    func leftOut() async throws {
        let bench = try await PortableBench()
        let owner = "xmlns='http://jabber.org/protocol/pubsub#owner'"
        let form = "<x xmlns='jabber:x:data' type='submit'><field var='own#thing'><value>1</value></field></x>"
        let strange: [(PortableRecord.Place, String)] = [
            (.user, "<x xmlns='urn:x'/>"), (.user, "<query xmlns='jabber:iq:roster'><item jid='@'/></query>"),
            (.user, "<presence xmlns='urn:xmpp:pie:0' type='subscribe'/>"),
            (.user, "<query xmlns='jabber:iq:privacy'><list name='l'><item action='deny'/></list></query>"),
            (.offline, "<message xmlns='jabber:client'/>"), (.archive, "<result xmlns='urn:xmpp:mam:2'/>"),
            (.nodes, "<configure \(owner)/>"), (.nodes, "<configure \(owner) node='n'>\(form)</configure>"),
            (.items, "<item xmlns='http://jabber.org/protocol/pubsub'/>"),
            (.user, "<query xmlns='jabber:iq:private'><a xmlns='jabber:iq:private'/></query>"),
        ]
        let told = try await bench.take(strange)
        #expect(told.count == 10, "\(told)")
        #expect(Set(told.map { $0.prefix { $0 != ":" } }).count == 10, "\(told)")
        // The namespace of the file on a stanza, as Prosody writes it.
        let other = try await PortableBench()
        #expect(
            try await other.take([(.user, "<presence xmlns='urn:xmpp:pie:0' from='p@x.example' type='subscribe'/>")])
                == [])
        let request = try await other.rows("SELECT request FROM roster")[0].blob(0)
        #expect(
            String(decoding: request, as: UTF8.self)
                == "<presence from='p@x.example' type='subscribe' to='juliet@example.com'/>")
    }
}
