import Ground

/// Puts contacts without presence into the lists of users: cards, with a vCard each.
struct PlainContactImportJob: JobKind {
    let name = "contacts.import-plain"

    func run(_ run: JobRun) async throws {
        let parameters = try run.parameters(as: ContactJobParameters.self)
        await run.begin(total: run.inputBytes, unit: "bytes")
        var hasHeader = false
        var user = ""
        var unit: [(line: Int, contact: AdminPlainContact)] = []
        try await run.eachRow { rows, bytes in
            for row in rows {
                guard hasHeader else {
                    _ = try ContactFile.check(row, is: ContactFile.plainContacts)
                    hasHeader = true
                    continue
                }
                await run.count("rows")
                do {
                    let (owner, contact) = try read(row)
                    if owner != user || unit.count >= ContactUnit.rows {
                        try await take(unit, user, parameters, run)
                        (user, unit) = (owner, [])
                    }
                    unit.append((row.line, contact))
                } catch let fault as ContactRow.Fault {
                    await run.count("refused")
                    await run.problem(line: fault.line, subject: fault.subject, reason: fault.reason)
                }
            }
            try await run.reached(bytes)
        }
        guard hasHeader else { throw AdminError(.invalid, "the file is empty: it has no header") }
        try await take(unit, user, parameters, run)
    }

    func read(_ row: CSVParser.Row) throws(ContactRow.Fault) -> (String, AdminPlainContact) {
        let fields = try ContactRow.fields(row, ContactFile.plainContacts.count)
        let contact = AdminPlainContact(
            contact: fields[1], group: fields[2], contentType: fields[3], version: fields[4], content: fields[5])
        let length = ContactRow.idLength + ContactRow.domainLength + 1
        var reason: String?
        if fields[0].isEmpty { reason = "User JID is empty" }
        if contact.contact.isEmpty { reason = "Contact JID is empty" }
        if contact.contact.count > length { reason = "Contact JID is longer than \(length) characters" }
        if contact.group.isEmpty { reason = "Group Name is empty" }
        reason = reason ?? ContactRow.fault(ofName: contact.group, "Group Name")
        reason = reason ?? ContactRow.fault(ofName: contact.contentType, "Content Type")
        reason = reason ?? ContactRow.fault(ofName: contact.version, "Version")
        if let reason { throw ContactRow.Fault(line: row.line, subject: fields[0], reason: reason) }
        return (fields[0], contact)
    }

    private func take(
        _ unit: [(line: Int, contact: AdminPlainContact)], _ user: String, _ parameters: ContactJobParameters,
        _ run: JobRun
    ) async throws {
        guard !unit.isEmpty else { return }
        do {
            guard let jid = run.backend.prepared(user: user, domain: "") else {
                throw AdminError(.invalid, "\(user) is not an address")
            }
            let fates = try await run.backend.importPlainContacts(
                unit.map(\.contact), of: jid, isDryRun: parameters.isDryRun)
            await run.count("users")
            for (fate, row) in zip(fates, unit) {
                await run.count(fate.outcome.rawValue)
                if let reason = fate.reason {
                    await run.problem(line: row.line, subject: user, reason: "\(row.contact.contact): \(reason)")
                }
            }
        } catch let error as AdminError where error.condition == .notFound || error.condition == .invalid {
            for row in unit {
                await run.count("refused")
                await run.problem(line: row.line, subject: user, reason: error.text)
            }
        }
    }
}

/// Writes the contacts without presence of all users.
struct PlainContactExportJob: JobKind {
    let name = "contacts.export-plain"

    func run(_ run: JobRun) async throws {
        let parameters = try run.parameters(as: ContactJobParameters.self)
        try await run.writeLists(
            under: ContactFile.plainContacts, domain: parameters.domain,
            lists: { after, limit in
                try await run.backend.exportPlainContacts(after: after, domain: parameters.domain, limit: limit)
                    .map { ($0.user, $0.contacts) }
            },
            text: { user, contact in
                CSVWriter.row([
                    user, contact.contact, contact.group, contact.contentType, contact.version, contact.content,
                ])
            })
    }
}
