import Foundation
import Ground
import IMCore
import XMPPWire

@testable import SIPServer

/// What has come, for a test on another thread.
final class Mailbox: @unchecked Sendable {
    // Safe: everything is behind the condition.
    private let condition = NSCondition()
    private var texts: [String] = []

    func add(_ text: String) {
        condition.lock()
        texts.append(text)
        condition.broadcast()
        condition.unlock()
    }

    /// The first that has `part`; what came before it is dropped.
    func wait(for part: String) throws -> String {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date().addingTimeInterval(10)
        while true {
            if let index = texts.firstIndex(where: { $0.contains(part) }) {
                defer { texts.removeFirst(index + 1) }
                return texts[index]
            }
            guard condition.wait(until: deadline) else {
                throw Phone.Silence(description: "waited for \(part), and saw \(texts)")
            }
        }
    }
}

/// A client of XMPP as the core sees it: available, takes everything at once.
final class Chatter: Endpoint {
    let address: [UInt8]
    let resource: String
    var availability: Availability?
    var directed: Set<JID> = []
    private let mailbox: Mailbox
    private unowned let router: Router
    let home: UserHome

    init(_ home: UserHome, resource: String, router: Router, mailbox: Mailbox) {
        self.home = home
        self.resource = resource
        self.router = router
        self.mailbox = mailbox
        address = home.address + [0x2F] + Array(resource.utf8)
        let presence = PresenceStanza(bytes: Array("<presence/>".utf8), gap: 9)
        availability = Availability(priority: 0, show: "available", stanza: presence)
    }

    var isReachable: Bool { true }
    var isInterested: Bool { false }
    var followsBlockList: Bool { false }
    var wantsCarbons: Bool { false }
    var historyUpTo: MessageID? { nil }
    var interests: PubSubInterests? { nil }
    var isHibernating: Bool { false }
    var isInactive: Bool { false }
    var inFlight: [JournalEntry] { [] }

    func stanzaIsSafe(_ number: UInt64) {}
    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {}
    func deliver(_ bytes: [UInt8]) { mailbox.add(String(decoding: bytes, as: UTF8.self)) }
    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {
        mailbox.add(String(decoding: bytes, as: UTF8.self))
        router.journal.settle(entry, by: address, "taken")
    }
    func whenDrained(_ body: @escaping () -> Void) { body() }
    func end(_ error: StreamError) { router.unbind(self, from: home, returning: []) }
}

extension SIPBench {
    /// Signs a user in with XMPP.
    func signIn(_ name: String, resource: String = "desk") async throws -> Mailbox {
        let mailbox = Mailbox()
        try await on { server in
            server.router.homes.withHome(Self.jid(name)) { home in
                guard let home else { return mailbox.add("no such account") }
                let chatter = Chatter(home, resource: resource, router: server.router, mailbox: mailbox)
                server.router.bind(chatter, to: home)
                mailbox.add("ready")
            }
        }
        _ = try mailbox.wait(for: "ready")
        return mailbox
    }

    /// What the server remembers of a message: kinds of steps and their notes.
    ///
    /// - Parameter name: as its sender calls it; of a MESSAGE the Call-ID.
    func trail(_ name: String) async throws -> [String] {
        let promise = loop.makePromise(of: [String].self)
        try await on { server in
            server.router.explainMessage(name) { result in
                promise.completeWith(
                    result.map { found in found.flatMap { $0.steps.map { "\($0.kind) \($0.note)" } } })
            }
        }
        return try await promise.futureResult.get()
    }

    /// A chat message of a user who has signed in.
    ///
    /// - Parameters:
    ///   - to: full or bare.
    ///   - children: of the stanza.
    func write(_ name: String, to: String, _ children: String, resource: String = "desk") async throws {
        try await on { server in
            let router = server.router
            guard let home = router.homes.loaded(Self.jid(name)), let sender = home.endpoint(resource: resource),
                let recipient = try? JID(parsing: to)
            else { throw Phone.Silence(description: "\(name) is not signed in") }
            let from = String(decoding: sender.address, as: UTF8.self)
            let isText = children.contains("<body>")
            let text = "<message from='\(from)' to='\(to)' type='chat' id='x1'>\(children)</message>"
            var message = IncomingMessage(
                id: router.journal.nextID(), type: .chat, traits: isText ? [.body, .substance, .lasting] : .chatState,
                bytes: Array(text.utf8), fullAddress: recipient.isBare ? nil : Array(to.utf8), ledgerNumber: nil,
                sender: sender, senderHome: home)
            message.nameHash = MessageTrail.hash("x1".utf8)
            router.route(message, to: recipient)
        }
    }
}
