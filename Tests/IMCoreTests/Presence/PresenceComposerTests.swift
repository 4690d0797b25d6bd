import Testing

@testable import IMCore

/// One situation and what it comes to.
struct Composition: Sendable, CustomTestStringConvertible {
    var title: String
    var inputs: [PresenceInput]
    var state: ComposedPresence.State
    var show: String
    var rule: Int
    var note = ""

    var testDescription: String { title }
}

@Suite("Presence composition")
struct PresenceComposerTests {
    static let now: Int64 = 1_767_225_600_000
    static let minute: Int64 = 60_000

    static func manual(_ state: ManualPresence.State, _ note: String = "", minutesAgo: Int64 = 5) -> PresenceInput {
        PresenceInput(source: .manual, state: .manual(state), since: now - minutesAgo * minute, note: note)
    }

    static func client(
        _ resource: String, _ show: PresenceInput.Show = .available, priority: Int8 = 0, idle: Int64? = nil,
        isMobile: Bool = false, isPresenting: Bool = false, note: String = "", minutesAgo: Int64 = 1
    ) -> PresenceInput {
        PresenceInput(
            source: .client(resource),
            state: .client(
                show, priority: priority, idleSince: idle.map { now - $0 * minute }, isMobile: isMobile,
                isPresenting: isPresenting),
            since: now - minutesAgo * minute, note: note)
    }

    static func line(_ line: PresenceInput.Line) -> PresenceInput {
        PresenceInput(source: .line("desk phone"), state: .line(line), since: now - minute, note: "on the phone")
    }

    static func calendar(_ state: PresenceInput.Calendar, note: String = "planning") -> PresenceInput {
        PresenceInput(
            source: .calendar("work"), state: .calendar(state), since: now - 10 * minute, expires: now + 20 * minute,
            note: note)
    }

    static func cloud(_ state: PresenceInput.Cloud) -> PresenceInput {
        PresenceInput(source: .cloud("meetings"), state: .cloud(state), since: now - minute)
    }

    static func remote(_ isOpen: Bool, _ activity: String = "") -> PresenceInput {
        PresenceInput(
            source: .remote("example.net"), state: .remote(isOpen: isOpen, activity: activity), since: now - minute)
    }

