import Foundation
import Ground
import Logging
import NIOCore
import NIOPosix
import Storage
import StorageSQLite
import Testing
import XMPPWire

@testable import IMCore

/// A client that counts what it is told.
private final class Watcher: Endpoint {
    let resource = "desk"
    let address: [UInt8]
    var availability: Availability?
    var directed: Set<JID> = []
    /// By the type of the stanza.
    var seen: [String: Int] = [:]

    init(_ jid: JID) {
        address = Array("\(jid)/desk".utf8)
        availability = Availability(
            priority: 0, show: "available",
            stanza: PresenceStanza(
                bytes: Array("<presence from='\(jid)/desk'/>".utf8), gap: "<presence".utf8.count))
    }

    var isReachable: Bool { true }
    var isInterested: Bool { false }
    var followsBlockList: Bool { false }
    var wantsCarbons: Bool { false }
    var historyUpTo: MessageID? { nil }
    var interests: PubSubInterests? { nil }
    var isHibernating: Bool { false }
    var isInactive: Bool { false }
    var inFlight: [JournalEntry] { [] }
    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {}
    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {
        let text = String(decoding: presence.bytes, as: UTF8.self)
        seen[text.contains("unavailable") ? "unavailable" : "available", default: 0] += 1
    }
    func deliver(_ bytes: [UInt8]) {}
    func whenDrained(_ body: @escaping () -> Void) {}
    func end(_ error: StreamError) {}
    func stanzaIsSafe(_ number: UInt64) {}
}

@Suite("Switching availability sharing for many", .serialized)
struct AvailabilitySwitchTests {
    private static let users = 1_500
    private static let contacts = 20

    /// Loop-bound state of the test.
    private final class Stage {
        let router: Router
        var watchers: [Watcher] = []
        /// Turns that the loop had for other work.
        var turns = 0
        var isCounting = true

        init(_ router: Router) { self.router = router }

        func count(_ loop: any EventLoop) {
            turns += 1
            guard isCounting else { return }
            let bound = NIOLoopBound(self, eventLoop: loop)
            loop.scheduleTask(in: .microseconds(100)) { bound.value.count(loop) }
        }
    }

    private static func policies(shares: Bool) -> PolicyTable {
        var values = UserPolicy.Values()
        values.presence.sharing = shares
        var table = PolicyTable()
        table.deployment = UserPolicy(values)
        return table
    }

    /// Everybody has an account, and the next twenty in the ring are contacts, both ways.
    private static func fill(_ transaction: any Transaction) throws {
        try transaction.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(users - 1))
            INSERT INTO users (id, domain, localpart, is_admin, created_ms, roster_version, scram_iterations,
                scram_salt, sha1_stored, sha1_server, sha256_stored, sha256_server)
            SELECT i + 1, 'example.com', 'user' || i, 0, 0, 0, 1, x'', x'', x'', x'', x'' FROM n
            """, [])
        try transaction.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(users - 1)),
                k (d) AS (SELECT 1 UNION ALL SELECT d + 1 FROM k WHERE d < \(contacts / 2))
            INSERT INTO roster (user_id, contact, name, contact_groups, state)
            SELECT i + 1, 'user' || ((i + d) % \(users)) || '@example.com', '', '', 35 FROM n, k
            UNION ALL
            SELECT i + 1, 'user' || ((i + \(users) - d) % \(users)) || '@example.com', '', '', 35 FROM n, k
            """, [])
    }

    @Test("each of many sees each contact go once and come once, and the loop has turns for others in between")
    func everybody() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("switch-\(UUID()).db").path
        let database = try SQLiteDatabase(path: path, synchronous: .off)
        defer {
            try? database.close()
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        }
        try await Migrator.apply(AccountSchema.migrations, to: database)
        try await database.write { try Self.fill($0) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let stage = try await loop.submit {
            let isolated = loop.assumeIsolated()
            var logger = Logger(label: "switch")
            logger.logLevel = .critical
            let time = SystemTime()
            let journal = Journal(
                database: database, lastID: MessageID(0), durability: .memory,
                gatherWindow: .milliseconds(1), loop: isolated, time: time, logger: logger)
            let router = Router(
                database: database, journal: journal, domains: ["example.com"], config: CoreConfig(), loop: isolated,
                time: time, logger: logger)
            return NIOLoopBound(Stage(router), eventLoop: loop)
        }.get()
        for number in 0..<Self.users {
            let ready = loop.makePromise(of: Void.self)
            loop.execute {
                let stage = stage.value
                stage.router.homes.withHome(
                    JID(preparedLocal: "user\(number)", domain: "example.com", resource: nil)
                ) { home in
                    if let home {
                        let watcher = Watcher(home.jid)
                        stage.watchers.append(watcher)
                        home.endpoints.append(watcher)
                    }
                    ready.succeed(())
                }
            }
            try await ready.futureResult.get()
        }
        loop.execute { stage.value.count(loop) }
        for (shares, word) in [(false, "unavailable"), (true, "available")] {
            let before = try await loop.submit {
                for watcher in stage.value.watchers { watcher.seen = [:] }
                stage.value.router.policiesChanged(Self.policies(shares: shares))
                return stage.value.turns
            }.get()
            while try await loop.submit({ !stage.value.router.availabilitySwitch.isIdle }).get() { await Task.yield() }
            let (turns, seen) = try await loop.submit {
                (stage.value.turns, stage.value.watchers.map(\.seen))
            }.get()
            #expect(seen.count == Self.users)
            #expect(seen.allSatisfy { $0 == [word: Self.contacts] })
            // 30,000 stanzas, 500 at a time.
            #expect(turns - before >= 30)
        }
        try await loop.submit { stage.value.isCounting = false }.get()
        try await group.shutdownGracefully()
    }
}
