import IMCore
import NIOCore
import Storage
import XMLWire
import XMPPWire

/// Chat rooms (XEP-0045), as `rooms.` of a hosted domain.
///
/// A stanza is checked against the `Room` it is for; what the room says is to happen is delivered, after the commit
/// where something of it has to be stored. Everything of one room leaves in the order in which it came about.
final class RoomsService: DomainService {
    let domain: String
    let title = "Chat rooms"
    var hidesStatus: Bool { true }
    unowned let server: C2SServer
    var config: RoomsConfig { server.services.rooms }
    var router: Router { server.router }

    /// A room, and what it has to tell once earlier changes are stored.
    final class Place {
        let room: Room
        fileprivate var waiting: [Telling] = []

        init(_ room: Room) { self.room = room }
    }

    /// What is told when a change is stored; at once where there is none.
    fileprivate final class Telling {
        let events: [RoomEvent]
        let completion: ((any Error)?) -> Void
        var isStored: Bool
        var error: (any Error)?

        init(_ events: [RoomEvent], isStored: Bool, _ completion: @escaping ((any Error)?) -> Void) {
            self.events = events
            self.isStored = isStored
            self.completion = completion
        }
    }

    private(set) var places: [JID: Place] = [:]
    private var isLoaded = false
    /// What came before the rooms were read from the store.
    private var early: [RoutedStanza] = []
    static let earlyLimit = 10_000
    private(set) lazy var source = RoomSource(self)
    private(set) lazy var relay = RoomRelay(self)
    private(set) lazy var letters = RoomLetters(self)

    init(domain: String, server: C2SServer) {
        self.domain = domain
        self.server = server
        load()
    }

    private func load() {
        let outcome = Outcome<[RoomRecord]>()
        let loop = server.loop.nonisolated()
        let finish = NIOLoopBound(
            { [weak self] (error: (any Error)?) in self?.loaded(outcome.value, error) } as ((any Error)?) -> Void,
            eventLoop: loop)
        let (domain, limit) = (domain, config.rooms)
        router.database.read(
            { outcome.value = try RoomStore.rooms(of: domain, limit: limit, in: $0) },
            completion: { error in loop.execute { finish.value(error) } })
    }

    private func loaded(_ records: [RoomRecord]?, _ error: (any Error)?) {
        guard let records, error == nil else {
            // An empty service would let others take the rooms over.
            server.logger.error(
                "cannot read the chat rooms, trying again in a second",
                metadata: ["error": "\(String(describing: error))"])
            server.loop.scheduleTask(in: .seconds(1)) { [weak self] in self?.load() }
            return
        }
        for record in records { places[record.jid] = Place(Room(record, limits: config.limits)) }
        isLoaded = true
        let stanzas = early
        early = []
        for stanza in stanzas { receive(stanza) }
    }

    func receive(_ stanza: RoutedStanza) {
        guard isLoaded else {
            guard early.count < Self.earlyLimit else {
                return refuse(stanza, StanzaError(.wait, .resourceConstraint, "the rooms are not ready yet"))
            }
            return early.append(stanza)
        }
        switch stanza.kind {
        case .presence: receivePresence(stanza)
        case .message: receiveMessage(stanza)
        case .iq: receiveRequest(stanza)
        }
    }

    /// Once a second.
    func tick(_ uptime: Int64) { relay.tick(uptime) }

    /// The server goes down: everybody in a room is told (status code 332).
    func shutDown() {
        for place in places.values { deliver(place.room.shutDown(), in: place.room) }
    }

    /// New limits hold for rooms that exist already; nobody has to leave.
    func limitsChanged() {
        for place in places.values { place.room.limits = config.limits }
    }

    // MARK: Rooms

    func place(_ jid: JID) -> Place? { places[jid.bare] }

    func add(_ room: Room) -> Place {
        let place = Place(room)
        places[room.jid] = place
        return place
    }

    var hasRoomForMore: Bool { places.count < config.rooms }

