/// What administrators did and tried to do.
enum AuditPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/audit") { request in
            let language = request.language
            let query = request.query.text("q")
            let found: AdminPage<AuditEntry> = try await request.perform(
                "audit.list", ["query": query, "limit": "\(ConsolePager.size)", "cursor": request.query["cursor"]])
            let model = AuditModel(
                query: query, rows: found.items.map { AuditModel.Row($0, language) }, hasRows: !found.items.isEmpty,
                pager: ConsolePager(found, path: ConsoleSection.audit.path, filter: ["q": query], request))
            return .page(request.page(.audit, model: model))
        }
    }
}

private struct AuditModel: Sendable {
    struct Row: Sendable {
        var at: String
        var who: String
        var from: String?
        var what: String
        var detail: String?
        var kind: String
        var result: String

        init(_ entry: AuditEntry, _ language: ConsoleLanguage) {
            at = entry.at
            who = entry.who
            from = entry.address.isEmpty ? nil : entry.address
            what = entry.target.isEmpty ? entry.operation : entry.operation + " · " + entry.target
            let change =
                entry.before == nil && entry.after == nil
                ? nil : (entry.before ?? "–") + " → " + (entry.after ?? "–")
            let told = [entry.summary, change].compactMap { $0 }.joined(separator: " · ")
            detail = told.isEmpty ? nil : told
            kind = entry.outcome == .done ? "good" : "warn"
            result = language["audit.\(entry.outcome.rawValue)"]
        }
    }

    var query: String
    var rows: [Row]
    var hasRows: Bool
    var pager: ConsolePager
}
