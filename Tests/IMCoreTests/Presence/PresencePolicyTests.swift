import Ground
import Testing
import XMPPWire

@testable import IMCore

/// Homes as the policy sees them.
private func home(
    _ name: String, domain: String = "example.com", shares: Bool = true, blocked: [JID] = [], allowed: [JID] = []
) -> UserHome {
    let home = UserHome(visitor: JID(preparedLocal: name, domain: domain, resource: nil))
    var values = UserPolicy.Values()
    values.presence.sharing = shares
    home.policy = UserPolicy(values)
    home.toldSharing = shares
    home.blocked = Set(blocked)
    home.allowed = Set(allowed)
    return home
}

private let alice = JID(preparedLocal: "alice", domain: "example.com", resource: nil)
private let bob = JID(preparedLocal: "bob", domain: "example.com", resource: nil)

@Suite("Who sees whom")
struct PresencePolicyTests {
    private func decide(
        _ relation: PresenceRelation, _ target: UserHome, _ viewer: UserHome, isGoodbye: Bool = false
    ) -> PresenceDecision {
        PresencePolicy.decide(relation, of: target, at: nil, to: viewer, at: nil, isGoodbye: isGoodbye)
    }

    @Test("a subscriber sees the user, a stranger and one who waits do not")
    func relations() {
        let (target, viewer) = (home("bob"), home("alice"))
        for (relation, isVisible) in [
            (PresenceRelation.subscription, true), (.adHoc, true), (.directed, true), (.waiting, false), (.none, false),
        ] {
            let decision = decide(relation, target, viewer)
            #expect(decision.isVisible == isVisible)
            #expect(decision.reason == .relation(relation))
            #expect(decision.step == .relation)
        }
    }

    @Test("of two people who do not share availability, neither sees the other")
    func sharing() {
        let (on, off) = (home("alice"), home("bob", shares: false))
        #expect(decide(.subscription, off, on).reason == .targetSharingOff)
        #expect(decide(.subscription, on, off).reason == .viewerSharingOff)
        #expect(decide(.subscription, off, home("carol", shares: false)).reason == .targetSharingOff)
        #expect(!decide(.subscription, off, on).isVisible)
        #expect(!decide(.subscription, on, off).isVisible)
    }

    @Test("everybody sees the own availability")
    func own() {
        let off = home("bob", shares: false, blocked: [bob])
        #expect(decide(.none, off, off).reason == .ownAccount)
        #expect(decide(.none, off, off).isVisible)
    }

    @Test("lists of both sides are asked, the target's first")
    func lists() {
        let blocker = home("bob", blocked: [alice])
        let viewer = home("alice", blocked: [bob])
        #expect(decide(.subscription, blocker, home("alice")).reason == .targetRules(.blockList(alice)))
        #expect(decide(.subscription, home("bob"), viewer).reason == .viewerRules(.blockList(bob)))
        #expect(decide(.subscription, blocker, viewer).reason == .targetRules(.blockList(alice)))
    }

    @Test("each question is asked in the order of the ladder: the first that says no decides")
    func order() {
        // Everything says no.
        let target = home("bob", shares: false, blocked: [alice])
        let viewer = home("alice", shares: false, blocked: [bob])
        var steps: [PresenceStep] = []
        steps.append(decide(.none, target, target).step)
        steps.append(decide(.none, target, viewer).step)
        target.policy = .standard
        target.toldSharing = true
        steps.append(decide(.none, target, viewer).step)
        viewer.policy = .standard
        viewer.toldSharing = true
        steps.append(decide(.none, target, viewer).step)
        target.blocked = []
        steps.append(decide(.none, target, viewer).step)
        viewer.blocked = []
        steps.append(decide(.none, target, viewer).step)
        #expect(steps == PresenceStep.allCases)
    }

