import Ground

enum AuditOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "audit.list", .get, "/audit", "What administrators did and tried to do, the newest first.",
            parameters: AdminOperation.Parameter.paging + [
                .query("query", "Part of the target, of the name of who did it, or of the summary."),
                .query("operation", "Name of the operation, or its beginning."),
                .query("who", "Name of who did it."),
                .query("outcome", "Only these.", .words(AuditEntry.Outcome.allCases.map(\.rawValue))),
                .query("since", "Not older than this instant, ISO 8601."),
            ],
            roles: .readers, result: AdminPage<AuditEntry>.self
        ) { call in
            let limit = call.limit()
            var query = AuditStore.Query(
                text: call["query"], operation: call["operation"], who: call["who"], outcome: call["outcome"],
                limit: limit)
            if let since = call["since"] {
                guard let instant = Timestamp.parse(since) else {
                    throw AdminError(.badRequest, "since is not an instant such as 2026-01-31T12:00:00Z")
                }
                query.since = instant.floor
            }
            if let cursor = call["cursor"] {
                guard let id = Int64(cursor) else {
                    throw AdminError(.badRequest, "the cursor is not one of this list")
                }
                query.before = id
            }
            let found = try await call.admin.database.read { [query] in try AuditStore.entries(query, in: $0) }
            let page = Array(found.prefix(limit))
            return AdminPage(items: page, next: found.count > limit ? page.last.map { "\($0.id)" } : nil)
        }
    ]
}

extension AuditEntry: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "at": FieldNote("When.", format: "date-time"),
            "who": FieldNote("Name of the administrator, token:NAME, local:UID, or what was tried as a name."),
            "role": FieldNote("Role of who did it; empty when nobody signed in."),
            "address": FieldNote("IP address of who did it, or local for the Unix socket."),
            "operation": FieldNote("Name of the operation."),
            "target": FieldNote("What it was done to."),
            "before": FieldNote("The value before."),
            "after": FieldNote("The value after."),
            "summary": FieldNote("What was done, or why not."),
        ]
    }
}
