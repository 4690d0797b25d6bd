enum ServiceOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "services.list", .get, "/services", "Feature services and their state.", roles: .everyone,
            result: AdminServiceList.self
        ) { call in AdminServiceList(items: try await call.part(call.admin.parts.services).services()) },
        AdminOperation(
            "services.control", .post, "/services/{name}/{action}", "Starts, stops or restarts a service.",
            parameters: [
                .path("name", "Name of the service, or one that it has in other products.", .string(1...128)),
                .path(
                    "action", "What to do.", .words(AdminServiceAction.allCases.map(\.rawValue))),
            ],
            roles: .administrators, result: AdminService.self
        ) { call in
            guard let action = AdminServiceAction(rawValue: try call.text("action")) else {
                throw AdminError(.invalid, "action is start, stop or restart")
            }
            return try await call.part(call.admin.parts.services).control(
                try call.text("name"), action, by: call.author)
        },
    ]
}

public struct AdminServiceList: Codable, Sendable, Equatable {
    public var items: [AdminService]
}
