import Foundation

/// What the server is doing, with charts that the page keeps up to date.
enum DashboardPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/") { request in
            let status: AdminStatus = try await request.perform("status")
            let services: AdminServiceList? =
                request.may("services.list") ? try? await request.perform("services.list") : nil
            let model = DashboardModel(
                status, figures: try await figures(status, request), services: services?.items ?? [], request)
            return .page(request.page(.dashboard, model: model))
        }
        routes.get("/live") { request in
            let status: AdminStatus = try await request.perform("status")
            return .json(try JSONEncoder().encode(try await figures(status, request)))
        }
    }

    private static func figures(_ status: AdminStatus, _ request: ConsoleRequest) async throws -> [DashboardFigure] {
        var history: AdminMetricsHistory?
        // A server without figures of its own still has a status.
        if request.may("metrics.history") { history = try? await request.perform("metrics.history") }
        return DashboardFigure.all(status, history?.points ?? [], request.language)
    }
}

struct DashboardModel: Sendable {
    struct Component: Sendable {
        var name: String
        var detail: String?
        var kind: String
        var icon: String
        var state: String
    }

    var figures: [DashboardFigure]
    var components: [Component]
    var facts: [ConsoleFact]
    var servicesHref: String?
    var isLive = true

    init(
        _ status: AdminStatus, figures: [DashboardFigure], services: [AdminService], _ request: ConsoleRequest
    ) {
        let language = request.language
        self.figures = figures
        servicesHref = services.isEmpty ? nil : ConsoleSection.services.path
        components = services.map { service in
            let isRunning = service.state == .running
            return Component(
                name: language.optional("service.\(service.name)") ?? service.title,
                detail: service.detail.isEmpty ? nil : service.detail, kind: isRunning ? "good" : "",
                icon: isRunning ? "check" : "info", state: language["services.\(service.state.rawValue)"])
        }
        facts = [
            ConsoleFact(name: language["dashboard.version"], value: status.version),
            ConsoleFact(
                name: language["dashboard.uptime"], value: ConsoleNumbers.duration(status.uptimeSeconds, language)),
            ConsoleFact(name: language["dashboard.users"], value: ConsoleNumbers.grouped(status.users)),
            ConsoleFact(name: language["dashboard.domains"], value: status.domains.joined(separator: ", ")),
            ConsoleFact(name: language["dashboard.durability"], value: status.durability),
        ]
        facts += status.listeners.map { listener in
            let parts = listener.split(separator: " ", maxSplits: 1).map(String.init)
            let key = "listener." + parts[0].map { $0 == "-" ? "_" : String($0) }.joined()
            return ConsoleFact(name: language.optional(key) ?? parts[0], value: parts.count > 1 ? parts[1] : "")
        }
    }
}

/// One number with its chart; the page asks for them again every two seconds.
struct DashboardFigure: Sendable, Codable, Equatable {
    var id: String
    var title: String
    var value: String
    var unit: String?
    var note: String
    var line: String
    var area: String
    var chartLabel: String

    /// Points of a chart: the last five minutes.
    static let points = 150
    /// Fewer stand at the right.
    private static let leastPoints = 30

    private init(
        _ id: String, _ value: String, _ unit: String? = nil, note: String, _ values: [Double],
        _ language: ConsoleLanguage
    ) {
        let chart = Sparkline(values, count: Self.leastPoints)
        (self.id, self.value, self.unit, self.note) = (id, value, unit, note)
        title = language["dashboard.\(id)"]
        (line, area) = (chart.line, chart.area)
        chartLabel = language(
            "dashboard.chart", ["name": title, "value": value + (unit.map { " " + $0 } ?? "")])
    }

    static func all(
        _ now: AdminStatus, _ history: [AdminMetricsHistory.Point], _ language: ConsoleLanguage
    ) -> [DashboardFigure] {
        let points = history.suffix(Self.points)
        let last = points.last
        let memory = ConsoleNumbers.bytes(now.residentBytes)
        let perSession = now.sessions > 0 ? ConsoleNumbers.bytes(now.residentBytes / now.sessions) : nil
        let latency = points.compactMap(\.latencyMedian)
        let high = points.last { $0.latencyHigh != nil }?.latencyHigh
        let processor = (last?.processor ?? 0) * 100
        return [
            DashboardFigure(
                "sessions", ConsoleNumbers.grouped(now.sessions),
                note: language("dashboard.sessions_note", ["count": ConsoleNumbers.grouped(now.resumableSessions)]),
                points.map { Double($0.sessions) }, language),
            DashboardFigure(
                "messages", ConsoleNumbers.short(last?.messagesPerSecond ?? 0), language["dashboard.per_second"],
                note: language("dashboard.messages_note", ["count": ConsoleNumbers.grouped(now.messagesRouted)]),
                points.map(\.messagesPerSecond), language),
            DashboardFigure(
                "deliveries", ConsoleNumbers.short(last?.deliveriesPerSecond ?? 0), language["dashboard.per_second"],
                note: language("dashboard.deliveries_note", ["count": ConsoleNumbers.grouped(now.storedMessages)]),
                points.map(\.deliveriesPerSecond), language),
            DashboardFigure(
                "latency", latency.last.map(ConsoleNumbers.short) ?? "–", language["dashboard.milliseconds"],
                note: high.map { language("dashboard.latency_note", ["value": ConsoleNumbers.short($0)]) }
                    ?? language["dashboard.latency_none"],
                latency, language),
            DashboardFigure(
                "memory", memory.value, memory.unit,
                note: perSession.map { language("dashboard.memory_note", ["count": "\($0.value) \($0.unit)"]) } ?? "",
                points.map { Double($0.residentBytes) }, language),
            DashboardFigure(
                "processor", ConsoleNumbers.short(processor), "%", note: language["dashboard.processor_note"],
                points.map(\.processor), language),
            DashboardFigure(
                "registrations", ConsoleNumbers.grouped(last?.sipRegistrations ?? 0),
                note: language["dashboard.registrations_note"], points.map { Double($0.sipRegistrations) }, language),
            DashboardFigure(
                "subscriptions", ConsoleNumbers.grouped(last?.sipSubscriptions ?? 0),
                note: language["dashboard.subscriptions_note"], points.map { Double($0.sipSubscriptions) }, language),
            DashboardFigure(
                "sip", ConsoleNumbers.short(last?.sipPerSecond ?? 0), language["dashboard.per_second"],
                note: language["dashboard.sip_note"], points.map(\.sipPerSecond), language),
        ]
    }
}
