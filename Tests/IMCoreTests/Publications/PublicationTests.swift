import Ground
import Storage
import Testing
import XMPPWire

@testable import IMCore

/// A client that keeps what it is sent.
private final class Listener: Endpoint {
    let resource: String
    let address: [UInt8]
    var availability: Availability?
    var directed: Set<JID> = []
    var heard: [String] = []

    init(_ home: UserHome, _ resource: String) {
        self.resource = resource
        address = home.address + Array("/\(resource)".utf8)
    }

    var isReachable: Bool { availability.map { $0.priority >= 0 } ?? false }
    var isInterested: Bool { false }
    var followsBlockList: Bool { false }
    var wantsCarbons: Bool { false }
    var historyUpTo: MessageID? { nil }
    var interests: PubSubInterests? { nil }
    var isHibernating: Bool { false }
    var isInactive: Bool { false }
    var inFlight: [JournalEntry] { [] }
    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {}
    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {
        heard.append(String(decoding: presence.bytes, as: UTF8.self))
    }
    func deliver(_ bytes: [UInt8]) {}
    func whenDrained(_ body: @escaping () -> Void) {}
    func end(_ error: StreamError) {}
    func stanzaIsSafe(_ number: UInt64) {}

    func appear(_ router: Router, _ home: UserHome, show: String = "available") {
        let stanza = PresenceStanza(bytes: Array("<presence><show>\(show)</show></presence>".utf8), gap: 9)
        router.becomeAvailable(self, home, Availability(priority: 0, show: show, stanza: stanza))
    }
}

@Suite("Publications") struct PublicationTests {
    private static let alice = JID(preparedLocal: "alice", domain: "example.com", resource: nil)
    private static let bob = JID(preparedLocal: "bob", domain: "example.com", resource: nil)

    private static func talking(_ now: Int64, source: String = "100") -> Publication {
        Publication(
            source: .line(source), event: .presence, document: [],
            inputs: [PresenceInput(source: .line(source), state: .line(.onThePhone), since: now)],
            expires: now + 60_000, stem: 7)
    }

    private static func away(_ now: Int64) -> Publication {
        let state = PresenceInput.State.client(
            .away, priority: 0, idleSince: nil, isMobile: false, isPresenting: false)
        return Publication(
            source: .client("a"), event: .presence, document: [1, 2],
            inputs: [PresenceInput(source: .client("a"), state: state, since: now, note: "lunch")],
            expires: now + 60_000, stem: 9)
    }

    /// Homes of alice, whom bob sees, and of bob with a client.
    private func withTwo<Value: Sendable>(
        _ body: @escaping @Sendable (Router, UserHome, Listener, @escaping (Value) -> Void) -> Void
    ) async throws -> Value? {
        try await inCore(["alice", "bob"]) { router, done in
            router.homes.withHome(Self.alice) { alice in
                router.homes.withHome(Self.bob) { bob in
                    guard let alice, let bob else { return done(nil) }
                    var subscription = SubscriptionMachine()
                    _ = subscription.received(.subscribe, approves: true)
                    alice.roster[Self.bob] = RosterItem(
                        contact: Self.bob, subscription: subscription, isVisible: true)
                    let listener = Listener(bob, "desk")
                    router.bind(listener, to: bob)
                    listener.appear(router, bob)
                    listener.heard = []
                    body(router, alice, listener) { done($0) }
                }
            }
        }
    }

