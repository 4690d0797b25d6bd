import AdminServer
import Foundation
import Ground
import IMCore
import NIOCore
import SIPServer
import Settings
import Storage
import XMPPServer

/// Takes the figures of the running server together, and keeps the last minutes for charts.
actor LiveMetrics: AdminMetrics {
    private let core: NIOLoopBound<C2SServer>
    private let sip: NIOLoopBound<SIPServer>
    private let live: LiveConfig
    private let database: any Database
    private let time: SystemTime
    private var points: [AdminMetricsHistory.Point] = []
    private var last: Reading?
    /// Seconds between two points, and how many are kept: ten minutes.
    private static let interval = 2
    private static let capacity = 300

    init(
        core: NIOLoopBound<C2SServer>, sip: NIOLoopBound<SIPServer>, live: LiveConfig, database: any Database,
        time: SystemTime
    ) {
        self.core = core
        self.sip = sip
        self.live = live
        self.database = database
        self.time = time
    }

    /// What is read on the loop, in one visit.
    struct Reading: Sendable {
        var uptime: Int64
        var streams: StreamCounters
        var core: CoreCounters
        var latency: Histogram
        var messages: Int
        var commits: Int
        var rows: Int
        var waiting: Int
        var connections: Int
        var sessions: SessionCounts
        var homes: Int
        var rooms: ServerRooms
        var uptimeSeconds: Int
        var isFailing: Bool
        var isDraining: Bool
        var processor: Double
        var sip: SIPReading
    }

    private func read() async throws -> Reading {
        let (core, sip, time) = (core, sip, time)
        return try await core.eventLoop.submit {
            let server = core.value
            let (router, journal) = (server.router, server.router.journal)
            return Reading(
                uptime: time.uptime, streams: server.counters, core: router.counters, latency: journal.latency,
                messages: router.messagesRouted, commits: journal.commits, rows: journal.rowsWritten,
                waiting: journal.waiting, connections: server.connections, sessions: server.sessionCounts,
                homes: router.homes.count,
                rooms: server.roomCounts, uptimeSeconds: server.uptimeSeconds, isFailing: journal.isFailing,
                isDraining: server.isDraining, processor: ProcessTime.seconds, sip: SIPReading(sip.value))
        }.get()
    }

    // MARK: History

    /// Takes a point every two seconds until the task is cancelled.
    func run() async throws {
        while !Task.isCancelled {
            if let reading = try? await read() { take(reading) }
            try await Task.sleep(for: .seconds(Self.interval))
        }
    }

    private func take(_ now: Reading) {
        defer { last = now }
        guard let last, now.uptime > last.uptime else { return }
        let seconds = Double(now.uptime - last.uptime) / 1_000
        let latency = now.latency.since(last.latency)
        points.append(
            .init(
                at: Int(time.now / 1_000), sessions: now.sessions.bound,
                messagesPerSecond: Double(now.messages - last.messages) / seconds,
                deliveriesPerSecond: Double(now.core.deliveries - last.core.deliveries) / seconds,
                latencyMedian: latency.quantile(0.5).map { Double($0) },
                latencyHigh: latency.quantile(0.99).map { Double(min($0, 60_000)) },
                residentBytes: ProcessMemory.residentBytes, processor: (now.processor - last.processor) / seconds,
                sipRegistrations: now.sip.registrations, sipSubscriptions: now.sip.subscriptions,
                sipPerSecond: Double(now.sip.total - last.sip.total) / seconds))
        if points.count > Self.capacity { points.removeFirst(points.count - Self.capacity) }
    }

    func metricsHistory() async throws -> AdminMetricsHistory {
        AdminMetricsHistory(interval: Self.interval, points: points)
    }

    // MARK: Metrics

    func metrics() async throws -> [AdminMetric] {
        let now = try await read()
        func gauge(_ name: String, _ help: String, _ value: Int) -> AdminMetric {
            AdminMetric("roost_" + name, .gauge, help, [.init(Double(value))])
        }
        func counter(_ name: String, _ help: String, _ value: Int) -> AdminMetric {
            AdminMetric("roost_" + name, .counter, help, [.init(Double(value))])
        }
        let families = [
            AdminMetric("roost_build", .gauge, "Version of the server.", [.init(1, ["version": RoostVersion.current])]),
            gauge("uptime_seconds", "Seconds since the start.", now.uptimeSeconds),
            gauge("connections", "Connections of clients, before and after their login.", now.connections),
            AdminMetric(
                "roost_sessions", .gauge, "Sessions of clients.",
                [
                    .init(Double(now.sessions.bound - now.sessions.resumable), ["state": "connected"]),
                    .init(Double(now.sessions.resumable), ["state": "resumable"]),
                ]),
            gauge("inactive_sessions", "Sessions whose clients said that nobody looks at them.", now.sessions.inactive),
            gauge("homes", "Users whose state is in memory.", now.homes),
            AdminMetric(
                "roost_stanzas", .counter, "Stanzas of clients.",
                [
                    .init(Double(now.streams.messages), ["kind": "message"]),
                    .init(Double(now.streams.presences), ["kind": "presence"]),
                    .init(Double(now.streams.requests), ["kind": "iq"]),
                ]),
            counter("messages", "Messages routed to users.", now.messages),
            counter("deliveries", "Copies of messages handed to clients.", now.core.deliveries),
            counter("messages_stored", "Messages stored for users who were not there.", now.core.stored),
            counter("messages_refused", "Messages answered with an error.", now.core.bounced),
            counter("presence_changes", "Changes of presence told to others.", now.core.presenceChanges),
            counter("presence_deliveries", "Stanzas that told of them.", now.core.presenceDeliveries),
            AdminMetric(
                "roost_stream_bytes", .counter, "Bytes of client streams, inside of TLS.",
                [
                    .init(Double(now.streams.bytesIn), ["direction": "in"]),
                    .init(Double(now.streams.bytesOut), ["direction": "out"]),
                ]),
            AdminMetric(
                "roost_logins", .counter, "Logins of clients.",
                [
                    .init(Double(now.streams.logins), ["outcome": "accepted"]),
                    .init(Double(now.streams.failedLogins), ["outcome": "refused"]),
                ]),
            counter("connections_opened", "Connections that were opened.", now.streams.connections),
            counter("journal_commits", "Transactions of the journal.", now.commits),
            counter("journal_rows", "Messages written to the journal.", now.rows),
            gauge("journal_waiting", "Messages that wait for a commit.", now.waiting),
            gauge("rooms", "Chat rooms in memory.", now.rooms.rooms),
            gauge("room_occupants", "Occupants of chat rooms.", now.rooms.occupants),
            AdminMetric(
                "roost_delivery_seconds", "From the acceptance of a message until a client has it.", now.latency),
            gauge("resident_bytes", "Memory of the process.", ProcessMemory.residentBytes),
            AdminMetric("roost_cpu_seconds", .counter, "Processor time of the process.", [.init(now.processor)]),
        ]
        let aliases = Self.aliases(now, lastMinute: messagesInLastMinute)
        return families + now.sip.metrics + [AdminMetric("roost_alias", .gauge, Self.aliasHelp, aliases)]
    }

    /// As far as points were taken.
    private var messagesInLastMinute: Int {
        let perSecond = points.suffix(60 / Self.interval).reduce(0) { $0 + $1.messagesPerSecond }
        return Int((perSecond * Double(Self.interval)).rounded())
    }

    private static let aliasHelp = "The same figures under the names that administrators know from other products."

    private static func aliases(_ now: Reading, lastMinute: Int) -> [AdminMetric.Sample] {
        let pairs: [(String, String, Int)] =
            [
                ("Cisco XCP CM", "ConnectedSockets", now.connections),
                ("Cisco XCP JSM", "JsmIMSessions", now.sessions.bound),
                ("Cisco XCP JSM", "JsmClientSessionsActive", now.sessions.bound - now.sessions.resumable),
                ("Cisco XCP JSM", "JsmTotalMessagePackets", now.streams.messages),
                ("Cisco XCP JSM", "JsmMsgsInLastSlice", lastMinute),
                ("Cisco XCP MDM", "MDMSessions", now.sessions.bound),
                ("Cisco XCP MDM", "MDMQuietModeSessions", now.sessions.inactive),
                ("Cisco XCP TC", "TcAllRooms", now.rooms.rooms),
                ("Cisco XCP TC", "TcRoomsPersistent", now.rooms.persistent),
                ("Cisco XCP TC", "TcRoomsAdHoc", now.rooms.rooms - now.rooms.persistent),
                ("Cisco XCP TC", "TcTotalOccupants", now.rooms.occupants),
                ("Cisco Presence Engine", "ActiveJsmSessions", now.sessions.bound),
            ] + now.sip.aliases
        return pairs.map { .init(Double($0.2), ["group": $0.0, "counter": $0.1]) }
    }

    // MARK: Health

    func health() async -> AdminHealth {
        guard let reading = try? await read() else {
            return AdminHealth(isLive: false, checks: [.init("loop", false, "the server's loop does not answer")])
        }
        let canRead = (try? await database.read { try AccountStore.count(in: $0) }) != nil
        return AdminHealth(
            isLive: true,
            checks: [
                .init("loop", true),
                .init("database", canRead, "the database cannot be read"),
                .init("journal", !reading.isFailing, "commits fail: messages are accepted and not stored"),
                .init(
                    "backlog", reading.waiting < Journal.capacity / 2,
                    "\(reading.waiting) messages wait for the disk"),
                .init("draining", !reading.isDraining, "the server is going down"),
            ])
    }
}

/// Processor time of the process.
enum ProcessTime {
    /// Of all threads, in user and system mode.
    static var seconds: Double {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
