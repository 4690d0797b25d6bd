import Testing
import XMPPWire

@testable import IMCore

@Suite("Explaining who sees whom")
struct PresenceExplanationTests {
    private static let alice = JID(preparedLocal: "alice", domain: "example.com", resource: nil)
    private static let bob = JID(preparedLocal: "bob", domain: "example.com", resource: nil)
    private static let hamlet = JID(preparedLocal: "hamlet", domain: "plays.example.org", resource: nil)

    private func explain(
        _ viewer: JID, _ target: JID, policies: PolicyTable = PolicyTable(),
        _ prepare: @escaping @Sendable (Router, UserHome, @escaping () -> Void) -> Void = { _, _, then in then() }
    ) async throws -> PresenceExplanation? {
        try await inCore(["alice", "bob"], policies: policies) {
            (router: Router, then: @escaping (PresenceExplanation?) -> Void) in
            router.homes.withHome(Self.bob) { home in
                guard let home else { return then(nil) }
                prepare(router, home) { router.explainPresence(of: target, to: viewer, then: then) }
            }
        }
    }

    @Test("a stranger: every question is passed but the last, and the request would be a question to the user")
    func stranger() async throws {
        let found = try #require(try await explain(Self.alice, Self.bob))
        #expect(!found.isVisible)
        #expect(found.lines.map(\.outcome) == [.passed, .passed, .passed, .passed, .passed, .denied])
        #expect(found.lines.last?.code == "not-subscribed")
        #expect(found.lines.last?.text == "alice@example.com is not subscribed to bob@example.com")
        #expect(found.request == RequestDecision(.prompt, .inside(.prompt)))
    }

    @Test("the list that decides is named with its entry; what comes after it is not asked")
    func blocked() async throws {
        let found = try #require(
            try await explain(Self.alice, Self.bob) { router, home, then in
                router.block([Self.alice], home) { _ in then() }
            })
        #expect(found.decision.reason == .targetRules(.blockList(Self.alice)))
        #expect(found.lines.map(\.outcome) == [.passed, .passed, .passed, .denied, .notAsked, .notAsked])
        #expect(
            found.lines[3].text
                == "bob@example.com keeps alice@example.com out: the block list has alice@example.com (XEP-0191)")
        #expect(found.request?.verdict == .ignore)
    }

    @Test("a setting that decides is named")
    func sharing() async throws {
        var values = UserPolicy.Values()
        values.presence.sharing = false
        var table = PolicyTable()
        table.users["bob@example.com"] = UserPolicy(values)
        let found = try #require(try await explain(Self.alice, Self.bob, policies: table))
        #expect(found.decision.step == .targetSharing)
        #expect(found.lines[1].text.contains("presence.sharing is off"))
        let other = try #require(try await explain(Self.bob, Self.alice, policies: table))
        #expect(other.decision.reason == .viewerSharingOff)
    }

    @Test("a viewer from outside, the own account, and an account that is not there")
    func others() async throws {
        let outside = try #require(try await explain(Self.hamlet, Self.bob))
        #expect(outside.request == RequestDecision(.prompt, .outside(.prompt)))
        #expect(!outside.isVisible)
        let own = try #require(try await explain(Self.bob, Self.bob))
        #expect(own.isVisible)
        #expect(own.request == nil)
        let nobody = JID(preparedLocal: "nobody", domain: "example.com", resource: nil)
        #expect(try await explain(Self.alice, nobody) == nil)
    }

    @Test("every reason has a text and a code of its own")
    func texts() {
        let limit = ContactLimit(count: 1, limit: 1)
        let requests: [RequestDecision] = [
            .init(.approve, .alreadySubscribed), .init(.ignore, .rules(.blockList(Self.alice))),
            .init(.approve, .preApproved), .init(.approve, .allowList(Self.alice)), .init(.approve, .autoAuthorized),
            .init(.prompt, .inside(.prompt)), .init(.ignore, .inside(.block)), .init(.prompt, .outside(.prompt)),
            .init(.ignore, .outside(.block)), .init(.refuse, .contactsFull(limit)),
            .init(.refuse, .watchersFull(limit)),
        ]
        #expect(Set(requests.map(\.code)).count == requests.count)
        #expect(Set(requests.map(\.text)).count == requests.count)
        let reasons: [PresenceDecision.Reason] = [
            .ownAccount, .targetSharingOff, .viewerSharingOff, .targetRules(.blockList(Self.alice)),
            .viewerRules(.privacyList(name: "work", order: 3)), .relation(.subscription), .relation(.adHoc),
            .relation(.directed), .relation(.waiting), .relation(.none),
        ]
        #expect(Set(reasons.map(\.code)).count == reasons.count)
        #expect(Set(reasons.map { $0.text(Self.alice, Self.bob) }).count == reasons.count)
        #expect(
            reasons[4].text(Self.alice, Self.bob)
                == "alice@example.com keeps bob@example.com out: the privacy list work says so in its rule 3 (XEP-0016)"
        )
    }
}
