import IMCore
import Interworking
import PresenceWire
import XMPPWire

/// A subscription to the own contact list (RFC 4662), or to people that the request names (RFC 5367): one dialog in place of one for each contact.
final class ResourceListState {
    struct Member {
        var right: WatcherRight
        var name: String
    }

    /// Somebody whom the request itself names (RFC 5367).
    struct Given {
        /// Bare.
        var contact: JID
        var name: String
    }

    unowned let subscription: Subscription
    let owner: JID
    /// The members, where the request has named them; nil for those of the contact list.
    var given: [Given]?
    var members: [JID: Member] = [:]
    /// To be told next.
    var changed: Set<JID> = []
    /// The next document has everybody.
    var isFull = true
    var version = 0

    init(_ subscription: Subscription) {
        self.subscription = subscription
        owner = subscription.watcher
    }
}

extension EventEngine {
    func makeList(_ subscription: Subscription, _ given: [ResourceListState.Given]? = nil) {
        let list = ResourceListState(subscription)
        list.given = given
        subscription.list = list
    }

    /// Looks at the roster anew, then at what each contact shows, and tells all of it.
    func tell(_ list: ResourceListState, forced: Bool) {
        guard forced || list.isFull else { return send(list.subscription, forced: false) }
        let subscription = list.subscription
        list.isFull = true
        router.homes.withHome(list.owner) { [weak self] home in
            guard let self, let home, subscription.state != .terminated else { return }
            readMembers(list, home) { [weak self] in
                list.changed = Set(list.members.keys)
                self?.send(subscription, forced: forced)
            }
        }
    }

    /// Tells the list once and ends (RFC 6665 §4.4.3).
    func fetchList(_ subscription: Subscription) {
        guard let list = subscription.list else { return }
        router.homes.withHome(list.owner) { [weak self] home in
            guard let self, let home else { return }
            readMembers(list, home) { [weak self] in self?.end(subscription, reason: "timeout") }
        }
    }

    private func readMembers(_ list: ResourceListState, _ home: UserHome, _ then: @escaping () -> Void) {
        leave(list)
        let items =
            list.given?[...]
            ?? home.roster.values.filter { $0.isVisible && router.serves($0.contact.domain) }
            .sorted { $0.contact.description < $1.contact.description }.prefix(server.config.listMembers)
            .map { ResourceListState.Given(contact: $0.contact.bare, name: $0.name) }[...]
        var left = items.count + 1
        func finish() {
            left -= 1
            if left == 0 { then() }
        }
        for item in items {
            let (contact, name) = (item.contact, item.name)
            list.members[contact] = .init(right: .none, name: name)
            let resource = makeResource(contact, presence)
            resource.lists.append(list)
            router.homes.withHome(contact) { [weak self] other in
                guard let self, let other else { return finish() }
                list.members[contact]?.right = router.watcherRight(of: other, for: home.jid, home)
                prepare(resource, then: finish)
            }
        }
        finish()
    }

    /// The list is not told of its members any more.
    func leave(_ list: ResourceListState) {
        let members = list.members.keys
        list.members = [:]
        for member in members {
            guard let resource = resource(member, presence) else { continue }
            resource.lists.removeAll { $0 === list }
            dropIfIdle(resource)
        }
    }

    /// Roster or rights are different.
    func membersChanged(_ list: ResourceListState) { tell(list, forced: true) }

    /// One contact shows something else.
    func memberChanged(_ list: ResourceListState, _ member: JID) {
        guard list.members[member]?.right == .sees else { return }
        list.changed.insert(member)
        send(list.subscription, forced: false)
    }

    func document(for list: ResourceListState) -> EventBody {
        let host = list.owner.domain
        let told = list.isFull ? Set(list.members.keys) : list.changed
        var parts: [RelatedParts.Part] = []
        var resources: [ResourceListInformation.Resource] = []
        for jid in told.sorted(by: { $0.description < $1.description }) {
            guard let member = list.members[jid], let resource = resource(jid, presence) else { continue }
            let uri = String(decoding: AddressMapping.uri(of: jid), as: UTF8.self)
            var instance = ResourceListInformation.Instance(id: "1", state: .pending)
            switch member.right {
            case .sees, .hidden:
                instance.state = .active
                instance.contentID = "m\(parts.count + 1)@\(host)"
                parts.append(
                    .init(
                        contentID: instance.contentID, mediaType: presence.mediaType,
                        body: presence.body(resource, isHidden: member.right == .hidden).content))
            case .waits: break
            case .none:
                instance.state = .terminated
                instance.reason = "rejected"
            }
            resources.append(.init(uri: uri, name: member.name, instances: [instance]))
        }
        let owner = String(decoding: AddressMapping.uri(of: list.owner), as: UTF8.self)
        let information = ResourceListInformation(
            uri: list.given == nil ? owner + ";list=contacts" : owner, version: list.version, isFull: list.isFull,
            resources: resources)
        list.version += 1
        list.isFull = false
        list.changed = []
        let root = RelatedParts.Part(
            contentID: "list@\(host)", mediaType: ResourceListInformation.mediaType, body: information.bytes)
        let body = RelatedParts(boundary: "roost-\(list.version)-\(parts.count)-list", parts: [root] + parts)
        return EventBody(type: body.contentType, content: body.bytes)
    }
}