    @Test("goodbyes pass to whoever has not been told of the switch yet, presence does not")
    func goodbyes() {
        let (target, viewer) = (home("bob", shares: false), home("alice"))
        target.toldSharing = true
        #expect(!decide(.subscription, target, viewer).isVisible)
        #expect(decide(.subscription, target, viewer, isGoodbye: true).isVisible)
        target.toldSharing = false
        #expect(!decide(.subscription, target, viewer, isGoodbye: true).isVisible)
    }

    @Test("nothing passes before it has been shown that it does")
    func beginning() {
        let (target, viewer) = (home("bob"), home("alice"))
        target.toldSharing = false
        #expect(decide(.subscription, target, viewer).reason == .targetSharingOff)
    }

    @Test("watchers from outside and people there follow the same switches")
    func outside() {
        let hamlet = JID(preparedLocal: "hamlet", domain: "plays.example.com", resource: nil)
        let off = home("bob", shares: false)
        let blocker = home("bob", blocked: [hamlet])
        #expect(PresencePolicy.decide(.subscription, of: home("bob"), at: nil, toOutside: hamlet).isVisible)
        #expect(
            PresencePolicy.decide(.subscription, of: off, at: nil, toOutside: hamlet).reason == .targetSharingOff)
        #expect(
            PresencePolicy.decide(.subscription, of: blocker, at: nil, toOutside: hamlet).reason
                == .targetRules(.blockList(hamlet)))
        #expect(
            PresencePolicy.decide(.subscription, ofOutside: hamlet, to: off, at: nil).reason == .viewerSharingOff)
        #expect(
            PresencePolicy.decide(.subscription, ofOutside: hamlet, to: blocker, at: nil).reason
                == .viewerRules(.blockList(hamlet)))
    }
}

@Suite("What becomes of a request")
struct RequestPolicyTests {
    private func decide(_ change: (inout RequestPolicy.Case) -> Void) -> RequestDecision {
        var request = RequestPolicy.Case(
            settings: PresenceSettings(), isInside: true, verdict: PrivacyVerdict(false, .noRule), allowEntry: nil,
            isSubscribed: false, isPreApproved: false, contacts: nil, watchers: nil)
        change(&request)
        return RequestPolicy.decide(request)
    }

    @Test("inside, auto_authorize decides between approval and a question")
    func inside() {
        #expect(decide { _ in } == RequestDecision(.prompt, .inside(.prompt)))
        #expect(decide { $0.settings.autoAuthorizes = true } == RequestDecision(.approve, .autoAuthorized))
        #expect(decide { $0.allowEntry = alice } == RequestDecision(.approve, .allowList(alice)))
    }

    @Test("nobody from outside is approved by the server, not even by the allow list")
    func outside() {
        let prompt = RequestDecision(.prompt, .outside(.prompt))
        #expect(
            decide {
                $0.isInside = false
                $0.settings.autoAuthorizes = true
                $0.allowEntry = alice
            } == prompt)
        #expect(
            decide {
                $0.isInside = false
                $0.settings.outsideRequests = .block
            } == RequestDecision(.ignore, .outside(.block)))
        #expect(
            decide {
                $0.isInside = false
                $0.settings.outsideRequests = .block
                $0.allowEntry = alice
            } == prompt)
    }

    @Test("who is blocked is ignored, whatever else lets in")
    func blocked() {
        let decision = decide {
            $0.verdict = PrivacyVerdict(true, .blockList(alice))
            $0.settings.autoAuthorizes = true
            $0.isPreApproved = true
            $0.isSubscribed = true
        }
        #expect(decision == RequestDecision(.ignore, .rules(.blockList(alice))))
    }

    @Test("a full list refuses, but not who is in it, and says nothing to whom the default blocks")
    func limits() {
        let full = ContactLimit(count: 200, limit: 200)
        let last = ContactLimit(count: 199, limit: 200)
        #expect(
            decide {
                $0.contacts = full
                $0.settings.autoAuthorizes = true
            } == RequestDecision(.refuse, .contactsFull(full)))
        #expect(
            decide {
                $0.watchers = full
                $0.isPreApproved = true
            } == RequestDecision(.refuse, .watchersFull(full)))
        #expect(decide { $0.contacts = last }.verdict == .prompt)
        #expect(
            decide {
                $0.watchers = full
                $0.isSubscribed = true
            } == RequestDecision(.approve, .alreadySubscribed))
        #expect(
            decide {
                $0.contacts = full
                $0.settings.insideRequests = .block
            } == RequestDecision(.ignore, .inside(.block)))
    }

    @Test("the default of internal requests may block; the allow list and a yes beforehand go first")
    func insideBlock() {
        #expect(decide { $0.settings.insideRequests = .block }.verdict == .ignore)
        #expect(
            decide {
                $0.settings.insideRequests = .block
                $0.allowEntry = alice
            }.verdict == .approve)
        #expect(
            decide {
                $0.settings.insideRequests = .block
                $0.isPreApproved = true
            } == RequestDecision(.approve, .preApproved))
    }
}