    var mayPersistMore: Bool {
        places.values.reduce(0) { $0 + ($1.room.configuration.isPersistent ? 1 : 0) } < config.persistentRooms
    }

    // MARK: Telling

    /// Tells what happened in a room, after what has to be stored of it is.
    ///
    /// - Parameter completion: runs after the events are out, with the error when storing failed.
    func tell(
        _ events: [RoomEvent], in place: Place, change: RoomChange? = nil,
        then completion: @escaping ((any Error)?) -> Void = { _ in }
    ) {
        let room = place.room
        let change = change ?? room.takeChange()
        if room.isForgettable, places[room.jid] === place { places[room.jid] = nil }
        guard change != nil || !place.waiting.isEmpty else {
            deliver(events, in: room)
            return completion(nil)
        }
        let telling = Telling(events, isStored: change == nil, completion)
        place.waiting.append(telling)
        guard let change else { return }
        let stored: ((any Error)?) -> Void = { [self] error in
            telling.isStored = true
            telling.error = error
            if let error { server.logger.error("a room was not stored", metadata: ["error": "\(error)"]) }
            while let first = place.waiting.first, first.isStored {
                place.waiting.removeFirst()
                deliver(first.events, in: room)
                first.completion(first.error)
            }
        }
        router.journal.perform({ try RoomStore.apply(change, in: $0) }, completion: stored)
    }

    /// Ends a room: it can be made anew at once.
    func forget(_ place: Place, _ events: [RoomEvent], then completion: @escaping ((any Error)?) -> Void) {
        if places[place.room.jid] === place { places[place.room.jid] = nil }
        tell(events, in: place, change: place.room.takeRemoval(), then: completion)
    }

    // MARK: Refusing

    /// Answers with an error that the room found (RFC 6120 §8.3.1), and settles the stanza.
    func refuse(_ stanza: RoutedStanza, _ error: StanzaError) {
        defer { stanza.settle() }
        let type = stanza.element["type"] ?? ""
        guard type != "error", stanza.kind != .iq || type != "result" else { return }
        var error = error
        if stanza.to.local != nil { error.by = stanza.to.bare.description }
        var answer = XMLElement(stanza.kind.rawValue, namespace: XMPPNamespace.client, attributes: ["type": "error"])
        answer["id"] = stanza.element["id"]
        answer["from"] = stanza.to.description
        answer["to"] = stanza.from.description
        // Clients find what they had asked for by it.
        switch stanza.kind {
        case .presence: answer.children = [.element(XMLElement("x", namespace: RoomNamespace.muc))]
        case .message: answer.children = stanza.element.children
        case .iq: break
        }
        answer.children.append(.element(error.element))
        stanza.source.deliver(answer.stanzaBytes)
    }

    /// Runs what may be refused, and answers with the error.
    func attempt(_ stanza: RoutedStanza, _ body: () throws(StanzaError) -> Void) {
        do throws(StanzaError) { try body() } catch { refuse(stanza, error) }
    }
}

/// Who messages and requests of rooms are from: hears of what could not be delivered.
final class RoomSource: StanzaSource {
    private unowned let service: RoomsService
    let address: [UInt8]
    var resource: String { "" }

    init(_ service: RoomsService) {
        self.service = service
        address = Array(service.domain.utf8)
    }

    func deliver(_ bytes: [UInt8]) {
        guard let element = XMLElement(stanza: bytes), let from = element["from"].flatMap({ try? JID(parsing: $0) }),
            let to = element["to"].flatMap({ try? JID(parsing: $0) }), element.name == "message"
        else { return }
        service.receiveError(element, from: from, to: to)
    }

    func stanzaIsSafe(_ number: UInt64) {}
}

extension XMLElement {
    /// A stanza as it stands in a client's stream; nil when it cannot be read.
    init?(stanza bytes: [UInt8]) {
        let read = bytes.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
        }
        guard let read else { return nil }
        self = read
    }
}
