import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMPPWire

/// `reg` (RFC 3680): where a user is registered, for the user alone.
final class RegistrationPackage: EventPackage {
    let name = "reg"
    let mediaType = RegistrationDocument.mediaType
    private unowned let server: SIPServer

    init(server: SIPServer) { self.server = server }

    func admit(_ watcher: EventWatcher, to target: JID, mayAsk: Bool, then: @escaping (Admission) -> Void) {
        then(watcher.isLocal && watcher.jid == target ? .active : .refused(.forbidden))
    }

    func prepare(_ resource: EventResource, then: @escaping () -> Void) {
        let uri = String(decoding: AddressMapping.uri(of: resource.target), as: UTF8.self)
        let contacts = server.location.bindings(of: resource.target).enumerated().map { index, binding in
            RegistrationDocument.Contact(
                id: "c\(index)", uri: binding.contact.string, isActive: true, cause: .registered)
        }
        resource.setFull(
            mediaType,
            RegistrationDocument(
                version: 0, record: uri, id: "r1", state: contacts.isEmpty ? .terminated : .active, contacts: contacts
            ).bytes)
        then()
    }

    func body(for subscription: Subscription) -> EventBody { subscription.resource.full ?? EventBody.empty() }
}

/// `message-summary` (RFC 3842): messages that wait for the user, for the user alone.
final class SummaryPackage: EventPackage {
    let name = "message-summary"
    let mediaType = MessageSummary.mediaType
    let numbersDocuments = false
    private unowned let server: SIPServer
    weak var engine: EventEngine?
    private var counts: [JID: Int] = [:]
    private var nextLook: Int64 = 0

    init(server: SIPServer) { self.server = server }

    func admit(_ watcher: EventWatcher, to target: JID, mayAsk: Bool, then: @escaping (Admission) -> Void) {
        then(watcher.isLocal && watcher.jid == target ? .active : .refused(.forbidden))
    }

    func prepare(_ resource: EventResource, then: @escaping () -> Void) {
        server.router.homes.withHome(resource.target) { [self] home in
            let unread = home?.storedMessages ?? 0
            counts[resource.target] = unread
            let uri = String(decoding: AddressMapping.uri(of: resource.target), as: UTF8.self)
            resource.setFull(mediaType, MessageSummary(account: uri, unread: unread).bytes)
            then()
        }
    }

    func body(for subscription: Subscription) -> EventBody { subscription.resource.full ?? EventBody.empty() }

    /// Storing a message tells nobody: homes in memory are looked at every few seconds.
    func tick(_ second: Int64) {
        guard !counts.isEmpty, second >= nextLook, let engine else { return }
        nextLook = second + 5
        for (jid, count) in counts {
            guard let resource = engine.resource(jid, self) else {
                counts[jid] = nil
                continue
            }
            if let home = server.router.homes.loaded(jid), home.storedMessages != count { engine.changed(resource) }
        }
    }
}

/// `dialog` (RFC 4235): the calls that a call manager or the proxy knows of, for those who see the user's presence. They
/// learn that there is a call, and who called; the user's own devices also with whom.
final class DialogPackage: EventPackage {
    let name = "dialog"
    let mediaType = DialogInfo.mediaType
    private unowned let server: SIPServer
    weak var engine: EventEngine?

    init(server: SIPServer) { self.server = server }

    func admit(_ watcher: EventWatcher, to target: JID, mayAsk: Bool, then: @escaping (Admission) -> Void) {
        guard let engine else { return then(.refused(.forbidden)) }
        engine.presence.admit(watcher, to: target, mayAsk: false, then: then)
    }

    func prepare(_ resource: EventResource, then: @escaping () -> Void) {
        server.router.homes.withHome(resource.target) { [self] home in
            home?.isWatchedOutside = true
            var info = empty(resource.target)
            for publication in home?.publications ?? [] where publication.event == .dialog {
                guard let calls = try? DialogInfo(parsing: publication.document) else { continue }
                info.dialogs += calls.dialogs.filter { $0.state != .terminated }
            }
            if resource.subscriptions.contains(where: { $0.watcher == resource.target }) {
                // With whom is for the user's own devices.
                var own = info
                own.dialogs += server.calls.dialogs(of: resource.target, isOwn: true)
                resource.setOwn(mediaType, own.bytes)
            }
            info.dialogs += server.calls.dialogs(of: resource.target, isOwn: false)
            resource.setFull(mediaType, info.bytes)
            then()
        }
    }

    func body(for subscription: Subscription) -> EventBody {
        let resource = subscription.resource
        if subscription.watcher == resource.target, let own = resource.own { return own }
        if !subscription.isHidden, let full = resource.full { return full }
        if let closed = resource.closed { return closed }
        let closed = EventBody(type: mediaType, content: empty(resource.target).bytes)
        resource.closed = closed
        return closed
    }

    private func empty(_ jid: JID) -> DialogInfo {
        DialogInfo(version: 0, entity: String(decoding: AddressMapping.uri(of: jid), as: UTF8.self), dialogs: [])
    }
}
