import AdminServer
import Foundation
import Ground
import IMCore
import NIOCore
import Storage
import XMPPServer
import XMPPWire

// Contact lists for administrators.

extension AdminBackendLive {
    /// Homes without clients that stay in memory while a job goes through everybody's.
    private static let homes = 1_000

    func prepared(user: String, domain: String) -> String? {
        // The vendor's files have `user@domain` as an ID too, escaped (XEP-0106) or not.
        if domain.isEmpty, user.contains("@") { return (try? JID(parsing: user))?.bare.description }
        let domain = domain.isEmpty ? config.domains.first?.name ?? "" : domain
        guard !user.isEmpty else { return (try? JIDPreparation.domainpart(domain)) }
        let local = user.contains("@") ? Self.escaped(user) : user
        return (try? JID(local: local, domain: domain, resource: nil))?.description
    }

    /// XEP-0106 §4, for an ID that has an `@` in it.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { out, character in out += character == "@" ? "\\40" : String(character) }
    }

    func importContacts(_ request: AdminContactImport) async throws -> [AdminContactFate] {
        let user = try prepared(request.user)
        let wishes = try request.contacts.map { contact in
            guard let jid = try? JID(parsing: contact.jid), jid.isBare else {
                throw AdminError(.invalid, "\(contact.jid) is not an address")
            }
            return Router.ContactWish(
                contact: jid, name: contact.name, groups: contact.groups, state: contact.state)
        }
        return try await withHome(user) { router, home, done in
            if request.isDryRun { return done(.success(Self.told(router.previewContacts(wishes, home)))) }
            router.importContacts(wishes, home) { fates in
                guard request.subscribes else {
                    router.homes.shed(keeping: Self.homes)
                    return done(.success(Self.told(fates)))
                }
                let asked = zip(wishes, fates).filter { _, fate in
                    if case .refused = fate { return false }
                    return true
                }.map(\.0.contact)
                router.askContacts(asked, home) { refused in
                    var told = Self.told(fates)
                    let reasons = Dictionary(refused.map { ($0.contact, $0.error) }, uniquingKeysWith: { $1 })
                    for (index, wish) in wishes.enumerated() {
                        guard told[index].reason == nil, let error = reasons[wish.contact] else { continue }
                        told[index].reason = "in the list, without presence: \(Self.text(error))"
                    }
                    router.homes.shed(keeping: Self.homes)
                    done(.success(told))
                }
            }
        }
    }

    private static func told(_ fates: [Router.ContactFate]) -> [AdminContactFate] {
        fates.map { fate in
            switch fate {
            case .added: AdminContactFate(.added)
            case .changed: AdminContactFate(.changed)
            case .unchanged: AdminContactFate(.unchanged)
            case .refused(let error): AdminContactFate(.refused, reason: text(error))
            }
        }
    }

    private static func text(_ error: StanzaError) -> String { error.text ?? error.condition.rawValue }

    /// Runs `body` on the loop with the home of an account.
    private func withHome<Value: Sendable>(
        _ user: JID,
        _ body: @escaping @Sendable (Router, UserHome, @escaping (Result<Value, any Error>) -> Void) -> Void
    ) async throws -> Value {
        let promise = core.eventLoop.makePromise(of: Value.self)
        let core = core
        core.eventLoop.execute {
            let router = core.value.router
            router.homes.withHome(user) { home in
                guard let home else { return promise.fail(AdminError(.notFound, "there is no account \(user)")) }
                body(router, home) { promise.completeWith($0) }
            }
        }
        return try await promise.futureResult.get()
    }

    func renameContact(_ old: String, to new: String, of user: String) async throws -> String? {
        let owner = try prepared(user)
        guard let from = try? JID(parsing: old), let to = try? JID(parsing: new) else {
            return "the address is not one"
        }
        return try await withHome(owner) { router, home, done in
            router.renameContact(from, to: to, home) { error in
                router.homes.shed(keeping: Self.homes)
                done(.success(error.map(Self.text)))
            }
        }
    }

    // MARK: Reading lists

    private func place(_ after: String?) throws -> JID? {
        try after.map { text in
            guard let jid = try? JID(parsing: text) else { throw AdminError(.badRequest, "\(text) is no account") }
            return jid
        }
    }

    func roster(of user: String) async throws -> [AdminRosterItem] {
        try await withHome(try prepared(user)) { _, home, done in
            let items = home.roster.values.map { item in
                AdminRosterItem(
                    jid: item.contact.description, name: item.name, groups: item.groups,
                    subscription: item.subscription.attribute, isAsked: item.subscription.pendingOut,
                    isWaiting: item.subscription.pendingIn)
            }
            done(.success(items.sorted { $0.jid < $1.jid }))
        }
    }

    func exportContacts(after: String?, domain: String?, limit: Int) async throws -> [AdminContactList] {
        let place = try place(after)
        return try await database.read { transaction in
            try ContactStore.owners(after: place, domain: domain, limit: limit, in: transaction).map { owner in
                AdminContactList(
                    user: owner.jid.description,
                    contacts: try ContactStore.contacts(of: owner.id, in: transaction).map { contact in
                        .init(
                            jid: contact.contact.description, name: contact.name, groups: contact.groups,
                            state: contact.state)
                    })
            }
        }
    }

    func usersWithContacts(
        _ contacts: Set<String>, after: String?, limit: Int
    ) async throws -> AdminContactOwners {
        let place = try place(after)
        return try await database.read { transaction in
            let owners = try ContactStore.owners(after: place, domain: nil, limit: limit, in: transaction)
            return AdminContactOwners(
                owners: try owners.compactMap { owner in
                    let found = try ContactStore.listed(of: owner.id, in: transaction).filter(contacts.contains)
                    return found.isEmpty ? nil : (owner.jid.description, found)
                }, last: owners.last?.jid.description, count: owners.count)
        }
    }

    func importPlainContacts(
        _ contacts: [AdminPlainContact], of user: String, isDryRun: Bool
    ) async throws -> [AdminContactFate] {
        let jid = try prepared(user)
        let limit = try await onLoop { server in
            let own = server.router.policies.policy(for: jid).values.presence.contacts
            return own == 0 ? server.router.config.rosterItems : own
        }
        let plain = contacts.map {
            ContactStore.PlainContact(
                contact: $0.contact, group: $0.group, contentType: $0.contentType, version: $0.version,
                content: $0.content)
        }
        let fates = try await database.write {
            try ContactStore.setPlainContacts(plain, of: jid, limit: limit, isDryRun: isDryRun, in: $0)
        }
        guard let fates else { throw AdminError(.notFound, "there is no account \(jid)") }
        return fates.map { fate in
            switch fate {
            case .added: AdminContactFate(.added)
            case .changed: AdminContactFate(.changed)
            case .unchanged: AdminContactFate(.unchanged)
            case .refused: AdminContactFate(.refused, reason: "the user has \(limit) such contacts already")
            }
        }
    }

    func exportPlainContacts(
        after: String?, domain: String?, limit: Int
    ) async throws -> [AdminPlainContactList] {
        let place = try place(after)
        return try await database.read { transaction in
            try ContactStore.owners(after: place, domain: domain, limit: limit, in: transaction).map { owner in
                AdminPlainContactList(
                    user: owner.jid.description,
                    contacts: try ContactStore.plainContacts(of: owner.id, in: transaction).map {
                        AdminPlainContact(
                            contact: $0.contact, group: $0.group, contentType: $0.contentType, version: $0.version,
                            content: $0.content)
                    })
            }
        }
    }

    // MARK: Duplicate and invalid users

    func validateUsers(_ check: AdminUserValidation.Check, limit: Int) async throws -> AdminUserValidation {
        try await database.read { transaction in
            var sections: [AdminUserValidation.Section] = []
            func add(_ name: String, _ title: String, _ section: UserValidationStore.Section) {
                sections.append(
                    .init(
                        name: name, title: title, count: section.count,
                        findings: section.findings.map {
                            .init(value: $0.value, users: $0.users.map(\.description))
                        }))
            }
            if check != .uri {
                add(
                    "duplicate-user-ids", "Users with duplicate user IDs",
                    try UserValidationStore.duplicateUserIDs(limit: limit, in: transaction))
            }
            guard check != .userid else { return AdminUserValidation(sections: sections) }
            add(
                "no-directory-uri", "Users with no directory URI",
                try UserValidationStore.withoutURI(limit: limit, in: transaction))
            add(
                "invalid-directory-uri", "Users with an invalid directory URI",
                try UserValidationStore.invalidURIs(limit: limit, in: transaction))
            add(
                "duplicate-directory-uri", "Users with duplicate directory URIs",
                try UserValidationStore.duplicateURIs(limit: limit, in: transaction))
            return AdminUserValidation(sections: sections)
        }
    }
}
