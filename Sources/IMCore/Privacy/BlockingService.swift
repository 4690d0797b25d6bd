import XMPPWire

/// Blocked addresses (XEP-0191). Stored first; presence, pushes and answers follow the commit.
extension Router {
    /// Blocks addresses; those already blocked are left alone.
    public func block(_ jids: [JID], _ home: UserHome, completion: @escaping (StanzaError?) -> Void) {
        let added = jids.filter { !home.blocked.contains($0) }
        guard home.blocked.count + added.count <= config.blockedItems else {
            return completion(
                StanzaError(.cancel, .resourceConstraint, "the block list is full (\(config.blockedItems) addresses)"))
        }
        if var lists = home.privacy {
            // §5: the blocked addresses are the default list's.
            let name = lists.defaultName ?? PrivacyList.blockListName
            var list = lists[name] ?? PrivacyList(name: name, items: [])
            list.block(added)
            lists[name] = list
            lists.defaultName = name
            return change(lists, home, completion: completion)
        }
        // An address is in one of the lists.
        let noLongerAllowed = added.filter(home.allowed.contains)
        let before = keptApart(by: home)
        home.blocked.formUnion(added)
        home.allowed.subtract(noLongerAllowed)
        // §3.2 point 5: those who saw the user see the user go, once.
        for jid in keptApart(by: home).subtracting(before) where home.roster[jid]?.subscription.from == true {
            stopSharing(home, with: jid)
        }
        let userID = home.id
        persist(home) {
            try BlockStore.add(added, of: userID, in: $0)
            try AllowStore.remove(noLongerAllowed, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            pushBlocking("block", jids, home)
            rulesChanged(home, added + noLongerAllowed)
            completion(nil)
        }
    }

    /// Unblocks addresses, all of them when the list is empty (§3.4, §3.5).
    public func unblock(_ jids: [JID], _ home: UserHome, completion: @escaping (StanzaError?) -> Void) {
        let removed = jids.isEmpty ? Array(home.blocked) : jids.filter { home.blocked.contains($0) }
        if var lists = home.privacy, let name = lists.defaultName, var list = lists[name] {
            list.unblock(removed)
            if list.items.isEmpty {
                lists[name] = nil
                lists.defaultName = nil
                lists.active = lists.active.filter { $0.value != name }
            } else {
                lists[name] = list
            }
            return change(lists, home, completion: completion)
        }
        let before = keptApart(by: home)
        home.blocked.subtract(removed)
        let userID = home.id
        persist(home) {
            try BlockStore.remove(removed, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            bringTogether(home, before.subtracting(keptApart(by: home)))
            pushBlocking("unblock", jids, home)
            rulesChanged(home, removed)
            completion(nil)
        }
    }

    /// Contacts whom the user's lists keep apart from the user as a whole.
    func keptApart(by home: UserHome) -> Set<JID> {
        guard home.hasRules else { return [] }
        return Set(home.roster.values.lazy.map(\.contact).filter { home.blocks($0, .all) })
    }

    /// The user and contacts who are no longer kept apart see each other as they are now.
    func bringTogether(_ home: UserHome, _ contacts: Set<JID>) {
        for jid in contacts {
            guard let item = home.roster[jid] else { continue }
            if item.subscription.from { startSharing(home, with: jid) }
            guard item.subscription.to, let contact = homes.loaded(item.address) else { continue }
            for endpoint in home.endpoints where endpoint.availability != nil {
                answerProbe(contact, to: endpoint, home)
            }
        }
    }

    func pushBlocking(_ verb: String, _ jids: [JID], _ home: UserHome) {
        let items = jids.map { "<item jid='\(XMLText.escape($0.description))'/>" }.joined()
        for endpoint in home.endpoints where endpoint.followsBlockList {
            let to = XMLText.escape(String(decoding: endpoint.address, as: UTF8.self))
            endpoint.deliver(
                Array(
                    ("<iq type='set' id='block-\(journal.nextID().value & 0xFFFF_FFFF)' to='\(to)'>"
                        + "<\(verb) xmlns='urn:xmpp:blocking'>\(items)</\(verb)></iq>").utf8))
        }
    }
}
