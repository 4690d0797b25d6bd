import Crypto
import IMCore
import NIOCore
import PresenceWire
import Storage
import XMLWire
import XMPPWire

/// Reads and changes the documents of users. Changes of one user happen one after the other. Confined to the loop of
/// the router.
final class XCAPService {
    /// A document as it is now.
    struct Snapshot {
        var root: XMLElement
        var bytes: [UInt8]
        /// With quotes. A hash of the bytes: it is another one whoever changed something, with whatever protocol.
        var entityTag: String

        init(_ root: XMLElement) {
            self.root = root
            bytes = XCAPDocument.bytes(of: root)
            let digits = Array("0123456789abcdef".utf8)
            let hash = SHA256.hash(data: bytes).prefix(12).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
            entityTag = "\"" + String(decoding: hash, as: UTF8.self) + "\""
        }
    }

    let router: Router
    let views: [any XCAPView]
    private let loop: NIOIsolatedEventLoop
    /// Users of whom something is being changed, with what waits.
    private var busy: [JID: [() -> Void]] = [:]
    static let waitingLimit = 32

    init(router: Router, loop: NIOIsolatedEventLoop) {
        self.router = router
        self.loop = loop
        views = [
            RosterView(router: router), RulesView(router: router, isOpenMobile: false),
            RulesView(router: router, isOpenMobile: true), ServicesView(),
        ]
    }

    func view(_ application: String) -> (any XCAPView)? { views.first { $0.application == application } }

    /// What the server says of itself (RFC 4825 §12).
    var capabilities: XMLElement {
        XCAPCapabilities(
            applications: [XCAPCapabilities.application] + views.map(\.application),
            namespaces: [
                XCAPCapabilities.namespace, XCAPFailure.namespace, ResourceLists.namespace,
                ResourceLists.Services.namespace, PresenceRules.rulesetNamespace, PresenceRules.namespace,
            ]
        ).element
    }

    /// Calls back with the document as it is; nil when the store does not answer.
    func read(_ view: any XCAPView, _ home: UserHome, then: @escaping (Snapshot?) -> Void) {
        guard let name = view.keptAs else { return then(Snapshot(view.render(home, kept: nil))) }
        let userID = home.id
        let outcome = Outcome<XMLElement?>()
        let finish = NIOLoopBound(
            { (error: (any Error)?) in
                guard error == nil else { return then(nil) }
                then(Snapshot(view.render(home, kept: outcome.value ?? nil)))
            } as ((any Error)?) -> Void, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        router.database.read(
            { outcome.value = try XCAPStore.load(name, of: userID, in: $0) },
            completion: { error in eventLoop.execute { finish.value(error) } })
    }

    /// Puts a whole document, checked by then, in place of the one that is there.
    func write(
        _ root: XMLElement, _ view: any XCAPView, _ home: UserHome, then: @escaping (XCAPOutcome) -> Void
    ) {
        guard let name = view.keptAs else { return then(.unavailable) }
        view.apply(root, home) { [self] outcome in
            if case .unavailable = outcome { return then(outcome) }
            // Also after a refusal of a part: what was not taken is not rendered.
            let remainder = view.remainder(root).map { XCAPDocument.bytes(of: $0) }
            let userID = home.id
            let finish = NIOLoopBound(
                { (error: (any Error)?) in then(error == nil ? outcome : .unavailable) } as ((any Error)?) -> Void,
                eventLoop: loop.nonisolated())
            let eventLoop = loop.nonisolated()
            router.database.write(
                { try XCAPStore.save(remainder, name, of: userID, in: $0) },
                completion: { error in eventLoop.execute { finish.value(error) } })
        }
    }

    /// Runs `body` when nothing else is being changed for the user; it calls its argument when it is through.
    ///
    /// - Returns: false when too much waits already.
    func exclusively(_ user: JID, _ body: @escaping (_ done: @escaping () -> Void) -> Void) -> Bool {
        let run = { [self] in body { self.next(user) } }
        guard let waiting = busy[user] else {
            busy[user] = []
            run()
            return true
        }
        guard waiting.count < Self.waitingLimit else { return false }
        busy[user]?.append(run)
        return true
    }

    private func next(_ user: JID) {
        guard var waiting = busy[user], !waiting.isEmpty else {
            busy[user] = nil
            return
        }
        let first = waiting.removeFirst()
        busy[user] = waiting
        first()
    }
}
