import DequeModule
import NIOCore
import XMPPWire

/// Tells everybody concerned that users ceased or began to share availability (`presence.sharing`), a bounded piece at
/// a time, so that a switch for everybody does not hold up messages.
///
/// Once the policy is exchanged nothing passes any more; what was seen before is taken back here. The other way round
/// nothing passes before it was shown here. So of each pair the one that comes second deals with both directions, and
/// nobody is told twice.
final class AvailabilitySwitch {
    private struct Work {
        var home: UserHome
        var items: [RosterItem]
        /// The next one of `items`.
        var position = 0
        var begins: Bool
    }

    private unowned let router: Router
    private var waiting: Deque<UserHome> = []
    private var queued: Set<ObjectIdentifier> = []
    private var current: Work?
    private var spent = 0
    private var isScheduled = false
    /// Those dealt with since the queue was empty, and those of them who ceased.
    private var switched: Set<JID> = []
    private var ceased: Set<JID> = []

    /// Stanzas of one slice: one or two milliseconds.
    private static let budget = 500

    init(router: Router) { self.router = router }

    var isIdle: Bool { current == nil && waiting.isEmpty }

    /// The policy of a home says something else than others have been told.
    func add(_ home: UserHome) {
        guard queued.insert(ObjectIdentifier(home)).inserted else { return }
        waiting.append(home)
        work()
        // What follows for all of them together comes when the last one is through.
        schedule()
    }

    private func work() {
        while spent < Self.budget {
            if current == nil {
                guard let home = waiting.popFirst() else { return }
                begin(home)
            }
            step()
        }
    }

    /// The timer lets the loop read and write in between; a mere task would not.
    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        router.loop.scheduleTask(in: .milliseconds(1)) { [self] in
            isScheduled = false
            spent = 0
            work()
            if isIdle { finish() } else { schedule() }
        }
    }

    private func begin(_ home: UserHome) {
        spent += 1
        queued.remove(ObjectIdentifier(home))
        let begins = home.policy.values.presence.sharing
        // Ceased and begun again before it was told: shown anew, since changes in between did not pass.
        guard !home.isForgotten, begins || home.toldSharing else { return }
        current = Work(home: home, items: Array(home.roster.values), begins: begins)
        switched.insert(home.jid)
        if begins {
            home.toldSharing = true
            router.presenceChanged(home)
            router.showWatches(of: home)
        } else {
            ceased.insert(home.jid)
            spent += router.withdrawDirected(home)
            router.hideWatches(of: home)
        }
    }

    private func step() {
        guard var work = current else { return }
        // Taken out meanwhile: the copy is the only one.
        current = nil
        while work.position < work.items.count, spent < Self.budget {
            let item = work.items[work.position]
            work.position += 1
            spent += 1 + (work.begins ? router.reveal(item, work.home) : router.withdraw(item, work.home))
        }
        if work.position < work.items.count {
            current = work
        } else if !work.begins {
            work.home.toldSharing = work.home.policy.values.presence.sharing
        }
    }

    private func finish() {
        if !ceased.isEmpty {
            router.withdrawDirected(to: ceased)
            ceased = []
        }
        guard !switched.isEmpty else { return }
        let users = switched
        switched = []
        for told in router.whenSharingSwitched { told(users) }
    }
}

extension Router {
    /// What follows from another policy for one user's availability.
    func presencePolicyChanged(of home: UserHome, from old: PresenceSettings) {
        let new = home.policy.values.presence
        if new.sharing != old.sharing || home.isSwitching { availabilitySwitch.add(home) }
        if new.adHoc != old.adHoc, !new.adHoc, !adHoc.isEmpty { endWatches(by: home) }
        if new.autoAuthorizes != old.autoAuthorizes || new.insideRequests != old.insideRequests {
            decideWaitingRequests(home)
        }
    }

    // MARK: What the switch does to one pair