@Suite("Watches for a while")
struct AdHocWatchesTests {
    private let watcher = home("alice")
    private let target = JID(preparedLocal: "bob", domain: "example.com", resource: nil)
    private let other = JID(preparedLocal: "carol", domain: "example.com", resource: nil)

    @Test("a watch ends when its time is over, and not before")
    func expiry() {
        var watches = AdHocWatches()
        let client = SilentEndpoint("a")
        watches.set(target, at: client, watcher, deadline: 10_500)
        #expect(watches.count(of: target) == 1)
        #expect(watches.expire(10_499).isEmpty)
        #expect(watches.expire(11_000).map(\.target) == [target])
        #expect(watches.isEmpty)
        #expect(watches.expire(20_000).isEmpty)
    }

    @Test("asking again prolongs it and counts once")
    func prolonging() {
        var watches = AdHocWatches()
        let client = SilentEndpoint("a")
        watches.set(target, at: client, watcher, deadline: 10_000)
        watches.set(target, at: client, watcher, deadline: 40_000)
        #expect(watches.count(of: target) == 1)
        #expect(watches.expire(10_000).isEmpty)
        #expect(watches.expire(39_999).isEmpty)
        #expect(watches.expire(40_000).count == 1)
    }

    @Test("shortening it counts too")
    func shortening() {
        var watches = AdHocWatches()
        let client = SilentEndpoint("a")
        watches.set(target, at: client, watcher, deadline: 40_000)
        watches.set(target, at: client, watcher, deadline: 10_000)
        #expect(watches.expire(10_000).count == 1)
        #expect(watches.expire(40_000).isEmpty)
    }

    @Test("two clients of one user watch for themselves")
    func clients() {
        var watches = AdHocWatches()
        let (one, two) = (SilentEndpoint("a"), SilentEndpoint("b"))
        watches.set(target, at: one, watcher, deadline: 10_000)
        watches.set(target, at: two, watcher, deadline: 20_000)
        watches.set(other, at: two, watcher, deadline: 20_000)
        #expect(watches.watches(by: watcher.jid).count == 3)
        #expect(watches[target].count == 2)
        if let first = watches.watch(of: target, at: one, watcher) { watches.end(first) }
        #expect(watches[target].map { $0.endpoint === two } == [true])
        #expect(watches.expire(20_000).count == 2)
        #expect(watches.isEmpty)
    }
}

/// A client to which nothing is sent.
private final class SilentEndpoint: Endpoint {
    let resource: String
    let address: [UInt8]
    var availability: Availability?
    var directed: Set<JID> = []

    init(_ resource: String) {
        self.resource = resource
        address = Array("alice@example.com/\(resource)".utf8)
    }

    var isReachable: Bool { false }
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
    func end(_ error: StreamError) {}
    func stanzaIsSafe(_ number: UInt64) {}
}
