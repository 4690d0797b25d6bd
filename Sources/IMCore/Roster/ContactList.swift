import Storage
import XMPPWire

/// Many contacts at once: imports, exchanges of lists, administrators.
extension Router {
    public struct ContactOutcome: Sendable {
        public enum Result: Sendable, Equatable {
            case added
            /// It was in the list already; name and groups are what was asked for.
            case changed
            /// In the list now, but the subscription was refused.
            case addedWithoutSubscription(StanzaError)
            case refused(StanzaError)
        }

        public var contact: JID
        public var result: Result
    }

    /// Adds contacts in the order of the list, as many as there is room for; each is reported.
    ///
    /// What is added is stored by one commit. Clients are told of every item.
    ///
    /// - Parameters:
    ///   - subscribes: also asks each added contact for a subscription, as the user's client would.
    ///   - then: after the commit, in the order of `updates`; when it failed, every one is refused.
    public func addContacts(
        _ updates: [RosterUpdate], subscribes: Bool = false, _ home: UserHome,
        then: @escaping ([ContactOutcome]) -> Void
    ) {
        var outcomes: [ContactOutcome] = []
        outcomes.reserveCapacity(updates.count)
        let box = Outcomes()
        for (index, update) in updates.enumerated() {
            let wasListed = home.roster[update.contact]?.isVisible == true
            outcomes.append(ContactOutcome(contact: update.contact, result: wasListed ? .changed : .added))
            guard update.contact.isBare, update.contact != home.jid else {
                box.refused[index] = StanzaError(.cancel, .notAllowed, "your own address cannot be a contact")
                continue
            }
            box.begin()
            setRosterItem(update, home) { error in
                if let error { box.refused[index] = error }
                box.end()
            }
        }
        box.finally = { [self] in
            for (index, error) in box.refused { outcomes[index].result = .refused(error) }
            guard subscribes else { return then(outcomes) }
            let steps = Steps { _ in then(outcomes) }
            for (index, outcome) in outcomes.enumerated() where outcome.result == .added {
                steps.begin()
                let stanza = PresenceStanza(type: "subscribe", from: home.address)
                    .addressed(to: Array(outcome.contact.description.utf8))
                sendSubscription(.subscribe, to: outcome.contact, from: home, stanza: stanza) { error in
                    if let error { outcomes[index].result = .addedWithoutSubscription(error) }
                    steps.end()
                }
            }
            steps.end()
        }
        box.end()
    }

    /// Answers that have to be waited for. Confined to one event loop.
    private final class Outcomes {
        /// One for whoever begins them.
        private var open = 1
        var refused: [Int: StanzaError] = [:]
        var finally: () -> Void = {}

        func begin() { open += 1 }

        func end() {
            open -= 1
            if open == 0 { finally() }
        }
    }
}
