enum SIPOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "sip.registrations", .get, "/sip/registrations", "Contacts that SIP clients have registered.",
            parameters: AdminOperation.Parameter.paging + [
                .query("user", "Only those of this account, user@domain."),
                .query("query", "Part of the user, the contact, the network address or the client, in any case."),
            ],
            roles: .everyone, result: AdminPage<AdminSIPRegistration>.self
        ) { call in
            page(try await call.part(call.admin.parts.sip).sipRegistrations(query(call)), call)
        },
        AdminOperation(
            "sip.unregister", .delete, "/sip/registrations/{user}",
            "Ends one registered contact of an account, or all of them.",
            details: "The client finds out when it refreshes, and may register again.",
            parameters: [
                .path("user", "The account, user@domain."),
                .query("contact", "The contact as the list shows it; left out: all.", .string(1...2_047)),
            ],
            roles: .helpers, status: 200, result: AdminCount.self
        ) { call in
            let (user, contact) = (try call.text("user"), call["contact"])
            let count = try await call.part(call.admin.parts.sip).endSIPRegistrations(of: user, contact: contact)
            guard count > 0 else {
                throw AdminError(.notFound, "there is no such contact of \(user)")
            }
            call.note.summary = "\(count) ended"
            return AdminCount(count: count)
        },
        AdminOperation(
            "sip.subscriptions", .get, "/sip/subscriptions", "Subscriptions of SIP watchers, and those of the server.",
            parameters: AdminOperation.Parameter.paging + [
                .query("watcher", "Only those of this watcher, user@domain."),
                .query("presentity", "Only those to this account, user@domain."),
                .query("package", "Only those of this event package, such as presence."),
                .query("state", "Only those in this state: active, pending, waiting or terminated."),
            ],
            roles: .everyone, result: AdminPage<AdminSIPSubscription>.self
        ) { call in
            page(
                try await call.part(call.admin.parts.sip).sipSubscriptions(
                    AdminSIPSubscriptionQuery(
                        watcher: call.filled("watcher"), presentity: call.filled("presentity"),
                        package: call.filled("package"), state: call.filled("state"), after: call["cursor"],
                        limit: call.limit())), call)
        },
        AdminOperation(
            "sip.publications", .get, "/sip/publications",
            "Presence of accounts that is published over SIP, and the state of their lines.",
            parameters: AdminOperation.Parameter.paging + [
                .query("user", "Only that of this account, user@domain."),
                .query("query", "Part of the user, the source or the note, in any case."),
            ],
            roles: .everyone, result: AdminPage<AdminSIPPublication>.self
        ) { call in
            page(try await call.part(call.admin.parts.sip).sipPublications(query(call)), call)
        },
        AdminOperation(
            "sip.trunks", .get, "/sip/trunks", "SIP trunks, whether they answer, and what passed them.",
            roles: .everyone, result: AdminSIPTrunkList.self
        ) { call in AdminSIPTrunkList(items: try await call.part(call.admin.parts.sip).sipTrunks()) },
        AdminOperation(
            "sip.resolve", .get, "/sip/resolve", "Where a request to a SIP URI would go now, and why.",
            details: "Asked of the code that routes requests; nothing but questions to name servers is sent.",
            parameters: [
                .query("uri", "sip:user@domain, or an address without scheme.", .string(1...2_047), isRequired: true),
                .query("from", "Whose request it is, user@domain; left out: one from inside.", .string(0...2_047)),
            ],
            roles: .everyone, result: AdminSIPResolution.self
        ) { call in
            try await call.part(call.admin.parts.sip).resolveSIP(try call.text("uri"), from: call.filled("from"))
        },
        AdminOperation(
            "sip.credentials", .get, "/sip/credentials",
            "Accounts whose password cannot be used by SIP clients until it is set again.",
            parameters: AdminOperation.Parameter.paging, roles: .everyone, result: AdminPage<AdminSIPUser>.self
        ) { call in
            page(
                try await call.part(call.admin.parts.sip).usersWithoutSIPCredentials(
                    after: call["cursor"], limit: call.limit()), call)
        },
    ]

    private static func query(_ call: OperationCall) -> AdminSIPQuery {
        AdminSIPQuery(
            user: call.filled("user"), text: call.filled("query"), after: call["cursor"], limit: call.limit())
    }

    private static func page<Item>(_ list: AdminSIPList<Item>, _ call: OperationCall) -> AdminPage<Item> {
        let shown = list.items.prefix(call.limit())
        return AdminPage(
            items: shown.map(\.item), next: shown.count < list.items.count ? shown.last?.key : nil, total: list.total)
    }
}

extension OperationCall {
    /// A parameter that says something.
    fileprivate func filled(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

public struct AdminSIPTrunkList: Codable, Sendable, Equatable {
    public var items: [AdminSIPTrunk]
}
