import XMLWire
import XMPPWire

extension UserHome {
    /// Whether stanzas of one kind from or to an address are denied: by the list that the session has chosen, or else the
    /// default list (XEP-0016 §2.2), or else the block list.
    ///
    /// - Parameter source: the session that sends, or that would receive; nil for the user as a whole.
    public func blocks(_ jid: JID, _ kind: PrivacyKind, at source: (any StanzaSource)? = nil) -> Bool {
        hasRules && privacyVerdict(on: jid, kind, at: source).isDenied
    }

    /// The same with what decided.
    public func privacyVerdict(
        on jid: JID, _ kind: PrivacyKind, at source: (any StanzaSource)? = nil
    ) -> PrivacyVerdict {
        let list = privacy?.list(for: source.map { ObjectIdentifier($0) })
        guard privacy == nil || list != nil else { return PrivacyVerdict(false, .noRule) }
        return PrivacyPolicy.verdict(
            on: jid, kind, owner: self.jid, blocked: blocked, allowed: allowed, list: list, item: roster[jid.bare])
    }

    /// Something may be denied at all.
    public var hasRules: Bool { !blocked.isEmpty || privacy != nil }

    /// Names of all lists, and those in force for a session.
    public func privacyLists(for source: any StanzaSource) -> (names: [String], active: String?, default: String?) {
        let lists = privacy ?? PrivacyLists(blocked: blocked)
        return (lists.lists.map(\.name), lists.active[ObjectIdentifier(source)], lists.defaultName)
    }

    public func privacyList(_ name: String) -> PrivacyList? { (privacy ?? PrivacyLists(blocked: blocked))[name] }

    /// Another session is under the list: by its own choice, or because it is the default.
    fileprivate func isInUse(_ name: String, besides source: any StanzaSource, _ lists: PrivacyLists) -> Bool {
        endpoints.contains { $0 !== source && lists.name(for: ObjectIdentifier($0)) == name }
    }
}

/// Privacy lists (XEP-0016): a second way to the rules of the block list. Stored first; answers, presence and pushes
/// follow the commit.
extension Router {
    private static let conflict = StanzaError(.cancel, .conflict, "another session is under that list")

    /// Chooses the list of a session; nil declines (§2.4).
    public func setActiveList(_ name: String?, for endpoint: any Endpoint, _ home: UserHome) -> StanzaError? {
        if let name, home.privacyList(name) == nil { return .itemNotFound }
        if name == nil, home.privacy == nil { return nil }
        var lists = home.privacy ?? PrivacyLists(blocked: home.blocked)
        lists.active[ObjectIdentifier(endpoint)] = name
        applyRules(lists, home)
        return nil
    }

    /// Chooses the list of the user as a whole; nil declines (§2.5).
    public func setDefaultList(
        _ name: String?, by endpoint: any Endpoint, _ home: UserHome, completion: @escaping (StanzaError?) -> Void
    ) {
        var lists = home.privacy ?? PrivacyLists(blocked: home.blocked)
        if let name, lists[name] == nil { return completion(.itemNotFound) }
        guard name != lists.defaultName else { return completion(nil) }
        if let old = lists.defaultName,
            home.endpoints.contains(where: {
                $0 !== endpoint && lists.active[ObjectIdentifier($0)] == nil && lists[old] != nil
            })
        {
            return completion(Self.conflict)
        }
        lists.defaultName = name
        change(lists, home, completion: completion)
    }

    /// Stores a list in place of one of the same name (§2.6, §2.7); one without items is removed (§2.8).
    public func setList(
        _ list: PrivacyList, by endpoint: any Endpoint, _ home: UserHome, completion: @escaping (StanzaError?) -> Void
    ) {
        var lists = home.privacy ?? PrivacyLists(blocked: home.blocked)
        if list.items.isEmpty {
            guard lists[list.name] != nil else { return completion(.itemNotFound) }
            guard !home.isInUse(list.name, besides: endpoint, lists) else { return completion(Self.conflict) }
            lists[list.name] = nil
            lists.active = lists.active.filter { $0.value != list.name }
            if lists.defaultName == list.name { lists.defaultName = nil }
        } else {
            let groups = Set(home.roster.values.flatMap { $0.isVisible ? $0.groups : [] })
            guard list.groups.allSatisfy(groups.contains) else {
                return completion(
                    StanzaError(.cancel, .itemNotFound, "the roster has no group of that name"))
            }
            lists[list.name] = list
            guard lists.lists.count <= PrivacyLists.capacity,
                lists.itemCount <= PrivacyLists.items, lists.blocked.count <= config.blockedItems
            else {
                return completion(
                    StanzaError(
                        .cancel, .resourceConstraint,
                        "there may be \(PrivacyLists.capacity) lists with \(PrivacyLists.items) items"))
            }
        }
        change(lists, home) { [self] error in
            completion(error)
            guard error == nil else { return }
            pushList(list.name, home)
        }
    }

