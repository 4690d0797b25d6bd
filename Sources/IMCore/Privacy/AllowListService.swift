import XMPPWire

/// Allowed addresses: users and domains that a user lets in. Inside, their requests to see the user's availability are
/// approved without a prompt; somebody of a blocked domain who is allowed by a closer address is not blocked.
extension Router {
    /// Allows addresses; one that is blocked is no longer. Those already allowed are left alone.
    public func allow(_ jids: [JID], _ home: UserHome, completion: @escaping (StanzaError?) -> Void) {
        let added = jids.filter { !home.allowed.contains($0) }
        guard home.allowed.count + added.count <= config.blockedItems else {
            return completion(
                StanzaError(.cancel, .resourceConstraint, "the allow list is full (\(config.blockedItems) addresses)"))
        }
        let before = keptApart(by: home)
        home.allowed.formUnion(added)
        let userID = home.id
        persist(home) {
            try AllowStore.add(added, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            let unblocked = added.filter(home.blocked.contains)
            let finish: (StanzaError?) -> Void = { [self] error in
                guard error == nil else { return completion(error) }
                bringTogether(home, before.subtracting(keptApart(by: home)))
                decideWaitingRequests(home)
                rulesChanged(home, added)
                completion(nil)
            }
            if unblocked.isEmpty { finish(nil) } else { unblock(unblocked, home, completion: finish) }
        }
    }

    /// Takes addresses off the list, all of them when none is named.
    public func disallow(_ jids: [JID], _ home: UserHome, completion: @escaping (StanzaError?) -> Void) {
        let removed = jids.isEmpty ? Array(home.allowed) : jids.filter { home.allowed.contains($0) }
        let before = keptApart(by: home)
        home.allowed.subtract(removed)
        for jid in keptApart(by: home).subtracting(before) where home.roster[jid]?.subscription.from == true {
            stopSharing(home, with: jid)
        }
        let userID = home.id
        persist(home) {
            try AllowStore.remove(removed, of: userID, in: $0)
        } then: { [self] error in
            if error == nil { rulesChanged(home, removed) }
            completion(error == nil ? nil : StanzaError(.wait, .internalServerError))
        }
    }
}
