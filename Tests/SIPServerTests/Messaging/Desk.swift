import DequeModule
import Ground
import IMCore
import NIOCore
import XMLWire
import XMPPWire

@testable import SIPServer

/// A client of XMPP as the core sees it: takes what it is given, and tells a test of it. Confined to the server's loop.
final class Desk: Endpoint {
    let resource: String
    let address: [UInt8]
    let home: UserHome
    let router: Router
    var availability: Availability?
    var directed: Set<JID> = []
    private var inbox: Deque<String> = []
    private var waiters: Deque<EventLoopPromise<String>> = []

    init(_ home: UserHome, _ resource: String, _ router: Router) {
        self.home = home
        self.resource = resource
        self.router = router
        address = home.address + Array("/\(resource)".utf8)
    }

    var isReachable: Bool { availability != nil }
    var isInterested: Bool { false }
    var followsBlockList: Bool { false }
    var wantsCarbons: Bool { true }
    var historyUpTo: MessageID? { nil }
    var interests: PubSubInterests? { nil }
    var isHibernating: Bool { false }
    var isInactive: Bool { false }
    var inFlight: [JournalEntry] { [] }

    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {
        take(bytes)
        router.journal.settle(entry, by: address)
    }

    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {}
    func deliver(_ bytes: [UInt8]) { take(bytes) }
    func whenDrained(_ body: @escaping () -> Void) { body() }
    func end(_ error: StreamError) {}
    func stanzaIsSafe(_ number: UInt64) {}

    private func take(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let waiter = waiters.popFirst() { waiter.succeed(text) } else { inbox.append(text) }
    }

    func next(_ loop: any EventLoop) -> EventLoopFuture<String> {
        let promise = loop.makePromise(of: String.self)
        if let text = inbox.popFirst() { promise.succeed(text) } else { waiters.append(promise) }
        return promise.futureResult
    }

    /// Sends a message as a session would.
    func send(_ children: String, to: String, id: String, type: String = "chat") {
        let name = String(decoding: address, as: UTF8.self)
        let text = "<message from='\(name)' to='\(to)' type='\(type)' id='\(id)'>\(children)</message>"
        guard let element = try? Self.element(text) else { return }
        router.send(element, from: self, of: home)
    }
}

extension Desk {
    static func element(_ text: String) throws -> XMLElement {
        try Array(text.utf8).withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
    }
}

/// A desk from outside the loop.
final class RemoteDesk: Sendable {
    private let desk: NIOLoopBound<Desk>

    private init(_ desk: NIOLoopBound<Desk>) { self.desk = desk }

    /// Signs in and becomes available.
    static func signIn(_ name: String, _ resource: String = "desk", on bench: SIPBench) async throws -> RemoteDesk {
        let loop = bench.loop
        let promise = loop.makePromise(of: RemoteDesk.self)
        try await bench.on { server in
            let router = server.router
            router.homes.withHome(SIPBench.jid(name)) { home in
                guard let home else { return promise.fail(Phone.Silence(description: "no account \(name)")) }
                let desk = Desk(home, resource, router)
                router.bind(desk, to: home)
                let stanza = PresenceStanza(bytes: Array("<presence/>".utf8), gap: 9)
                router.becomeAvailable(desk, home, Availability(priority: 1, show: "available", stanza: stanza))
                promise.succeed(RemoteDesk(NIOLoopBound(desk, eventLoop: loop)))
            }
        }
        return try await promise.futureResult.get()
    }

    func next() async throws -> String {
        let desk = desk
        return try await desk.eventLoop.flatSubmit { desk.value.next(desk.eventLoop) }.get()
    }

    func send(_ children: String, to: String, id: String = "m1", type: String = "chat") async throws {
        let desk = desk
        try await desk.eventLoop.submit { desk.value.send(children, to: to, id: id, type: type) }.get()
    }

    func leave() async throws {
        let desk = desk
        try await desk.eventLoop.submit {
            desk.value.router.unbind(desk.value, from: desk.value.home, returning: [])
        }.get()
    }
}
