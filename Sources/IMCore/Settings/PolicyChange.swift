import NIOCore

extension Router {
    /// New policies are in force: every home in memory gets its own at once, and what follows from the difference
    /// happens in slices, so that messages are not held up.
    public func policiesChanged(_ table: PolicyTable) {
        policies = table
        homes.policies = table
        var changed: [(UserHome, UserPolicy)] = []
        homes.forEach { home in
            let policy = table.policy(for: home.jid)
            let old = home.policy
            guard policy !== old else { return }
            home.policy = policy
            if policy != old { changed.append((home, old)) }
        }
        react(to: changed[...])
    }

    /// Homes of one slice; a few milliseconds even when each of them tells a hundred watchers.
    private static let slice = 50

    private func react(to changed: ArraySlice<(UserHome, UserPolicy)>) {
        guard !changed.isEmpty else { return }
        for (home, old) in changed.prefix(Self.slice) where !home.isForgotten { policyChanged(of: home, from: old) }
        let rest = changed.dropFirst(Self.slice)
        guard !rest.isEmpty else { return }
        // Not `execute`: the loop would do all slices before it reads a socket again.
        loop.scheduleTask(in: .milliseconds(1)) { [self] in react(to: rest) }
    }

    /// What follows for one user; `home.policy` is the new one.
    func policyChanged(of home: UserHome, from old: UserPolicy) {
        if !home.endpoints.isEmpty { whenPolicyChanged?(home) }
        if home.policy.values.presence != old.values.presence || home.isSwitching {
            presencePolicyChanged(of: home, from: old.values.presence)
            presenceChanged(home)
        }
    }
}