    /// §2.2 rule 10: to every session, whether it knows the protocol or not.
    private func pushList(_ name: String, _ home: UserHome) {
        for endpoint in home.endpoints {
            let to = XMLText.escape(String(decoding: endpoint.address, as: UTF8.self))
            endpoint.deliver(
                Array(
                    ("<iq type='set' id='privacy-\(journal.nextID().value & 0xFFFF_FFFF)' to='\(to)'>"
                        + "<query xmlns='\(PrivacyList.namespace)'><list name='\(XMLText.escape(name))'/></query></iq>")
                        .utf8))
        }
    }

    /// Puts rules in force and stores them.
    func change(
        _ lists: PrivacyLists, _ home: UserHome, completion: @escaping (StanzaError?) -> Void
    ) {
        let before = home.blocked
        let after = lists.blocked
        applyRules(lists, home)
        home.blocked = after
        let noLongerAllowed = home.allowed.filter(after.contains)
        home.allowed.subtract(noLongerAllowed)
        let (userID, stored) = (home.id, home.privacy)
        persist(home) {
            try PrivacyStore.save(stored, blocked: after, of: userID, in: $0)
            try AllowStore.remove(Array(noLongerAllowed), of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            let order = { (left: JID, right: JID) in left.description < right.description }
            // Clients that follow the block list see what became of it.
            if !after.subtracting(before).isEmpty {
                pushBlocking("block", after.subtracting(before).sorted(by: order), home)
            }
            if !before.subtracting(after).isEmpty {
                pushBlocking("unblock", before.subtracting(after).sorted(by: order), home)
            }
            rulesChanged(home, after.symmetricDifference(before))
            completion(nil)
        }
    }

    /// Exchanges the rules; contacts and clients see come and go whom the new ones treat otherwise (§2.9, §2.10).
    private func applyRules(_ lists: PrivacyLists, _ home: UserHome) {
        let contacts = home.isAvailable ? Array(home.roster.values) : []
        func verdicts() -> [[(out: Bool, in: Bool)]] {
            home.endpoints.map { endpoint in
                guard endpoint.availability != nil else { return [] }
                return contacts.map {
                    (
                        home.blocks($0.contact, .presenceOut, at: endpoint),
                        home.blocks($0.contact, .presenceIn, at: endpoint)
                    )
                }
            }
        }
        let before = verdicts()
        home.privacy = lists.lists.isEmpty ? nil : lists
        if lists.lists.isEmpty { home.blocked = [] }
        let after = verdicts()
        for (index, endpoint) in home.endpoints.enumerated() where !after[index].isEmpty {
            guard let shown = endpoint.availability?.shown else { continue }
            for (place, item) in contacts.enumerated() {
                let (old, new) = (before[index][place], after[index][place])
                if item.subscription.from, old.out != new.out {
                    let stanza =
                        new.out
                        ? PresenceStanza(type: "unavailable", from: endpoint.address) : shown
                    sendPast(stanza, to: item.contact, from: home)
                }
                if item.subscription.to, old.in != new.in, let contact = homes.loaded(item.address) {
                    show(contact, to: endpoint, home, isGone: new.in)
                }
            }
        }
    }

    /// Presence that the new rules would stop: the contact is told all the same.
    private func sendPast(_ stanza: PresenceStanza, to contact: JID, from home: UserHome) {
        guard home.isSharing else { return }
        guard let other = homes.loaded(contact) else { return tellService(stanza, at: contact) }
        guard other.isSharing else { return }
        for receiver in other.endpoints where receiver.availability != nil {
            if other.hasRules, other.blocks(home.jid, .presenceIn, at: receiver) { continue }
            receiver.deliver(stanza, to: other.address)
        }
    }

    private func show(_ contact: UserHome, to endpoint: any Endpoint, _ home: UserHome, isGone: Bool) {
        guard isGone else {
            answerProbe(contact, to: endpoint, home)
            return
        }
        guard home.isSharing, contact.isSharing else { return }
        for other in contact.endpoints where other.availability?.shown != nil {
            endpoint.deliver(PresenceStanza(type: "unavailable", from: other.address), to: home.address)
        }
    }
}
