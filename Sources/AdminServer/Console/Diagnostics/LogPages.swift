/// The newest lines of the server's log.
enum LogPages {
    static let lines = 300
    private static let levels = ["trace", "debug", "info", "notice", "warning", "error"]

    static func add(to routes: ConsoleRoutes) {
        routes.get("/diagnostics/logs") { request in
            let query = request.query.text("q")
            let wanted = request.query.text("level")
            let level = levels.contains(wanted) ? wanted : "info"
            let found: AdminLogPage = try await request.perform(
                "logs.list", ["query": query, "level": level, "limit": "\(lines)"])
            let model = LogsModel(
                query: query, levels: levels.map { .init(value: $0, title: $0, isChosen: $0 == level) },
                rows: found.items.map(LogsModel.Row.init), hasRows: !found.items.isEmpty,
                mayTrace: request.may("traces.begin"))
            return .page(request.page(.logs, model: model))
        }
    }
}

private struct LogsModel: Sendable {
    struct Row: Sendable {
        var at: String
        var level: String
        var text: String

        init(_ line: AdminLogLine) {
            (at, level) = (line.at, line.level)
            let fields = line.fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            text = "[\(line.source)] \(line.message)\(fields)"
        }
    }

    var query: String
    var levels: [FormModel.Option]
    var rows: [Row]
    var hasRows: Bool
    var mayTrace: Bool
}