    static let ladder: [Composition] = [
        .init(title: "nothing is known", inputs: [], state: .offline, show: "", rule: 2),
        .init(
            title: "invisible beats everything",
            inputs: [manual(.offline, "gone"), client("desk", .dnd), line(.onThePhone)],
            state: .offline, show: "", rule: 2),
        .init(
            title: "manual dnd without a client is offline", inputs: [manual(.dnd)], state: .offline, show: "", rule: 2),
        .init(
            title: "manual dnd beats an available client", inputs: [manual(.dnd, "writing"), client("desk")],
            state: .doNotDisturb, show: "dnd", rule: 3, note: "writing"),
        .init(
            title: "any client in dnd", inputs: [client("desk"), client("phone", .dnd, note: "shh")],
            state: .doNotDisturb, show: "dnd", rule: 3, note: "shh"),
        .init(
            title: "the telephone's dnd key", inputs: [client("desk"), line(.dnd)], state: .doNotDisturb, show: "dnd",
            rule: 3, note: "on the phone"),
        .init(
            title: "dnd beats presenting", inputs: [client("desk", .dnd), client("laptop", isPresenting: true)],
            state: .doNotDisturb, show: "dnd", rule: 3),
        .init(
            title: "presenting beats the phone", inputs: [client("laptop", isPresenting: true), line(.onThePhone)],
            state: .doNotDisturb, show: "dnd", rule: 4),
        .init(
            title: "the phone beats a meeting", inputs: [client("desk"), line(.onThePhone), calendar(.busy)],
            state: .onThePhone, show: "dnd", rule: 5, note: "on the phone"),
        .init(
            title: "on the phone without a client", inputs: [line(.onThePhone)], state: .onThePhone, show: "dnd",
            rule: 5,
            note: "on the phone"),
        .init(title: "a ringing telephone says nothing", inputs: [line(.ringing)], state: .offline, show: "", rule: 2),
        .init(
            title: "a meeting beats busy", inputs: [client("desk"), calendar(.busy), manual(.busy)], state: .inAMeeting,
            show: "away", rule: 6, note: "planning"),
        .init(
            title: "a tentative meeting does not count", inputs: [client("desk"), calendar(.tentative)],
            state: .available, show: "", rule: 10),
        .init(
            title: "busy beats out of office",
            inputs: [client("desk", idle: 30), manual(.busy), calendar(.outOfOffice)],
            state: .busy, show: "dnd", rule: 7),
        .init(
            title: "out of office with an idle client", inputs: [client("desk", idle: 30), calendar(.outOfOffice)],
            state: .outOfOffice, show: "xa", rule: 8, note: "planning"),
        .init(
            title: "out of office, but somebody is at the desk", inputs: [client("desk"), calendar(.outOfOffice)],
            state: .available, show: "", rule: 10),
        .init(
            title: "manual away beats an available client",
            inputs: [manual(.away, "lunch"), client("desk", note: "working")], state: .away, show: "away", rule: 9,
            note: "lunch"),
        .init(
            title: "one client at work is enough", inputs: [client("desk", .away, idle: 20), client("laptop")],
            state: .available, show: "", rule: 10),
        .init(
            title: "willing to chat", inputs: [client("desk", .chat)], state: .available, show: "chat", rule: 10),
        .init(
            title: "manual available holds against idle clients",
            inputs: [manual(.available), client("desk", .away, idle: 20)], state: .available, show: "", rule: 10),
        .init(
            title: "available, and idle for ten minutes", inputs: [client("desk", idle: 10)], state: .away,
            show: "away",
            rule: 11),
        .init(
            title: "available, and idle for nine", inputs: [client("desk", idle: 9)], state: .available, show: "",
            rule: 10),
        .init(
            title: "everybody is away", inputs: [client("desk", .away), client("phone", .xa)], state: .away,
            show: "away",
            rule: 11),
        .init(
            title: "everybody is away for long", inputs: [client("desk", .xa), client("phone", .xa)], state: .away,
            show: "xa", rule: 11),
        .init(
            title: "a negative priority does not count", inputs: [client("bot", priority: -1)], state: .offline,
            show: "",
            rule: 2),
        .init(
            title: "nor beside one that does", inputs: [client("bot", priority: -1), client("desk", .away)],
            state: .away, show: "away", rule: 11),
        .init(
            title: "a phone does not lift what was set by hand at the desk",
            inputs: [client("desk", .away), client("phone", isMobile: true)], state: .away, show: "away", rule: 11),
        .init(
            title: "but it does lift a desk that is idle",
            inputs: [client("desk", .away, idle: 20), client("phone", isMobile: true)], state: .available, show: "",
            rule: 10),
        .init(
            title: "a text of one's own",
            inputs: [manual(.text, "in Kyoto"), client("desk", .away, note: "auto away")],
            state: .away, show: "away", rule: 11, note: "in Kyoto"),
        .init(
            title: "the newest note of equals",
            inputs: [client("desk", note: "old", minutesAgo: 9), client("laptop", note: "new", minutesAgo: 2)],
            state: .available, show: "", rule: 10, note: "new"),
        .init(title: "active in the cloud", inputs: [cloud(.active)], state: .available, show: "", rule: 10),
        .init(title: "idle in the cloud", inputs: [cloud(.idle)], state: .away, show: "away", rule: 11),
        .init(title: "stale in the cloud", inputs: [cloud(.stale)], state: .offline, show: "", rule: 12),
        .init(
            title: "stale in the cloud, at work here", inputs: [cloud(.stale), client("desk")], state: .available,
            show: "", rule: 10),
        .init(title: "federated and open", inputs: [remote(true)], state: .available, show: "", rule: 10),
        .init(
            title: "federated, on the phone", inputs: [remote(true, "on-the-phone")], state: .onThePhone, show: "dnd",
            rule: 5),
        .init(title: "federated and closed", inputs: [remote(false, "away")], state: .offline, show: "", rule: 2),
    ]

