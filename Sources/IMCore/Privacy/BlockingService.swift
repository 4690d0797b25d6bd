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
        // §3.2 point 5: the contact sees the user go, before nothing reaches it any more.
        for jid in added { eachSeer(of: home, matching: jid) { stopSharing(home, with: $0) } }
        home.blocked.formUnion(added)
        let userID = home.id
        persist(home) {
            try BlockStore.add(added, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            pushBlocking("block", jids, home)
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
        home.blocked.subtract(removed)
        let userID = home.id
        persist(home) {
            try BlockStore.remove(removed, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            for jid in removed {
                eachSeer(of: home, matching: jid) { startSharing(home, with: $0) }
                catchUp(home, with: jid)
            }
            pushBlocking("unblock", jids, home)
            completion(nil)
        }
    }

    /// The contacts that may see the user and that an entry of the list covers.
    private func eachSeer(of home: UserHome, matching entry: JID, _ body: (JID) -> Void) {
        if entry.local != nil {
            if home.roster[entry.bare]?.subscription.from == true { body(entry.bare) }
        } else {
            for item in home.roster.values where item.subscription.from && item.contact.domain == entry.domain {
                body(item.contact)
            }
        }
    }

    /// The user missed what the contacts said meanwhile.
    private func catchUp(_ home: UserHome, with entry: JID) {
        for item in home.roster.values where item.subscription.to {
            let isCovered = entry.local == nil ? item.contact.domain == entry.domain : item.contact == entry.bare
            guard isCovered, let contact = homes.loaded(item.contact) else { continue }
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
