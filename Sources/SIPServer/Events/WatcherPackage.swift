import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMPPWire

/// `presence.winfo` (RFC 3857): who watches the user, for the user alone. The roster is the list: whom it lets see is active, whom
/// the user has not answered is pending, and waiting once its dialog has run out.
final class WatcherPackage: EventPackage {
    let name = "presence.winfo"
    let mediaType = WatcherInfo.mediaType
    private unowned let server: SIPServer
    weak var engine: EventEngine?

    init(server: SIPServer) { self.server = server }

    func admit(_ watcher: EventWatcher, to target: JID, mayAsk: Bool, then: @escaping (Admission) -> Void) {
        then(watcher.isLocal && watcher.jid == target ? .active : .refused(.forbidden))
    }

    func prepare(_ resource: EventResource, then: @escaping () -> Void) {
        server.router.homes.withHome(resource.target) { [self] home in
            if let home { resource.setFull(mediaType, document(of: home, resource)) }
            then()
        }
    }

    func body(for subscription: Subscription) -> EventBody { subscription.resource.full ?? EventBody.empty() }

    private func document(of home: UserHome, _ resource: EventResource) -> [UInt8] {
        var watchers: [WatcherInfo.Watcher] = []
        var listed: Set<JID> = []
        for item in home.roster.values {
            let watcher: WatcherInfo.Watcher
            if item.subscription.from {
                watcher = Self.watcher(item.contact, .active, .approved)
            } else if item.subscription.pendingIn {
                watcher =
                    resource.gaveUp.contains(item.contact)
                    ? Self.watcher(item.contact, .waiting, .timeout)
                    : Self.watcher(item.contact, .pending, .subscribe)
            } else {
                continue
            }
            watchers.append(watcher)
            listed.insert(item.contact)
        }
        // Who was there before is told of once as gone.
        for gone in resource.listed.subtracting(listed) { watchers.append(Self.watcher(gone, .terminated, .rejected)) }
        resource.listed = listed
        watchers.sort { $0.uri < $1.uri }
        let uri = String(decoding: AddressMapping.uri(of: home.jid), as: UTF8.self)
        return WatcherInfo(
            version: 0, isFull: true, lists: [.init(resource: uri, package: "presence", watchers: watchers)]
        ).bytes
    }

    private static func watcher(
        _ jid: JID, _ status: WatcherInfo.Status, _ cause: WatcherInfo.Cause
    ) -> WatcherInfo.Watcher {
        let uri = String(decoding: AddressMapping.uri(of: jid), as: UTF8.self)
        // Names the watcher among those of one user, without being longer than need be.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in uri.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return WatcherInfo.Watcher(id: "w" + String(hash, radix: 36), uri: uri, status: status, cause: cause)
    }
}
