/// Clients that are signed in.
enum SessionPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/diagnostics/sessions", list)
        routes.post("/diagnostics/sessions/end") { request, form in
            let ended: AdminCount = try await request.perform("sessions.end", ["jid": form.text("jid")])
            request.tell(
                .init(
                    ended.count > 0 ? .good : .warn,
                    request.language("sessions.ended", ["count": "\(ended.count)"])))
            return .redirect(SignInPages.returnPath(form["return"]))
        }
    }

    @Sendable private static func list(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let language = request.language
        let query = request.query.text("q")
        let found: AdminPage<AdminSession> = try await request.perform(
            "sessions.list", ["query": query, "limit": "\(ConsolePager.size)", "cursor": request.query["cursor"]])
        let path = ConsoleSection.sessions.path
        let model = SessionsModel(
            query: query, sessions: found.items.map { SessionRow($0, language) }, hasRows: !found.items.isEmpty,
            mayEnd: request.may("sessions.end"),
            pager: ConsolePager(found, path: path, filter: ["q": query], request),
            emptyTitle: query.isEmpty ? language["sessions.none"] : language("sessions.none_found", ["query": query]),
            emptyText: query.isEmpty ? language["sessions.none_help"] : "")
        return .page(request.page(.sessions, model: model))
    }
}

private struct SessionsModel: Sendable {
    var query: String
    var sessions: [SessionRow]
    var hasRows: Bool
    var mayEnd: Bool
    var pager: ConsolePager
    var emptyTitle: String
    var emptyText: String
}

/// One line of a table of sessions.
struct SessionRow: Sendable {
    var jid: String
    var client: String?
    var presence: String
    var presenceText: String
    var priorityText: String
    var address: String
    var security: String
    var since: String
    var isResumable: Bool
    var endLabel: String

    init(_ session: AdminSession, _ language: ConsoleLanguage) {
        jid = session.jid
        client = session.client.isEmpty ? nil : session.client
        presence = session.presence
        presenceText = language.optional("presence.\(session.presence)") ?? session.presence
        priorityText = language("sessions.priority", ["value": "\(session.priority)"])
        address = session.address
        security = [session.tls, session.mechanism].filter { !$0.isEmpty }.joined(separator: " · ")
        since = session.since
        isResumable = session.state == "resumable"
        endLabel = language("sessions.end_named", ["name": session.jid])
    }
}
