import Ground

/// What contact jobs are asked for.
struct ContactJobParameters: Codable, Sendable, Equatable {
    var isDryRun = false
    var subscribes = false
    var domain: String?
    /// What exported contacts without a group get.
    var group: String?
}

/// Puts the rows of a contact list into the lists of users.
///
/// Rows of one user that stand together are one unit: what is in order and fits goes in with one commit. Bad rows are
/// reported and the others go on.
struct ContactImportJob: JobKind {
    let name = "contacts.import"
    /// Units at a time: they share commits. Fewer when contacts are asked for their presence, since each of them is
    /// read.
    static let together = 16
    static let togetherAsking = 4

    func run(_ run: JobRun) async throws {
        let parameters = try run.parameters(as: ContactJobParameters.self)
        await run.begin(total: run.inputBytes, unit: "bytes")
        var columns: Int?
        var unit: ContactUnit?
        var waiting: [ContactUnit] = []
        let together = parameters.subscribes ? Self.togetherAsking : Self.together
        try await run.eachRow { rows, bytes in
            for row in rows {
                guard let count = columns else {
                    columns = try ContactFile.check(row, is: ContactFile.contacts, optional: 1)
                    continue
                }
                await run.count("rows")
                do {
                    let contact = try ContactRow(row, columns: count)
                    if unit?.takes(contact) ?? false {
                        unit?.rows.append(contact)
                        continue
                    }
                    if let unit { waiting.append(unit) }
                    unit = ContactUnit(userID: contact.userID, userDomain: contact.userDomain, rows: [contact])
                } catch let fault as ContactRow.Fault {
                    await run.count("refused")
                    await run.problem(line: fault.line, subject: fault.subject, reason: fault.reason)
                }
                if waiting.count >= together {
                    try await take(waiting, parameters, run)
                    waiting = []
                    try await run.reached(bytes)
                }
            }
            try await run.reached(bytes)
        }
        guard columns != nil else { throw AdminError(.invalid, "the file is empty: it has no header") }
        try await take(waiting + (unit.map { [$0] } ?? []), parameters, run)
    }

    private func take(_ units: [ContactUnit], _ parameters: ContactJobParameters, _ run: JobRun) async throws {
        try Task.checkCancellation()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for unit in units { group.addTask { try await take(unit, parameters, run) } }
            try await group.waitForAll()
        }
    }

    private func take(_ unit: ContactUnit, _ parameters: ContactJobParameters, _ run: JobRun) async throws {
        let backend = run.backend
        guard let user = backend.prepared(user: unit.userID, domain: unit.userDomain) else {
            return await refuse(unit.rows, "\(unit.userID) is not a user ID", run)
        }
        // One contact may stand in several rows, one for each group.
        var contacts: [AdminContactImport.Contact] = []
        var rows: [[ContactRow]] = []
        var places: [String: Int] = [:]
        for row in unit.rows {
            guard let jid = backend.prepared(user: row.contactID, domain: row.contactDomain) else {
                await refuse([row], "\(row.contactID) is not a contact ID", run)
                continue
            }
            let groups = row.group.isEmpty ? [] : [row.group]
            guard let place = places[jid] else {
                places[jid] = contacts.count
                contacts.append(.init(jid: jid, name: row.nickname, groups: groups, state: row.state))
                rows.append([row])
                continue
            }
            rows[place].append(row)
            if !row.nickname.isEmpty { contacts[place].name = row.nickname }
            if let group = groups.first, !contacts[place].groups.contains(group) {
                contacts[place].groups.append(group)
            }
            contacts[place].state = row.state ?? contacts[place].state
        }
        guard !contacts.isEmpty else { return }
        do {
            let fates = try await backend.importContacts(
                AdminContactImport(
                    user: user, contacts: contacts, subscribes: parameters.subscribes,
                    isDryRun: parameters.isDryRun))
            await run.count("users")
            for (fate, rows) in zip(fates, rows) {
                await run.count(fate.outcome.rawValue)
                guard let reason = fate.reason else { continue }
                await run.problem(
                    line: rows.first?.line, subject: user, reason: "\(rows.first?.contactID ?? ""): \(reason)")
            }
        } catch let error as AdminError where error.condition == .notFound || error.condition == .invalid {
            await refuse(rows.flatMap { $0 }, error.text, run)
        }
    }

    private func refuse(_ rows: [ContactRow], _ reason: String, _ run: JobRun) async {
        for row in rows {
            await run.count("refused")
            await run.problem(line: row.line, subject: row.userID, reason: reason)
        }
    }
}

/// Writes the contact lists of all users, one row for each contact and group.
struct ContactExportJob: JobKind {
    let name = "contacts.export"