    /// Takes back what the contact saw of the user, and the user of the contact. Returns how many stanzas that took.
    fileprivate func withdraw(_ item: RosterItem, _ home: UserHome) -> Int {
        guard let contact = homes.loaded(item.address) else { return withdraw(outside: item, home) }
        var count = 0
        if item.subscription.from {
            for endpoint in home.endpoints where endpoint.availability?.shown != nil {
                let goodbye = PresenceStanza(type: "unavailable", from: endpoint.address)
                count += show(goodbye, of: endpoint, home, to: contact, isGoodbye: true)
            }
        }
        if item.subscription.to, contact.roster[home.jid]?.subscription.from == true {
            for endpoint in contact.endpoints where endpoint.availability?.shown != nil {
                let goodbye = PresenceStanza(type: "unavailable", from: endpoint.address)
                count += show(goodbye, of: endpoint, contact, to: home, isGoodbye: true)
            }
        }
        return count
    }

    private func withdraw(outside item: RosterItem, _ home: UserHome) -> Int {
        guard hasServices, service(item.contact.domain) != nil else { return 0 }
        var count = 0
        for endpoint in home.endpoints where endpoint.availability != nil {
            if item.subscription.from, endpoint.availability?.shown != nil,
                PresencePolicy.decide(
                    .subscription, of: home, at: endpoint, toOutside: item.contact, isGoodbye: true
                ).isVisible
            {
                tellService(PresenceStanza(type: "unavailable", from: endpoint.address), at: item.contact)
                count += 1
            }
            // Which of the contact's clients were seen is not known here: for all of them.
            if item.subscription.to {
                endpoint.deliver(PresenceStanza(type: "unavailable", from: item.address), to: home.address)
                count += 1
            }
        }
        return count
    }

    /// Shows contact and user to each other, if the contact shares availability too.
    fileprivate func reveal(_ item: RosterItem, _ home: UserHome) -> Int {
        var count = 0
        guard let contact = homes.loaded(item.address) else {
            guard hasServices, service(item.contact.domain) != nil else { return 0 }
            if item.subscription.from { startSharing(home, with: item.contact) }
            if item.subscription.to, home.isAvailable { probeService(item.contact, for: home) }
            return 2
        }
        guard contact.isSharing else { return 0 }
        if item.subscription.from {
            for endpoint in home.endpoints {
                guard let shown = endpoint.availability?.shown else { continue }
                count += show(shown, of: endpoint, home, to: contact)
            }
        }
        if item.subscription.to {
            for endpoint in home.endpoints where endpoint.availability != nil {
                count += answerProbe(contact, to: endpoint, home)
            }
        }
        return count
    }

    /// Takes back presence that the user's clients sent to addresses; chat rooms go on, without status.
    fileprivate func withdrawDirected(_ home: UserHome) -> Int {
        var count = 0
        for endpoint in home.endpoints where !endpoint.directed.isEmpty {
            let goodbye = PresenceStanza(type: "unavailable", from: endpoint.address)
            for target in endpoint.directed where target.bare != home.jid {
                let service = service(target.domain)
                if service?.hidesStatus == true { continue }
                count += 1
                if service != nil, Self.mayBeOccupant(target) {
                    if let shown = endpoint.availability.flatMap({ UnknownAvailability.hiding($0.stanza) }) {
                        sendDirected(shown, to: target, from: home, source: SilentSource.shared)
                    }
                    continue
                }
                endpoint.directed.remove(target)
                // The others hear of it like everybody who is subscribed.
                guard endpoint.availability?.shown == nil || !sharesPresence(home, with: target.bare) else { continue }
                sendDirected(goodbye, to: target, from: home, source: SilentSource.shared)
            }
        }
        return count
    }

    /// Takes back presence that others sent to users who do not want to see any.
    fileprivate func withdrawDirected(to users: Set<JID>) {
        homes.forEach { home in
            for endpoint in home.endpoints where !endpoint.directed.isEmpty {
                for target in endpoint.directed where users.contains(target.bare) && target.bare != home.jid {
                    guard let user = homes.loaded(target), home.isSharing, !sharesPresence(home, with: target.bare)
                    else { continue }
                    endpoint.directed.remove(target)
                    let goodbye = PresenceStanza(type: "unavailable", from: endpoint.address)
                    for receiver in user.endpoints where target.isBare || receiver.resource == target.resource {
                        receiver.deliver(goodbye, to: target.isBare ? user.address : receiver.address)
                    }
                }
            }
        }
    }
}