    @Test("watchers see one resource of priority -1, and hear of it once")
    func synthetic() async throws {
        let heard: [String]? = try await withTwo { router, alice, listener, done in
            let publication = Self.away(router.time.now)
            router.publish(publication, in: alice)
            let tag = publication.tag
            router.refresh(publication, of: alice, expires: router.time.now + 120_000)
            router.modify(
                publication, of: alice, document: [3], inputs: publication.inputs, expires: router.time.now + 60_000)
            let heard = listener.heard + ["\(alice.isReachable)", "\(publication.tag == tag)"]
            router.withdraw(publication, from: alice)
            done(heard + listener.heard.dropFirst(1) + ["\(alice.endpoints.count)"])
        }
        let shown =
            "<presence from='alice@example.com/elsewhere'><show>away</show><status>lunch</status><priority>-1</priority>"
        #expect(heard?.first?.hasPrefix(shown) == true)
        #expect(
            heard?.dropFirst() == [
                "false", "false", "<presence from='alice@example.com/elsewhere' type='unavailable'/>", "0",
            ])
    }

    @Test("somebody on the phone shows it in every client, and in none when the call is over")
    func phone() async throws {
        let heard: [String]? = try await withTwo { router, alice, listener, done in
            router.config.presence.coalesce = 0
            let desk = Listener(alice, "desk")
            router.bind(desk, to: alice)
            desk.appear(router, alice)
            let publication = Self.talking(router.time.now)
            router.publish(publication, in: alice)
            let state = router.composedPresence(of: alice)
            router.withdraw(publication, from: alice)
            done(listener.heard + [state.state.rawValue, state.matched.map(\.source.description).joined()])
        }
        let lines = try #require(heard)
        #expect(lines.contains { $0.contains("/elsewhere") && $0.contains("<status>On the phone</status>") })
        let ofDesk = lines.filter { $0.contains("<presence") && !$0.contains("/elsewhere") }
        #expect(ofDesk.count == 3)
        #expect(ofDesk[1].contains("dnd") && ofDesk[1].contains("On the phone"))
        #expect(ofDesk[2] == ofDesk[0])
        #expect(lines.suffix(2) == ["on-the-phone", "line/100"])
    }

    @Test("a tag counts until the next PUBLISH, and a publication ends at its time")
    func ends() async throws {
        let outcome: [Bool]? = try await withTwo { router, alice, listener, done in
            let now = router.time.now
            let publication = Publication(
                source: .client("a"), event: .presence, document: [], inputs: Self.away(now).inputs,
                expires: now - 5_000, stem: 5)
            router.publish(publication, in: alice)
            let first = publication.tag
            router.refresh(publication, of: alice, expires: now - 5_000)
            let matches = [publication.matches(first), publication.matches(publication.tag)]
            router.tickPublications()
            done(matches + [alice.publications.isEmpty, alice.synthetic == nil])
        }
        #expect(outcome == [false, true, true, true])
    }

    @Test("the store has what it needs to go on after a restart")
    func restart() async throws {
        let outcome: [String]? = try await withTwo { router, alice, _, done in
            router.publish(Self.away(router.time.now), in: alice)
            router.publish(Self.talking(router.time.now), in: alice)
            let tags = alice.publications.map { String(decoding: $0.tag, as: UTF8.self) }
            router.savePublications()
            let id = alice.id
            router.journal.perform({
                let records = try PublicationStore.load(id, in: $0)
                let publishers = try PublicationStore.publishers(0, in: $0)
                return (records, publishers)
            }) { result in
                guard case .success((let records, let publishers)) = result else { return done([]) }
                let again = records.map { Publication($0) }
                done(
                    zip(again, tags).map { "\($0.source) \($0.matches(Array($1.utf8))) \($0.inputs.map(\.word))" }
                        + publishers.map(\.description) + ["\(again[0].document)"])
            }
        }
        #expect(
            outcome == [
                "client/a true [\"away\"]", "line/100 true [\"on-the-phone\"]", "alice@example.com", "[1, 2]",
            ])
    }

    @Test("a client that takes the name of the resource gets it")
    func nameTaken() async throws {
        let names: [String]? = try await withTwo { router, alice, _, done in
            router.publish(Self.away(router.time.now), in: alice)
            router.bind(Listener(alice, SyntheticEndpoint.name), to: alice)
            router.loop.execute { done(router.homes.loaded(Self.alice)?.endpoints.map(\.resource) ?? []) }
        }
        #expect(names == ["elsewhere", "elsewhere+"])
    }
}