    @Test("each row of the ladder, and what beats what", arguments: ladder)
    func rows(_ row: Composition) {
        let composed = PresenceComposer().compose(row.inputs, now: Self.now)
        #expect(composed.state == row.state)
        #expect(composed.show == row.show)
        #expect(composed.rule == row.rule)
        #expect(composed.note == row.note)
        // Whatever order they come in.
        #expect(PresenceComposer().compose(row.inputs.reversed(), now: Self.now) == composed)
    }

    @Test("who is hidden by policy is offline, and the sources are not told")
    func hidden() {
        let composed = PresenceComposer().compose(
            [Self.client("desk")], for: .init(isHidden: true), now: Self.now)
        #expect(composed.state == .offline)
        #expect(composed.rule == 1)
        #expect(composed.matched.isEmpty)
        #expect(!composed.isOpen)
    }

    @Test("a call alone is offline to federated watchers")
    func phoneAlone() {
        let call = [Self.line(.onThePhone)]
        #expect(PresenceComposer().compose(call, for: .init(isFederated: true), now: Self.now).state == .offline)
        var composer = PresenceComposer()
        composer.phoneAloneCounts = false
        #expect(composer.compose(call, now: Self.now).state == .offline)
        // With a client it counts everywhere.
        #expect(
            PresenceComposer().compose(call + [Self.client("desk")], for: .init(isFederated: true), now: Self.now).state
                == .onThePhone)
    }

    @Test("settings of the calendar")
    func calendarSettings() {
        var composer = PresenceComposer()
        composer.meetingIsBusy = true
        #expect(composer.compose([Self.client("desk"), Self.calendar(.busy)], now: Self.now).show == "dnd")
        composer.followsCalendar = false
        #expect(composer.compose([Self.client("desk"), Self.calendar(.busy)], now: Self.now).rule == 10)
        composer.showsOutOfOffice = false
        #expect(
            composer.compose([Self.client("desk", idle: 30), Self.calendar(.outOfOffice)], now: Self.now).rule == 11)
    }

    @Test("what has expired does not count")
    func expiry() {
        var away = Self.manual(.away)
        away.expires = Self.now
        #expect(PresenceComposer().compose([away, Self.client("desk")], now: Self.now).rule == 10)
        away.expires = Self.now + 1
        #expect(PresenceComposer().compose([away, Self.client("desk")], now: Self.now).rule == 9)
    }

    @Test("the result names what decided, newest first, and when somebody was last active")
    func reasons() {
        let desk = Self.client("desk", .away, idle: 40, minutesAgo: 30)
        let laptop = Self.client("laptop", .away, idle: 15, minutesAgo: 5)
        let composed = PresenceComposer().compose([desk, laptop], now: Self.now)
        #expect(composed.matched == [laptop, desk])
        #expect(composed.since == laptop.since)
        #expect(composed.idleSince == Self.now - 15 * Self.minute)
        #expect(composed.activity == "away")
        #expect(composed.matched.map(\.word) == ["away (idle)", "away (idle)"])
        #expect(composed.matched[0].source.description == "client/laptop")
    }
}

@Suite("Pacing of presence")
struct PresencePacingTests {
    @Test("a rate lets so many through, evenly")
    func rate() {
        var pacing = PresencePacing()
        // The burst of a tenth of a second, then one each tenth.
        var passed = 0
        for uptime in stride(from: Int64(1_000), through: 2_000, by: 10) where pacing.take(rate: 10, uptime: uptime) {
            passed += 1
        }
        #expect(passed == 11)
        for _ in 0..<100 {
            let isFree = pacing.take(rate: 0, uptime: 2_000)
            #expect(isFree)
        }
    }
}
