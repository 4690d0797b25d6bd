enum SessionOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "sessions.list", .get, "/sessions", "Sessions of clients, in the order of their addresses.",
            parameters: AdminOperation.Parameter.paging + [
                .query("jid", "Only sessions of this account, or the one session of a full address."),
                .query(
                    "query", "Part of the address, the network address or the client, in any case."),
            ],
            roles: .everyone, result: AdminPage<AdminSession>.self
        ) { call in
            var all = try await call.backend.listSessions(of: call["jid"])
            if let text = call["query"]?.lowercased(), !text.isEmpty {
                all = all.filter { session in
                    [session.jid, session.address, session.client].contains { $0.lowercased().contains(text) }
                }
            }
            let cursor = call["cursor"]
            let rest = cursor.map { cursor in all.filter { $0.jid > cursor } } ?? all
            let page = Array(rest.prefix(call.limit()))
            return AdminPage(
                items: page, next: page.count < rest.count ? page.last?.jid : nil, total: all.count)
        },
        AdminOperation(
            "sessions.end", .delete, "/sessions/{jid}",
            "Ends the session of a full address, or every session of a bare one.",
            parameters: [.path("jid", "user@domain/resource or user@domain; a slash is written %2F.")],
            roles: .helpers, status: 200, result: AdminCount.self
        ) { call in
            let count = try await call.backend.endSessions(try call.text("jid"))
            call.note.summary = "\(count) ended"
            return AdminCount(count: count)
        },
    ]
}
