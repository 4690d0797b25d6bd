import IMCore
import XMPPWire

/// A subscription as the administration shows it.
public struct SIPSubscriptionEntry: Sendable, Equatable {
    /// Names it while it lasts, and orders the pages.
    public var key: String
    public var watcher: JID
    public var target: JID
    public var package: String
    /// `active` or `pending`.
    public var state: String
    /// Shows somebody who is not there (polite blocking).
    public var isHidden: Bool
    /// Milliseconds since 1970.
    public var expires: Int64
    /// Remote target.
    public var contact: String
    public var isList: Bool
}

/// A subscription of the server's own to somebody of another domain.
public struct SIPForeignWatchEntry: Sendable, Equatable {
    public var watcher: JID
    public var target: JID
    /// The person lets the user see.
    public var isApproved: Bool
    /// The other side has taken the subscription.
    public var isEstablished: Bool
    /// Milliseconds since 1970.
    public var expires: Int64
}

extension SIPServer {
    /// Publications of users whose homes are in memory: all that anybody sees.
    public var publicationCount: Int {
        var count = 0
        router.homes.forEach { count += $0.publications.count }
        return count
    }

    /// Calls of users that pass through.
    public var callCount: Int { calls.count }

    /// People of other domains that users of ours watch.
    public var foreignWatchCount: Int { events?.foreign.count ?? 0 }
    public var foreignWatches: [SIPForeignWatchEntry] { events?.foreign.listed ?? [] }

    /// Subscriptions to users of ours.
    public var subscriptionCount: Int { events?.count ?? 0 }

    /// Users whose lines are watched at presence gateways.
    public var gatewayWatchCount: Int { events?.lines.count ?? 0 }

    /// Lines that are watched at presence gateways: whose, at which trunk, whether the gateway has agreed, and until when
    /// (milliseconds since 1970).
    public var gatewayWatches: [(user: JID, trunk: String, isEstablished: Bool, expires: Int64)] {
        guard let events else { return [] }
        let (now, second) = (time.now, events.second)
        return events.lines.listed.map {
            ($0.user, $0.trunk, $0.isEstablished, now + max(0, $0.expires - second) * 1_000)
        }
    }

    /// One page, in the order of target, package, watcher and key.
    ///
    /// - Parameters:
    ///   - watcher: of this one only; nil for everybody.
    ///   - target: to this one only.
    ///   - after: `key` of the last entry before; nil for the first page.
    public func subscriptions(
        watcher: JID? = nil, target: JID? = nil, package: String? = nil, state: String? = nil, after: String? = nil,
        limit: Int = 100
    ) -> [SIPSubscriptionEntry] {
        guard let events, limit > 0 else { return [] }
        let (now, second) = (time.now, events.second)
        var found: [SIPSubscriptionEntry] = []
        // The last key that can be on the page; nothing behind it is looked at.
        var bound: String?
        for (position, table) in events.resources.enumerated() {
            let name = events.packages[position].name
            if let package, package != name { continue }
            let resources = target.map { table[$0].map { [$0] } ?? [] } ?? Array(table.values)
            for resource in resources where !resource.subscriptions.isEmpty {
                let prefix = "\(resource.target) \(name) "
                if let bound, prefix > bound { continue }
                for subscription in resource.subscriptions where watcher == nil || subscription.watcher == watcher {
                    let word = subscription.state == .active ? "active" : "pending"
                    if let state, state != word { continue }
                    let key = "\(prefix)\(subscription.watcher) " + String(subscription.key.high, radix: 16)
                    if let after, key <= after { continue }
                    if let bound, key > bound { continue }
                    found.append(
                        SIPSubscriptionEntry(
                            key: key, watcher: subscription.watcher, target: resource.target, package: name,
                            state: word,
                            isHidden: subscription.isHidden,
                            expires: now + max(0, subscription.expires - second) * 1_000,
                            contact: subscription.remoteTarget?.text.string ?? "", isList: subscription.list != nil))
                }
                guard found.count >= 4 * limit + 256 else { continue }
                found.sort { $0.key < $1.key }
                found.removeLast(found.count - limit)
                bound = found.last?.key
            }
        }
        found.sort { $0.key < $1.key }
        return Array(found.prefix(limit))
    }
}
