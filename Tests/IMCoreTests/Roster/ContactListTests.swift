import Testing
import XMPPWire

@testable import IMCore

@Suite("Many contacts at once")
struct ContactListTests {
    private static let alice = JID(preparedLocal: "alice", domain: "example.com", resource: nil)

    private static func updates(_ prefix: String, _ count: Int) -> [Router.RosterUpdate] {
        (0..<count).map {
            Router.RosterUpdate(
                contact: JID(preparedLocal: "\(prefix)\($0)", domain: "example.com", resource: nil), name: "",
                groups: ["imported"])
        }
    }

    private static func policies(contacts: Int, approves: Bool = false) -> PolicyTable {
        var values = UserPolicy.Values()
        values.presence.contacts = contacts
        values.presence.autoAuthorizes = approves
        var table = PolicyTable()
        table.deployment = UserPolicy(values)
        return table
    }

    @Test("limit 200, 195 there, 6 more: five are added, the sixth is refused, and what was there is changed")
    func partialAdd() async throws {
        let found = try await inCore(["alice"], policies: Self.policies(contacts: 200)) {
            (router: Router, then: @escaping ([Router.ContactOutcome.Result]) -> Void) in
            router.homes.withHome(Self.alice) { home in
                guard let home else { return then([]) }
                router.addContacts(Self.updates("old", 195), home) { _ in
                    router.addContacts(Self.updates("new", 6) + Self.updates("old", 1), home) { outcomes in
                        then(outcomes.map(\.result))
                    }
                }
            }
        }
        #expect(found.prefix(5) == [.added, .added, .added, .added, .added])
        guard found.count == 7, case .refused(let error) = found[5] else {
            Issue.record("\(found)")
            return
        }
        #expect(error.condition == .resourceConstraint)
        #expect(error.text == "the contact list is full: it has 200 of 200 contacts")
        #expect(found[6] == .changed)
    }

    @Test("a contact that is full is in the list without a subscription; the own address is refused")
    func subscribing() async throws {
        var table = Self.policies(contacts: 0, approves: true)
        table.users["bob@example.com"] = Self.policies(contacts: 1, approves: true).deployment
        let found = try await inCore(["alice", "bob", "carol"], policies: table) {
            (router: Router, then: @escaping ([String]) -> Void) in
            router.homes.withHome(Self.alice) { home in
                router.homes.withHome(JID(preparedLocal: "bob", domain: "example.com", resource: nil)) { bob in
                    guard let home, let bob else { return then([]) }
                    router.addContacts(Self.updates("old", 1), bob) { _ in
                        let names = ["bob", "carol", "alice"].map {
                            Router.RosterUpdate(
                                contact: JID(preparedLocal: $0, domain: "example.com", resource: nil), name: "",
                                groups: [])
                        }
                        router.addContacts(names, subscribes: true, home) { outcomes in
                            then(
                                outcomes.map { outcome in
                                    let state = home.roster[outcome.contact]?.subscription.attribute ?? "-"
                                    switch outcome.result {
                                    case .added: return "added \(state)"
                                    case .changed: return "changed \(state)"
                                    case .addedWithoutSubscription(let error):
                                        return "without \(state) \(error.condition.rawValue)"
                                    case .refused(let error): return "refused \(state) \(error.condition.rawValue)"
                                    }
                                })
                        }
                    }
                }
            }
        }
        #expect(found == ["without none resource-constraint", "added to", "refused - not-allowed"])
    }
}