    func run(_ run: JobRun) async throws {
        let parameters = try run.parameters(as: ContactJobParameters.self)
        try await run.writeLists(
            under: ContactFile.contacts, domain: parameters.domain,
            lists: { after, limit in
                try await run.backend.exportContacts(after: after, domain: parameters.domain, limit: limit)
                    .map { ($0.user, $0.contacts) }
            },
            text: { rows($0, $1, parameters.group ?? "") })
    }

    private func rows(_ user: String, _ contact: AdminContactImport.Contact, _ group: String) -> String {
        let (userID, userDomain) = Self.split(user)
        let (contactID, contactDomain) = Self.split(contact.jid)
        return (contact.groups.isEmpty ? [group] : contact.groups).map { group in
            CSVWriter.row([
                userID, userDomain, contactID, contactDomain, contact.name, group, contact.state ?? "0",
            ])
        }.joined()
    }

    /// A contact that is a server has no ID of its own.
    static func split(_ jid: String) -> (id: String, domain: String) {
        guard let at = jid.firstIndex(of: "@") else { return ("", jid) }
        return (String(jid[..<at]), String(jid[jid.index(after: at)...]))
    }
}

extension JobRun {
    /// Writes a header and the contacts of all users, fifty users at a time.
    func writeLists<Contact: Sendable>(
        under header: [String], domain: String?,
        lists: (_ after: String?, _ limit: Int) async throws -> [(user: String, contacts: [Contact])],
        text: (_ user: String, _ contact: Contact) -> String
    ) async throws {
        let total = try await backend.listUsers(AdminUserQuery(domain: domain, limit: 1)).total
        begin(total: total, unit: "users")
        try write(CSVWriter.row(header))
        var (after, done) = (String?.none, 0)
        while true {
            let page = try await lists(after, 50)
            for (user, contacts) in page {
                let text = contacts.map { text(user, $0) }.joined()
                if !text.isEmpty { try write(text) }
                count("contacts", contacts.count)
            }
            done += page.count
            count("users", page.count)
            try await reached(done)
            guard let last = page.last else { return }
            after = last.user
        }
    }
}

/// Gives contacts other addresses, in the lists of everybody.
struct ContactRenameJob: JobKind {
    let name = "contacts.rename"
    static let renames = 100_000
    static let usersAtOnce = 200

    func run(_ run: JobRun) async throws {
        let parameters = try run.parameters(as: ContactJobParameters.self)
        let renames = try await read(run)
        let total = try await run.backend.listUsers(AdminUserQuery(limit: 1)).total
        await run.begin(total: total, unit: "users")
        guard !renames.isEmpty else { return }
        var (after, done) = (String?.none, 0)
        while true {
            let page = try await run.backend.usersWithContacts(
                Set(renames.keys), after: after, limit: Self.usersAtOnce)
            for (user, contacts) in page.owners {
                try Task.checkCancellation()
                for old in contacts {
                    guard let (new, line) = renames[old] else { continue }
                    if parameters.isDryRun {
                        await run.count("renamed")
                    } else if let reason = try await run.backend.renameContact(old, to: new, of: user) {
                        await run.count("refused")
                        await run.problem(line: line, subject: user, reason: "\(old): \(reason)")
                    } else {
                        await run.count("renamed")
                    }
                }
            }
            done += page.count
            try await run.reached(done)
            guard let last = page.last else { return }
            after = last
        }
    }

    /// New address and line, by old address.
    private func read(_ run: JobRun) async throws -> [String: (String, Int)] {
        var renames: [String: (String, Int)] = [:]
        var hasHeader = false
        try await run.eachRow { rows, _ in
            for row in rows {
                guard hasHeader else {
                    _ = try ContactFile.check(row, is: ContactFile.renames)
                    hasHeader = true
                    continue
                }
                await run.count("rows")
                var reason: String?
                var subject = ""
                do {
                    let fields = try ContactRow.fields(row, 2)
                    subject = fields[0]
                    let old = run.backend.prepared(user: fields[0], domain: "")
                    let new = run.backend.prepared(user: fields[1], domain: "")
                    if old == nil { reason = "Contact ID \(fields[0]) is not an address" }
                    if new == nil { reason = "New Contact ID \(fields[1]) is not an address" }
                    if old != nil, old == new { reason = "both addresses are the same" }
                    if let old, let known = renames[old], known.0 != new {
                        reason = "the contact has another new address in line \(known.1)"
                    }
                    if reason == nil, let old, let new { renames[old] = (new, row.line) }
                    guard renames.count <= Self.renames else {
                        throw AdminError(.tooLarge, "more than \(Self.renames) contacts in one file")
                    }
                } catch let fault as ContactRow.Fault {
                    (subject, reason) = (fault.subject, fault.reason)
                }
                if let reason {
                    await run.count("refused")
                    await run.problem(line: row.line, subject: subject, reason: reason)
                }
            }
        }
        guard hasHeader else { throw AdminError(.invalid, "the file is empty: it has no header") }
        return renames
    }
}
