enum UserOperations {
    private static let account = "Address of the account, user@domain."

    static let all: [AdminOperation] = [
        AdminOperation(
            "users.list", .get, "/users", "Accounts, in the order of domain and user name.",
            parameters: AdminOperation.Parameter.paging + [
                .query("query", "Part of the address or of the name, in any case."),
                .query("domain", "Only accounts of this domain."),
                .query("admin", "Only accounts that administer over XMPP, or only others.", .boolean),
            ],
            roles: .everyone, result: AdminPage<AdminUser>.self
        ) { call in
            try await call.backend.listUsers(
                AdminUserQuery(
                    text: call["query"], domain: call["domain"], isAdmin: call["admin"].map { $0 == "true" },
                    limit: call.limit(), cursor: call["cursor"]))
        },
        AdminOperation(
            "users.get", .get, "/users/{jid}", "One account with its sessions.", parameters: [.jid],
            roles: .everyone, isResource: true, result: AdminUserDetail.self
        ) { call in try await call.backend.showUser(try call.text("jid")) },
        AdminOperation(
            "users.create", .post, "/users", "Adds an account.", body: AdminUserRequest.self,
            roles: .administrators, status: 201, result: AdminUserDetail.self,
            location: { "/users/\($0.jid)" }
        ) { call, request in
            call.note.target = request.jid
            try await call.backend.addUser(request)
            return try await call.backend.showUser(request.jid)
        },
        AdminOperation(
            "users.update", .patch, "/users/{jid}", "Changes what is said of an account.", parameters: [.jid],
            body: AdminUserChange.self, roles: .administrators, result: AdminUserDetail.self
        ) { call, change in
            let jid = try call.text("jid")
            let old = try await call.backend.showUser(jid)
            try await call.backend.updateUser(jid, change)
            let changed = try await call.backend.showUser(jid)
            func told(_ user: AdminUserDetail) -> String { (user.name ?? "") + (user.isAdmin ? " (admin)" : "") }
            (call.note.before, call.note.after) = (told(old), told(changed))
            return changed
        },
        AdminOperation(
            "users.delete", .delete, "/users/{jid}",
            "Removes an account with everything it owns, and ends its sessions.", parameters: [.jid],
            roles: .administrators, result: AdminDone.self
        ) { call in
            try await call.backend.removeUser(try call.text("jid"))
            return AdminDone()
        },
        AdminOperation(
            "users.password", .put, "/users/{jid}/password", "Sets a new password; tokens of clients become void.",
            parameters: [.jid], body: AdminPassword.self, roles: .helpers, result: AdminDone.self
        ) { call, request in
            let jid = try call.text("jid")
            if call.principal.role == .helpDesk, try await call.backend.showUser(jid).isAdmin {
                throw AdminError(.forbidden, "\(jid) administers the server: only an administrator sets its password")
            }
            try await call.backend.setPassword(request.password, of: jid)
            return AdminDone()
        },
        AdminOperation(
            "users.import", .post, "/users/import", "Adds many accounts; rows that fail do not stop the others.",
            body: AdminUserBatch.self, roles: .administrators, bodyBytes: AdminLimits.importBytes,
            result: AdminUserBatchReport.self
        ) { call, batch in
            let failures = try await call.backend.addUsers(batch.users)
            let added = batch.users.count - Set(failures.map(\.index)).count
            call.note.summary = "\(added) added, \(failures.count) failed"
            return AdminUserBatchReport(added: added, failures: failures)
        },
    ]
}

extension AdminUserRequest: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "jid": FieldNote("Address of the account, user@domain.", range: 1...3_071),
            "password": FieldNote("Password of the account.", range: 1...1_023, format: "password"),
            "name": FieldNote("Name for people.", range: 0...1_023),
            "isAdmin": FieldNote("Whether the account may administer the server over XMPP."),
        ]
    }
}

extension AdminUserChange: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "name": FieldNote("Name for people; empty for none.", range: 0...1_023),
            "isAdmin": FieldNote("Whether the account may administer the server over XMPP."),
        ]
    }
}

extension AdminPassword: FieldDescribed {
    public static var fields: [String: FieldNote] {
        ["password": FieldNote("The new password.", range: 1...1_023, format: "password")]
    }
}

extension AdminUserBatch: FieldDescribed {
    public static var fields: [String: FieldNote] {
        ["users": FieldNote("The accounts.", range: 1...10_000)]
    }
}
