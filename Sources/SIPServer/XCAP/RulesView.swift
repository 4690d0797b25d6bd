import IMCore
import PresenceWire
import XMLWire
import XMPPWire

/// `pres-rules/users/…/index`, and the same under the name of the Open Mobile Alliance: block list, allow list and approved
/// subscriptions.
final class RulesView: XCAPView {
    let application: String
    let document: String
    let contentType = PresenceRules.contentType
    let defaultNamespace: String
    let prefixes = [
        ("cr", PresenceRules.rulesetNamespace), ("cp", PresenceRules.rulesetNamespace), ("pr", PresenceRules.namespace),
        ("ocp", PresenceRules.openMobileNamespace),
    ].map { (prefix: $0.0, uri: $0.1) }
    /// One store for both names: it is one document.
    let keptAs: String? = PresenceRules.application
    private let router: Router

    init(router: Router, isOpenMobile: Bool) {
        self.router = router
        application = isOpenMobile ? PresenceRules.openMobileApplication : PresenceRules.application
        document = isOpenMobile ? "pres-rules" : "index"
        defaultNamespace = isOpenMobile ? PresenceRules.rulesetNamespace : PresenceRules.namespace
    }

    func render(_ home: UserHome, kept: XMLElement?) -> XMLElement {
        RulesDocument.render(.init(home, router), over: kept)
    }

    func settled(_ root: XMLElement) -> XMLElement { PresenceRules.settled(root) }

    func check(_ root: XMLElement) throws(XCAPFailure) { _ = try PresenceRules.rules(root) }

    func remainder(_ root: XMLElement) -> XMLElement? { RulesDocument.remainder(root) }

    func apply(_ root: XMLElement, _ home: UserHome, then: @escaping (XCAPOutcome) -> Void) {
        let standing = RulesDocument.Standing(home, router)
        let change: RulesDocument.Change
        do throws(XCAPFailure) {
            let wanted = try RulesDocument.intent(try PresenceRules.rules(root), standing)
            change = RulesDocument.change(wanted, standing)
        } catch {
            return then(.refused(error))
        }
        let steps = steps(change, standing, home)
        run(steps[...], home, then)
    }

    private typealias Step = (_ home: UserHome, _ then: @escaping (StanzaError?) -> Void) -> Void

    /// In an order in which whoever is to be kept out is so first.
    private func steps(
        _ change: RulesDocument.Change, _ standing: RulesDocument.Standing, _ home: UserHome
    ) -> [Step] {
        let router = router
        var steps: [Step] = []
        if !change.block.isEmpty { steps.append { router.block(change.block, $0, completion: $1) } }
        if !change.unblock.isEmpty { steps.append { router.unblock(change.unblock, $0, completion: $1) } }
        let listed = change.disallow.filter(home.allowed.contains)
        if !listed.isEmpty { steps.append { router.disallow(listed, $0, completion: $1) } }
        for jid in change.disallow {
            let subscription = home.roster[jid]?.subscription
            guard subscription?.from == true || subscription?.approved == true else { continue }
            steps.append { self.send(.unsubscribed, to: jid, $0, $1) }
        }
        // The allow list lets in people of this server, and out of blocked domains; others are approved, beforehand if they
        // have not asked.
        let isWaiting = { (home: UserHome, jid: JID) in home.roster[jid]?.subscription.pendingIn == true }
        if !change.allow.isEmpty {
            steps.append { home, then in
                let listing = change.allow.filter {
                    $0.local == nil || !isWaiting(home, $0) || home.blocks($0, .all)
                }
                if listing.isEmpty { then(nil) } else { router.allow(listing, home, completion: then) }
            }
        }
        for jid in change.allow where jid.local != nil {
            steps.append { home, then in
                guard isWaiting(home, jid) || !router.serves(jid.domain) else { return then(nil) }
                self.send(.subscribed, to: jid, home, then)
            }
        }
        return steps
    }

    private func send(
        _ kind: SubscriptionMachine.Stanza, to contact: JID, _ home: UserHome,
        _ then: @escaping (StanzaError?) -> Void
    ) {
        let stanza = PresenceStanza(type: kind.rawValue, from: home.address)
            .addressed(to: Array(contact.description.utf8))
        router.sendSubscription(kind, to: contact, from: home, stanza: stanza, completion: then)
    }

    /// One after the other; the first that is refused ends it.
    private func run(_ steps: ArraySlice<Step>, _ home: UserHome, _ then: @escaping (XCAPOutcome) -> Void) {
        guard let step = steps.first else { return then(.done) }
        step(home) { [self] error in
            guard let error else { return run(steps.dropFirst(), home, then) }
            if error.condition == .internalServerError { return then(.unavailable) }
            then(.refused(.constraint(error.text ?? "the server refuses that")))
        }
    }
}
