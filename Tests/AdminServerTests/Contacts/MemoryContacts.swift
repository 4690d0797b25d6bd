import AdminServer

/// Lets work through when the test wants it.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var arrivals: [CheckedContinuation<Void, Never>] = []
    private var hasArrived = false

    func pass() async {
        hasArrived = true
        for arrival in arrivals { arrival.resume() }
        arrivals = []
        guard !isOpen else { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Until somebody stands at the gate.
    func arrived() async {
        guard !hasArrived else { return }
        await withCheckedContinuation { arrivals.append($0) }
    }

    func open() {
        isOpen = true
        for one in waiting { one.resume() }
        waiting = []
    }
}

extension MemoryBackend {
    func close(_ gate: Gate) { self.gate = gate }

    /// Lists of three contacts at most.
    func importContacts(_ request: AdminContactImport) async throws -> [AdminContactFate] {
        if let gate { await gate.pass() }
        guard request.user.hasSuffix("@example.com"), !request.user.hasPrefix("nobody") else {
            throw AdminError(.notFound, "there is no account \(request.user)")
        }
        var list = lists[request.user] ?? []
        let fates = request.contacts.map { contact -> AdminContactFate in
            if let place = list.firstIndex(where: { $0.jid == contact.jid }) {
                guard list[place] != contact else { return AdminContactFate(.unchanged) }
                list[place] = contact
                return AdminContactFate(.changed)
            }
            guard list.count < 3 else { return AdminContactFate(.refused, reason: "the list is full") }
            list.append(contact)
            return AdminContactFate(.added)
        }
        if !request.isDryRun { lists[request.user] = list }
        return fates
    }

    func roster(of user: String) -> [AdminRosterItem] {
        (lists[user] ?? []).map {
            AdminRosterItem(
                jid: $0.jid, name: $0.name, groups: $0.groups, subscription: "both", isAsked: false, isWaiting: false)
        }
    }

    func exportContacts(after: String?, domain: String?, limit: Int) -> [AdminContactList] {
        lists.keys.sorted().filter { $0 > after ?? "" }.prefix(limit).map {
            AdminContactList(user: $0, contacts: lists[$0] ?? [])
        }
    }

    func usersWithContacts(_ contacts: Set<String>, after: String?, limit: Int) -> AdminContactOwners {
        let users = lists.keys.sorted().filter { $0 > after ?? "" }.prefix(limit)
        return AdminContactOwners(
            owners: users.compactMap { user in
                let found = (lists[user] ?? []).map(\.jid).filter(contacts.contains)
                return found.isEmpty ? nil : (user, found)
            }, last: users.last, count: users.count)
    }

    func renameContact(_ old: String, to new: String, of user: String) -> String? {
        guard let place = lists[user]?.firstIndex(where: { $0.jid == old }) else { return "not there" }
        lists[user]?[place].jid = new
        return nil
    }

    func importPlainContacts(
        _ contacts: [AdminPlainContact], of user: String, isDryRun: Bool
    ) -> [AdminContactFate] {
        if !isDryRun { plainLists[user, default: []] += contacts }
        return contacts.map { _ in AdminContactFate(.added) }
    }

    func exportPlainContacts(after: String?, domain: String?, limit: Int) -> [AdminPlainContactList] {
        plainLists.keys.sorted().filter { $0 > after ?? "" }.prefix(limit).map {
            AdminPlainContactList(user: $0, contacts: plainLists[$0] ?? [])
        }
    }

    nonisolated func prepared(user: String, domain: String) -> String? {
        guard !user.contains(" ") else { return nil }
        if user.contains("@") { return user.lowercased() }
        return "\(user)@\(domain.isEmpty ? "example.com" : domain)".lowercased()
    }

    func validateUsers(_ check: AdminUserValidation.Check, limit: Int) -> AdminUserValidation {
        AdminUserValidation(sections: [
            .init(name: "duplicate-user-ids", title: "Users with duplicate user IDs", count: 0, findings: [])
        ])
    }
}
