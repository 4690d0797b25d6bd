import Foundation
import Storage
import StorageSQLite
import Testing
import XMLWire
import XMPPWire

@testable import IMCore

@Suite("Pubsub store and engine")
struct PubSubStoreTests {
    private static let anna = JID(preparedLocal: "anna", domain: "localhost", resource: nil)

    /// A database with one account.
    private static func open() async throws -> (SQLiteDatabase, Int64) {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("pubsub-\(UUID()).db").path
        let database = try SQLiteDatabase(path: path, synchronous: .off)
        try await Migrator.apply(AccountSchema.migrations, to: database)
        let credentials = Credentials(preparedPassword: "x", of: anna, iterations: 4_096, salt: [1])
        let user = try await database.write {
            try AccountStore.add(anna, name: nil, isAdmin: false, credentials: credentials, now: 0, in: $0) ?? 0
        }
        return (database, user)
    }

    private static func engine(
        _ user: Int64, _ limits: PubSubLimits = PubSubLimits(), in transaction: any Transaction
    ) -> PubSubEngine {
        PubSubEngine(
            service: PubSubAddress(jid: anna, userID: user), requester: PubSubRequester(anna, isAccountOwner: true),
            limits: limits, now: 1_000, in: transaction)
    }

    private static func item(_ id: String, _ text: String = "") -> XMLElement {
        var item = XMLElement("item", namespace: PubSubNamespace.pubsub, attributes: ["id": id])
        item.children = [.element(XMLElement("x", namespace: "urn:x", children: [.text(text)]))]
        return item
    }

    private static let many = DataForm(
        .submit, type: PubSubNamespace.publishOptions, fields: [FormField("pubsub#max_items", value: "max")])

    @Test("counters of a node follow publishing, replacing, trimming, retracting and purging")
    func counters() async throws {
        let (database, user) = try await Self.open()
        try await database.write { transaction in
            var limits = PubSubLimits()
            limits.items = 3
            var engine = Self.engine(user, limits, in: transaction)
            func check(_ items: Int, _ ids: [String]) throws {
                let node = try engine.node("n")
                #expect(node.itemCount == items)
                let stored = try PubSubStore.oldest(of: node, limit: 100, in: transaction)
                #expect(stored.map(\.id) == ids)
                #expect(node.bytes == stored.reduce(0) { $0 + $1.payload.count })
            }
            for id in ["a", "b", "c"] { _ = try engine.publish("n", [Self.item(id)], options: Self.many) }
            try check(3, ["a", "b", "c"])
            _ = try engine.publish("n", [Self.item("a", "longer")], options: nil)
            try check(3, ["b", "c", "a"])
            _ = try engine.publish("n", [Self.item("d")], options: nil)
            try check(3, ["c", "a", "d"])
            try engine.retract("n", ["a"], notify: false)
            try check(2, ["c", "d"])
            try engine.purge("n")
            try check(0, [])
        }
        try database.close()
    }

    @Test("a node with 10,000 items: a publication, the newest item and a page look at few of them")
    func manyItems() async throws {
        let (database, user) = try await Self.open()
        let (publish, page) = try await database.write { transaction -> (Duration, Duration) in
            var engine = Self.engine(user, in: transaction)
            _ = try engine.publish("n", [Self.item("0")], options: Self.many)
            for number in 1..<10_000 { _ = try engine.publish("n", [Self.item("\(number)")], options: nil) }
            engine.events = []
            let clock = ContinuousClock()
            let publish = try clock.measure {
                for number in 10_000..<10_100 { _ = try engine.publish("n", [Self.item("\(number)")], options: nil) }
            }
            let page = try clock.measure {
                for _ in 0..<100 {
                    let answer = try engine.items(
                        "n", ids: [], maxItems: nil, page: ResultSetRequest(.after("10050"), maximum: 10))
                    #expect(answer.contains("<item id='10049'"))
                }
            }
            #expect(try engine.node("n").itemCount == 10_000)
            #expect(try PubSubStore.item("99", of: try engine.node("n"), in: transaction) == nil)
            return (publish, page)
        }
        // Generous: reading all items would take ten times as long.
        #expect(publish < .seconds(2))
        #expect(page < .seconds(2))
        try database.close()
    }

    @Test("an account that is removed takes its nodes, subscriptions and affiliations with it")
    func removal() async throws {
        let (database, user) = try await Self.open()
        let service = PubSubAddress(
            jid: JID(preparedLocal: nil, domain: "pubsub.localhost", resource: nil), userID: nil)
        try await database.write { transaction in
            var engine = Self.engine(user, in: transaction)
            _ = try engine.publish("n", [Self.item("a")], options: nil)
            let romeo = JID(preparedLocal: "romeo", domain: "localhost", resource: nil)
            var requester = PubSubRequester(romeo)
            requester.mayCreateNodes = true
            var shared = PubSubEngine(
                service: service, requester: requester, limits: PubSubLimits(), now: 0, in: transaction)
            _ = try shared.create("s", nil)
            try shared.setAffiliates("s", [(Self.anna.description, "member")])
            try shared.setSubscribers("s", [(Self.anna.description, "subscribed")])
            #expect(try AccountStore.remove(Self.anna, in: transaction))
            #expect(try PubSubStore.nodes(of: Self.anna.description, in: transaction).isEmpty)
            let node = try shared.node("s")
            #expect(try PubSubStore.subscriptions(to: node, in: transaction).isEmpty)
            #expect(try PubSubStore.affiliations(with: node, in: transaction).map(\.jid) == ["romeo@localhost"])
            for table in ["pubsub_items", "pubsub_subscriptions"] {
                #expect(try transaction.query("SELECT 1 FROM \(table)", []).isEmpty)
            }
        }
        try database.close()
    }

    @Test("an answer that would be too large is cut, and says so")
    func longAnswer() async throws {
        let (database, user) = try await Self.open()
        try await database.write { transaction in
            var engine = Self.engine(user, in: transaction)
            let text = String(repeating: "x", count: 200_000)
            for number in 0..<20 {
                _ = try engine.publish("n", [Self.item("\(number)", text)], options: number == 0 ? Self.many : nil)
            }
            let answer = try engine.items("n", ids: [], maxItems: nil, page: nil)
            #expect(answer.utf8.count < PubSubEngine.answerBytes + 300_000)
            #expect(answer.contains("<count>20</count>"))
            #expect(throws: StanzaError.self) {
                try engine.items("n", ids: (0..<20).map { "\($0)" }, maxItems: nil, page: nil)
            }
        }
        try database.close()
    }
}
