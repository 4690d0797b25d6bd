import Storage
import XMPPWire

/// Contacts that an administrator puts into lists, renames in them, or asks for: thousands of users, one after the
/// other, without holding up anybody's messages.
extension Router {
    /// What a contact is to be. What is there already stays: groups are added, a name is replaced only by another one.
    public struct ContactWish: Sendable, Equatable {
        public var contact: JID
        /// Empty for none.
        public var name: String
        public var groups: [String]
        /// `State` of the vendor's lists, kept as it came; nil for the usual one.
        public var state: String?

        public init(contact: JID, name: String, groups: [String], state: String? = nil) {
            self.contact = contact
            self.name = name
            self.groups = groups
            self.state = state
        }
    }

    public enum ContactFate: Sendable, Equatable {
        case added, changed, unchanged
        case refused(StanzaError)
    }

    /// What would become of wishes; nothing changes.
    public func previewContacts(_ wishes: [ContactWish], _ home: UserHome) -> [ContactFate] {
        plan(wishes, home).fates
    }

    /// Adds and changes contacts in the order of the list, as many as there is room for; each is reported.
    ///
    /// All that changes for the user is one commit: it is there as a whole or not at all. Clients are told of every
    /// item.
    ///
    /// - Parameter then: after the commit, in the order of `wishes`; when it failed, every one is refused.
    public func importContacts(
        _ wishes: [ContactWish], _ home: UserHome, then: @escaping ([ContactFate]) -> Void
    ) {
        let plan = plan(wishes, home)
        let states = wishes.filter { $0.state != nil }
        guard !plan.items.isEmpty || !states.isEmpty else { return then(plan.fates) }
        for planned in plan.items {
            let item = home.roster[planned.contact] ?? RosterItem(contact: planned.contact, isVisible: true)
            home.roster[planned.contact] = item
            (item.isVisible, item.name, item.groups) = (true, planned.name, planned.groups)
        }
        let items = plan.items.compactMap { home.roster[$0.contact] }
        let first = home.rosterVersion + 1
        home.rosterVersion += Int64(items.count)
        let (records, xml, userID) = (items.map(\.record), items.map(\.xml), home.id)
        let (version, fates) = (home.rosterVersion, plan.fates)
        persist(home) { transaction in
            for record in records { try RosterStore.save(record, of: userID, in: transaction) }
            for wish in states {
                try ContactStore.setState(wish.state ?? "", of: wish.contact, of: userID, in: transaction)
            }
            guard !records.isEmpty else { return }
            try RosterCountStore.recount(userID, in: transaction)
            try RosterStore.setVersion(version, of: userID, in: transaction)
        } then: { [self] error in
            guard error == nil else {
                return then(fates.map { _ in .refused(StanzaError(.wait, .internalServerError)) })
            }
            for (index, item) in xml.enumerated() { push(item, home, first + Int64(index)) }
            then(fates)
        }
    }

    /// What an item becomes.
    private struct Planned {
        var contact: JID
        var name: String
        var groups: [String]
    }

    private func plan(_ wishes: [ContactWish], _ home: UserHome) -> (items: [Planned], fates: [ContactFate]) {
        let limit = contactLimit(home)
        let most = max(config.rosterItems, home.policy.values.presence.contacts)
        var (visible, all) = (limit.count, home.roster.count)
        var items: [Planned] = []
        var places: [JID: Int] = [:]
        let fates = wishes.map { wish -> ContactFate in
            guard wish.contact.isBare, wish.contact != home.jid else {
                return .refused(StanzaError(.cancel, .notAllowed, "your own address cannot be a contact"))
            }
            let known = home.roster[wish.contact]
            let place = places[wish.contact]
            let isListed = place != nil || known?.isVisible == true
            if !isListed {
                guard visible < limit.limit, known != nil || all < most else {
                    return .refused(.contactsFull(ContactLimit(count: visible, limit: limit.limit)))
                }
                visible += 1
                all += known == nil ? 1 : 0
            }
            let old = place.map { items[$0] }
            let oldName = old?.name ?? (isListed ? known?.name : nil) ?? ""
            let oldGroups = old?.groups ?? (isListed ? known?.groups : nil) ?? []
            let planned = Planned(
                contact: wish.contact, name: wish.name.isEmpty ? oldName : wish.name,
                groups: oldGroups + wish.groups.filter { !oldGroups.contains($0) })
            if isListed, planned.name == oldName, planned.groups == oldGroups { return .unchanged }
            if let place {
                items[place] = planned
            } else {
                places[wish.contact] = items.count
                items.append(planned)
            }
            return isListed ? .changed : .added
        }
        return (items, fates)
    }

