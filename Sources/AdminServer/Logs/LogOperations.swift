enum LogOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "logs.list", .get, "/logs", "The last lines of the server's log, the newest first.",
            parameters: [
                .query(
                    "level", "Least level.", .words(["trace", "debug", "info", "notice", "warning", "error"])),
                .query("query", "Part of the line, in any case."),
                .query("after", "Only lines after this number.", .integer(0...Int(Int32.max))),
                .query("limit", "Lines at most.", .integer(1...1_000)),
            ],
            roles: .readers, result: AdminLogPage.self
        ) { call in
            AdminLogPage(
                items: try await call.part(call.admin.parts.logs).logs(
                    .init(
                        level: call["level"], text: call["query"], after: call.integer("after"),
                        limit: call.limit(default: 200))))
        }
    ]
}

public struct AdminLogPage: Codable, Sendable, Equatable {
    public var items: [AdminLogLine]
}
