import DequeModule
import Ground
import IMCore
import Interworking
import SIPWire
import XMPPWire

/// A registered SIP contact as an endpoint of its user's home: messages to it go out as MESSAGE, one after the other
/// (RFC 3428 §8), and are settled when the contact has answered with 2xx.
///
/// Not available: what the user's SIP clients say of their presence comes with PUBLISH and is nobody's resource.
final class SIPEndpoint: Endpoint {
    /// What waits for the contact: a message of the journal, or one that nobody keeps.
    struct Item {
        let entry: JournalEntry?
        let bytes: [UInt8]
    }

    let resource: String
    let address: [UInt8]
    /// The ways to the client, by preference.
    private(set) var bindings: [Binding]
    unowned let handler: MessageHandler
    private(set) weak var home: UserHome?

    var queue: Deque<Item> = []
    /// The first of the queue is on its way.
    var isSending = false
    private var isUp = true
    private var hasLeft = false
    private var isEnding = false
    /// Ways that were tried for the first of the queue.
    var tried = 0
    /// The contact understands CPIM and IMDN: it has sent some, or registered so.
    var takesCPIM: Bool
    /// The contact has not refused typing notices.
    var takesNotices = true
    /// Who was told last to be writing, so that only they are told to have stopped.
    var composing: Set<[UInt8]> = []
    private var drainWaiters: [() -> Void] = []

    /// Messages that wait; beyond, they wait in the store.
    private static let capacity = 500
    /// Messages left when more may come.
    private static let low = 20

    init(_ bindings: [Binding], resource: String, of home: UserHome, _ handler: MessageHandler) {
        self.bindings = bindings
        self.resource = resource
        self.home = home
        self.handler = handler
        address = home.address + [0x2F] + Array(resource.utf8)
        takesCPIM = bindings.contains { $0.features.string.contains("g.oma.sip-im") }
    }

    /// The instance of the client (RFC 5626 §4.1), which its GRUU has as `gr`; without one the number of the binding.
    static func resource(of binding: Binding) -> String {
        let instance = binding.instance
        guard instance.count > 2, instance.first == 0x3C, let name = try? JIDResource.prepared(instance) else {
            return "sip-\(binding.id)"
        }
        return name
    }

    // MARK: What the core asks

    var isClient: Bool { false }
    var keepsHome: Bool { !queue.isEmpty }
    var isReachable: Bool { isUp && !hasLeft && bindings.contains { $0.isReachable } }
    var availability: Availability? {
        get { nil }
        set {}
    }
    var directed: Set<JID> {
        get { [] }
        set {}
    }
    var isInterested: Bool { false }
    var followsBlockList: Bool { false }
    var wantsCarbons: Bool { false }
    var historyUpTo: MessageID? { nil }
    var interests: PubSubInterests? { nil }
    var isHibernating: Bool { false }
    var isInactive: Bool { false }
    var inFlight: [JournalEntry] { queue.compactMap(\.entry) }

    func stanzaIsSafe(_ number: UInt64) {}
    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {}

    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {
        queue.append(Item(entry: entry, bytes: bytes))
        if queue.count == Self.capacity { handler.server.loop.execute { [weak self] in self?.overflowed() } }
        sendNext()
    }

    /// What nobody keeps: typing notices, receipts, announcements, requests.
    func deliver(_ bytes: [UInt8]) {
        guard isReachable else { return }
        if bytes.starts(with: Self.iq) { return answer(bytes) }
        guard bytes.starts(with: Self.message), queue.count < Self.capacity else { return }
        queue.append(Item(entry: nil, bytes: bytes))
        sendNext()
    }

    private static let iq = Array("<iq".utf8)
    private static let message = Array("<message".utf8)

    func whenDrained(_ body: @escaping () -> Void) {
        guard queue.count > Self.low else { return body() }
        drainWaiters.append(body)
    }

    func end(_ error: StreamError) { leave() }

    // MARK: Coming and going

    /// The bindings are others now.
    func take(_ bindings: [Binding]) {
        self.bindings = bindings
        isHeard()
        sendNext()
    }

    func uses(_ flow: SIPFlow) -> Bool {
        for binding in bindings where binding.flow == flow { return true }
        return false
    }

    /// The contact is there: it sent something.
    func isHeard() { if !isUp { tryAgain() } }

    func tryAgain() {
        guard !isUp, !hasLeft, !isEnding, let home else { return }
        isUp = true
        handler.router.becameReachable(self, home)
        sendNext()
    }

    /// The contact is no longer registered.
    func leave() {
        guard !hasLeft else { return }
        hasLeft = true
        handler.contacts.isUp(self)
        let entries = inFlight
        queue = []
        releaseWaiters()
        if let home { handler.router.unbind(self, from: home, returning: entries) }
    }

    /// The contact does not answer: what it has not taken goes elsewhere, and it is tried again later.
    func fails(_ reason: String) {
        guard isUp, !hasLeft else { return }
        isUp = false
        handler.contacts.isDown(self)
        giveBack(reason)
    }

    /// More comes than the contact takes: it is read back from the store when this is done.
    private func overflowed() {
        guard isUp, queue.count >= Self.capacity else { return }
        rest("too much waits for it")
        handler.server.loop.scheduleTask(in: .seconds(1)) { [weak self] in self?.tryAgain() }
    }

    /// The server goes down: what is on its way may still be answered, the rest waits in the store.
    func endWithServer() {
        guard !isEnding else { return }
        isEnding = true
        rest("the server goes down")
    }

    /// Sends nothing more than what is on its way.
    private func rest(_ reason: String) {
        guard let home else { return }
        isUp = false
        let first = isSending ? queue.first : nil
        let rest = queue.dropFirst(isSending ? 1 : 0).compactMap(\.entry)
        queue = first.map { [$0] } ?? []
        releaseWaiters()
        handler.router.becameUnreachable(self, home, returning: rest, because: reason)
    }

    private func giveBack(_ reason: String) {
        let entries = inFlight
        queue = []
        isSending = false
        tried = 0
        releaseWaiters()
        if let home { handler.router.becameUnreachable(self, home, returning: entries, because: reason) }
    }

    func succeeded() {
        handler.contacts.isUp(self)
        if queue.count <= Self.low { releaseWaiters() }
    }

    private func releaseWaiters() {
        guard !drainWaiters.isEmpty else { return }
        let waiters = drainWaiters
        drainWaiters = []
        for waiter in waiters { waiter() }
    }
}

/// Instances as resources.
enum JIDResource {
    /// `<urn:uuid:…>` without the brackets, prepared (RFC 7622 §3.4).
    static func prepared(_ instance: SIPBytes) throws -> String {
        let text = instance.part(1, instance.count - 1).string
        return try JID(local: "x", domain: "x", resource: text).resource ?? ""
    }
}
