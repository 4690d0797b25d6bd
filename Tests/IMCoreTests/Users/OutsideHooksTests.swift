import Ground
import Storage
import Testing
import XMPPWire

@testable import IMCore

/// A client of a user, or something that is none.
private final class Contact: Endpoint {
    let resource: String
    let address: [UInt8]
    let isClient: Bool
    var keepsHome: Bool { isClient }
    var availability: Availability?
    var directed: Set<JID> = []
    var hasEnded = false

    init(_ home: UserHome, _ resource: String, isClient: Bool) {
        self.resource = resource
        self.isClient = isClient
        address = home.address + Array("/\(resource)".utf8)
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
    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {}
    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {}
    func deliver(_ bytes: [UInt8]) {}
    func whenDrained(_ body: @escaping () -> Void) {}
    func end(_ error: StreamError) { hasEnded = true }
    func stanzaIsSafe(_ number: UInt64) {}
}

/// What a face other than XMPP needs of the core: `Router.whenHomeLoaded`, `whenPresenceChanged`, `whenSubscriptionChanged`,
/// and contacts that are no sessions.
@Suite("Hooks of the core for other faces") struct OutsideHooksTests {
    private static let alice = JID(preparedLocal: "alice", domain: "example.com", resource: nil)
    private static let bob = JID(preparedLocal: "bob", domain: "example.com", resource: nil)

    @Test("contacts that are no sessions neither count against the limit nor are ended by it")
    func limits() async throws {
        var policies = PolicyTable()
        var values = UserPolicy.Values()
        values.messaging.sessionsPerUser = 2
        policies.deployment = UserPolicy(values)
        let outcome: [Int] = try await inCore(["alice"], policies: policies) { router, done in
            router.homes.withHome(Self.alice) { home in
                guard let home else { return done([]) }
                let phone = Contact(home, "phone", isClient: false)
                router.bind(phone, to: home)
                let clients = ["a", "b", "c"].map { Contact(home, $0, isClient: true) }
                for client in clients { router.bind(client, to: home) }
                router.bind(Contact(home, "other phone", isClient: false), to: home)
                done([
                    home.endpoints.count, home.sessionCount, phone.hasEnded ? 1 : 0,
                    clients.count(where: \.hasEnded),
                ])
            }
        }
        #expect(outcome == [4, 2, 0, 1])
    }

    @Test("a home is shown to whoever asked before the first one that waits for it gets it")
    func loaded() async throws {
        let order: [String] = try await inCore(["alice"]) { router, done in
            var order: [String] = []
            router.whenHomeLoaded.append { home in order.append("loaded \(home.jid)") }
            router.homes.withHome(Self.alice) { _ in
                order.append("waiter")
                router.homes.withHome(Self.alice) { _ in
                    order.append("again")
                    done(order)
                }
            }
        }
        #expect(order == ["loaded alice@example.com", "waiter", "again"])
    }

    @Test("a home with nothing but contacts that do not keep it is forgotten")
    func forgotten() async throws {
        let counts: [Int] = try await inCore(["alice", "bob"]) { router, done in
            router.homes.withHome(Self.alice) { alice in
                router.homes.withHome(Self.bob) { bob in
                    guard let alice, let bob else { return done([]) }
                    router.bind(Contact(alice, "phone", isClient: false), to: alice)
                    router.bind(Contact(bob, "desk", isClient: true), to: bob)
                    let before = router.homes.count
                    router.homes.shed(keeping: 0)
                    done([before, router.homes.count, alice.isForgotten ? 1 : 0])
                }
            }
        }
        #expect(counts == [2, 1, 1])
    }

    @Test("a change of presence is told for homes that somebody watches, and for no others")
    func presence() async throws {
        let told: [Int] = try await inCore(["alice"]) { router, done in
            router.homes.withHome(Self.alice) { home in
                guard let home else { return done([]) }
                var count = 0
                var counts: [Int] = []
                router.whenPresenceChanged = { _ in count += 1 }
                let desk = Contact(home, "desk", isClient: true)
                router.bind(desk, to: home)
                let stanza = PresenceStanza(bytes: Array("<presence/>".utf8), gap: 9)
                let available = Availability(priority: 1, show: "available", stanza: stanza)
                router.becomeAvailable(desk, home, available)
                counts.append(count)
                home.isWatchedOutside = true
                router.becomeUnavailable(desk, home, stanza: nil)
                counts.append(count)
                router.becomeAvailable(desk, home, available)
                counts.append(count)
                done(counts)
            }
        }
        #expect(told == [0, 1, 2])
    }

    @Test("subscriptions are told on both sides, and blocks on the blocker's")
    func subscriptions() async throws {
        let told: [String] = try await inCore(["alice", "bob"]) { router, done in
            router.homes.withHome(Self.alice) { alice in
                router.homes.withHome(Self.bob) { bob in
                    guard let alice, let bob else { return done([]) }
                    var told: [String] = []
                    router.whenSubscriptionChanged.append { home, contact in
                        told.append("\(home.jid.local ?? "") \(contact.local ?? "")")
                    }
                    let request = PresenceStanza(type: "subscribe", from: alice.address).addressed(to: bob.address)
                    router.sendSubscription(.subscribe, to: Self.bob, from: alice, stanza: request) { _ in
                        told.append("asked")
                        let answer = PresenceStanza(type: "subscribed", from: bob.address)
                            .addressed(to: alice.address)
                        router.sendSubscription(.subscribed, to: Self.alice, from: bob, stanza: answer) { _ in
                            told.append("approved")
                            router.block([Self.alice], bob) { _ in done(told) }
                        }
                    }
                }
            }
        }
        #expect(told.filter { $0 == "alice bob" }.count == 2)
        #expect(told.filter { $0 == "bob alice" }.count == 3)
        #expect(told.last == "bob alice")
        #expect(told.firstIndex(of: "asked") == 2)
    }
}
