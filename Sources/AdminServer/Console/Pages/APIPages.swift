/// What programs can do: the operations that the console itself uses.
enum APIPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/api") { request in
            let topics = Dictionary(grouping: request.admin.operations, by: \.topic)
            let host = request.request.head.authority ?? "localhost"
            let model = APIModel(
                curl: """
                    curl --header "Authorization: Bearer $TOKEN" \\
                      "https://\(host)\(AdminRouting.apiPrefix)/users?limit=10"
                    """,
                openapi: AdminRouting.apiPrefix + "/openapi.json",
                groups: topics.sorted { $0.key < $1.key }.map { topic, operations in
                    .init(
                        id: topic, title: topic,
                        operations: operations.map { APIModel.Operation($0, request.language) })
                })
            return .page(request.page(.api, template: "api_page", model: model))
        }
    }
}

private struct APIModel: Sendable {
    struct Group: Sendable {
        var id: String
        var title: String
        var operations: [Operation]
    }

    struct Operation: Sendable {
        var name: String
        var summary: String
        var method: String
        var path: String
        var role: String
        var isChange: Bool

        init(_ operation: AdminOperation, _ language: ConsoleLanguage) {
            name = operation.name
            summary = operation.summary
            method = operation.method.rawValue
            path = AdminRouting.apiPrefix + operation.path
            let roles = AdminRole.allCases.filter { operation.roles.contains($0) }
            role =
                roles.count == AdminRole.allCases.count
                ? language["api.everyone"]
                : roles.map { language["role.\($0.rawValue)"] }.joined(separator: ", ")
            isChange = operation.changes
        }
    }

    var curl: String
    var openapi: String
    var groups: [Group]
}
