import IMCore
import PresenceWire
import XMLWire
import XMPPWire

/// `resource-lists/users/…/index`: the contact list.
///
/// A PUT adds, changes and removes contacts as a client of XMPP would, with the same limits. Of new ones as many are added
/// as there is room for; the rest is the reason of a 409 `constraint-failure`. Nobody is asked for a subscription by it.
final class RosterView: XCAPView {
    let application = ResourceLists.application
    let contentType = ResourceLists.contentType
    let defaultNamespace = ResourceLists.namespace
    private let router: Router

    init(router: Router) { self.router = router }

    private func contacts(_ home: UserHome) -> [RosterDocument.Contact] {
        router.rosterItems(home).map { .init(jid: $0.contact, name: $0.name, groups: $0.groups) }
    }

    func render(_ home: UserHome, kept: XMLElement?) -> XMLElement {
        RosterDocument.render(contacts(home), over: kept, owner: home.jid)
    }

    func settled(_ root: XMLElement) -> XMLElement { RosterDocument.compacted(root) }

    func check(_ root: XMLElement) throws(XCAPFailure) { try ResourceLists.validate(root) }

    func remainder(_ root: XMLElement) -> XMLElement? { root }

    func apply(_ root: XMLElement, _ home: UserHome, then: @escaping (XCAPOutcome) -> Void) {
        let known = Dictionary(contacts(home).map { ($0.jid, $0) }, uniquingKeysWith: { first, _ in first })
        let wanted = RosterDocument.contacts(in: root, owner: home.jid, known: known)
        for contact in wanted {
            if let phrase = Self.obstacle(contact) { return then(.refused(.constraint(phrase))) }
        }
        let names = Set(wanted.map(\.jid))
        let gone = known.keys.filter { !names.contains($0) }.sorted { $0.description < $1.description }
        let updates = wanted.compactMap { contact -> Router.RosterUpdate? in
            if let old = known[contact.jid], old.name == contact.name, Set(old.groups) == Set(contact.groups) {
                return nil
            }
            return Router.RosterUpdate(contact: contact.jid, name: contact.name, groups: contact.groups)
        }
        // Those who go make room.
        remove(gone[...], home) { [router] error in
            guard error == nil else { return then(.unavailable) }
            guard !updates.isEmpty else { return then(.done) }
            router.addContacts(updates, home) { outcomes in then(Self.outcome(outcomes)) }
        }
    }

    /// Limits of names and groups: those of RFC 6121 clients.
    private static func obstacle(_ contact: RosterDocument.Contact) -> String? {
        if contact.name.utf8.count > 1_023 { return "a name has at most 1023 bytes" }
        if contact.groups.count > 100 { return "a contact is in at most 100 lists" }
        if contact.groups.contains(where: { $0.utf8.count > 1_023 }) { return "a list has a name of 1 to 1023 bytes" }
        if contact.groups.contains(where: { $0.unicodeScalars.contains { $0.value == 0x1F } }) {
            return "a list cannot have that name"
        }
        return nil
    }

    /// Contacts that are removed at a time: what other users wait for meanwhile is a few milliseconds.
    private static let slice = 16

    private func remove(
        _ contacts: ArraySlice<JID>, _ home: UserHome, then: @escaping (StanzaError?) -> Void
    ) {
        guard !contacts.isEmpty, !home.isRemoved else { return then(nil) }
        let some = contacts.prefix(Self.slice)
        let rest = contacts.dropFirst(Self.slice)
        var left = some.count
        var failure: StanzaError?
        for contact in some {
            router.removeRosterItem(contact, home) { [self] error in
                // Another client may have been faster.
                if let error, error.condition != .itemNotFound { failure = error }
                left -= 1
                guard left == 0 else { return }
                if let failure { return then(failure) }
                remove(rest, home, then: then)
            }
        }
    }

    private static func outcome(_ outcomes: [Router.ContactOutcome]) -> XCAPOutcome {
        var refused = 0
        var reason: StanzaError?
        for outcome in outcomes {
            guard case .refused(let error) = outcome.result else { continue }
            if error.condition == .internalServerError { return .unavailable }
            refused += 1
            reason = reason ?? error
        }
        guard let reason else { return .done }
        let text = reason.text ?? "refused"
        return .refused(
            .constraint("\(refused) of \(outcomes.count) contacts were not taken: \(text)"))
    }
}
