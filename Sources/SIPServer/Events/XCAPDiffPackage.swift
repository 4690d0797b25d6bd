import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMPPWire

/// `xcap-diff` (RFC 5875): which of the user's own documents are different, for the user alone. Whatever a request lists, all
/// of them are told of, with their tags; clients read again what they do not have.
final class XCAPDiffPackage: EventPackage {
    let name = "xcap-diff"
    let mediaType = XCAPDiff.mediaType
    let numbersDocuments = false
    private unowned let server: SIPServer
    weak var engine: EventEngine?
    private let service: XCAPService
    /// What was told last, while somebody watches.
    private var known: [JID: (tags: [String], version: Int64)] = [:]
    private var nextLook: Int64 = 0

    init(server: SIPServer) {
        self.server = server
        service = XCAPService(router: server.router, loop: server.loop)
    }

    func admit(_ watcher: EventWatcher, to target: JID, mayAsk: Bool, then: @escaping (Admission) -> Void) {
        guard server.config.isXCAPOn else { return then(.refused(.badEvent)) }
        then(watcher.isLocal && watcher.jid == target ? .active : .refused(.forbidden))
    }

    func prepare(_ resource: EventResource, then: @escaping () -> Void) {
        server.router.homes.withHome(resource.target) { [self] home in
            guard let home else { return then() }
            let version = home.rosterVersion
            read(service.views[...], home, []) { [self] tags in
                guard let tags else { return then() }
                tell(tags, version, resource)
                then()
            }
        }
    }

    /// One document after the other; nil when the store does not answer.
    private func read(
        _ views: ArraySlice<any XCAPView>, _ home: UserHome, _ tags: [String], then: @escaping ([String]?) -> Void
    ) {
        guard let view = views.first else { return then(tags) }
        service.read(view, home) { [self] snapshot in
            guard let snapshot else { return then(nil) }
            read(views.dropFirst(), home, tags + [snapshot.entityTag], then: then)
        }
    }

    private func tell(_ tags: [String], _ version: Int64, _ resource: EventResource) {
        let before = known[resource.target]
        known[resource.target] = (tags, version)
        resource.isStale = false
        if before?.tags == tags, resource.full != nil { return }
        let address = String(decoding: AddressMapping.uri(of: resource.target), as: UTF8.self)
        let documents = zip(service.views, tags).enumerated().map { index, pair in
            let old = before.map { index < $0.tags.count ? $0.tags[index] : "" } ?? ""
            return XCAPDiff.Document(
                selector: "\(pair.0.application)/users/\(address)/\(pair.0.document)",
                previous: resource.full == nil || old == pair.1 ? "" : old, new: pair.1)
        }
        resource.setFull(mediaType, XCAPDiff(root: server.config.xcapRoot, documents: documents).bytes)
    }

    func body(for subscription: Subscription) -> EventBody { subscription.resource.full ?? EventBody.empty() }

    /// Names and groups of contacts change without a word: homes in memory are looked at every few seconds.
    func tick(_ second: Int64) {
        guard !known.isEmpty, second >= nextLook, let engine else { return }
        nextLook = second + 5
        for (jid, told) in known {
            guard let resource = engine.resource(jid, self) else {
                known[jid] = nil
                continue
            }
            if let home = server.router.homes.loaded(jid), home.rosterVersion != told.version {
                engine.changed(resource)
            }
        }
    }
}