    /// Asks contacts for their presence as the user's client would: those that the user neither sees nor has asked.
    ///
    /// - Parameter then: refusals, by contact.
    public func askContacts(
        _ contacts: [JID], _ home: UserHome, then: @escaping ([(contact: JID, error: StanzaError)]) -> Void
    ) {
        // The home stays in memory until all is done.
        home.pendingWrites += 1
        ask(contacts[...], home, []) { refused in
            home.pendingWrites -= 1
            then(refused)
        }
    }

    /// Requests of one slice: what other users wait for meanwhile is a few milliseconds.
    private static let slice = 16

    private func ask(
        _ contacts: ArraySlice<JID>, _ home: UserHome, _ refused: [(contact: JID, error: StanzaError)],
        _ then: @escaping ([(contact: JID, error: StanzaError)]) -> Void
    ) {
        guard !contacts.isEmpty, !home.isRemoved else { return then(refused) }
        let refusals = Refusals(refused)
        let rest = contacts.dropFirst(Self.slice)
        let steps = Steps { [self] _ in
            loop.execute { [self] in ask(rest, home, refusals.all, then) }
        }
        for contact in contacts.prefix(Self.slice) {
            let subscription = home.roster[contact]?.subscription
            guard subscription?.to != true, subscription?.pendingOut != true else { continue }
            steps.begin()
            send(.subscribe, to: contact, from: home) { error in
                if let error { refusals.all.append((contact, error)) }
                steps.end()
            }
        }
        steps.end()
    }

    private final class Refusals {
        var all: [(contact: JID, error: StanzaError)]
        init(_ all: [(contact: JID, error: StanzaError)]) { self.all = all }
    }

    private func send(
        _ kind: SubscriptionMachine.Stanza, to contact: JID, from home: UserHome,
        completion: @escaping (StanzaError?) -> Void
    ) {
        let stanza = PresenceStanza(type: kind.rawValue, from: home.address)
            .addressed(to: Array(contact.description.utf8))
        sendSubscription(kind, to: contact, from: home, stanza: stanza, completion: completion)
    }

    /// A contact has another address: the old item goes, the new one has its name and groups and the same permissions.
    /// Who did see the user may see him under the new address; whom the user saw is asked.
    ///
    /// - Parameter then: nil once it is durable; what spoke against it otherwise. An item that is not there is
    ///   `item-not-found`.
    public func renameContact(
        _ old: JID, to new: JID, _ home: UserHome, then: @escaping (StanzaError?) -> Void
    ) {
        guard let item = home.roster[old], item.isVisible else { return then(.itemNotFound) }
        guard new != home.jid, new.isBare else {
            return then(StanzaError(.cancel, .notAllowed, "your own address cannot be a contact"))
        }
        guard new != old else { return then(nil) }
        let wish = ContactWish(contact: new, name: item.name, groups: item.groups)
        let had = item.subscription
        home.pendingWrites += 1
        let then = { (error: StanzaError?) in
            home.pendingWrites -= 1
            then(error)
        }
        removeRosterItem(old, home) { [self] error in
            if let error { return then(error) }
            importContacts([wish], home) { [self] fates in
                if case .refused(let error) = fates.first { return then(error) }
                let steps = Steps(then)
                if had.from || had.approved {
                    steps.begin()
                    send(.subscribed, to: new, from: home) { error in
                        if let error { steps.fail(error) } else { steps.end() }
                    }
                }
                if had.to || had.pendingOut {
                    steps.begin()
                    send(.subscribe, to: new, from: home) { error in
                        if let error { steps.fail(error) } else { steps.end() }
                    }
                }
                steps.end()
            }
        }
    }
}
