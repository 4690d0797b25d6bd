/// Makes one status of everything that is known about a user: the first row of a ladder that matches decides.
///
/// Pure; the rows are those of the reference behaviours §2. What does not count any more (`expires`) is left out.
/// Among inputs that say the same the newest gives the note.
public struct PresenceComposer: Sendable {
    /// Who looks.
    public struct Watcher: Sendable {
        /// The policy hides the user from this watcher.
        public var isHidden = false
        /// Beyond the domains of this deployment.
        public var isFederated = false

        public init(isHidden: Bool = false, isFederated: Bool = false) {
            self.isHidden = isHidden
            self.isFederated = isFederated
        }
    }

    /// A user in a meeting shows as dnd rather than as away.
    public var meetingIsBusy = false
    /// Meetings of the calendar count: the user has opted in.
    public var followsCalendar = true
    public var showsOutOfOffice = true
    /// A user on the phone without any client shows as such to watchers of this deployment.
    public var phoneAloneCounts = true
    /// Milliseconds without a touch after which a client counts as idle, and as not active for row 8.
    public var idleAfter: Int64 = 600_000

    public init() {}

    public func compose(_ inputs: [PresenceInput], for watcher: Watcher = Watcher(), now: Int64) -> ComposedPresence {
        let live = inputs.filter { $0.expires.map { $0 > now } ?? true }.sorted(by: PresenceInput.isNewer)
        var sight = Sight(live, now: now, idleAfter: idleAfter)
        if watcher.isHidden { return made(.offline, "", 1, "hidden from this watcher by policy", []) }
        if !sight.invisible.isEmpty {
            return made(.offline, "", 2, "the user appears offline", sight.invisible)
        }
        if !(phoneAloneCounts && !watcher.isFederated), sight.isOnlyAPhone { sight.phones = [] }
        let isThere =
            !sight.counted.isEmpty || !sight.phones.isEmpty || !sight.cloud.isEmpty || !sight.remotes.isEmpty
        guard isThere || !sight.staleCloud.isEmpty else {
            return made(.offline, "", 2, "no client, no call, no session elsewhere", [])
        }
        if !isThere { return made(.offline, "", 12, "last active too long ago", sight.staleCloud) }
        return ladder(sight)
    }

    /// Rows 3 to 11, for a user who is there.
    private func ladder(_ sight: Sight) -> ComposedPresence {
        let hand = sight.disturbed
        if !hand.isEmpty { return made(.doNotDisturb, "dnd", 3, "set to do not disturb", hand, text: sight.text) }
        if !sight.presenting.isEmpty {
            return made(.doNotDisturb, "dnd", 4, "presenting", sight.presenting, text: sight.text)
        }
        if !sight.phones.isEmpty {
            return made(.onThePhone, "dnd", 5, "on the phone", sight.phones, text: sight.text)
        }
        if followsCalendar, !sight.meetings.isEmpty {
            return made(
                .inAMeeting, meetingIsBusy ? "dnd" : "away", 6, "the calendar has a meeting", sight.meetings,
                text: sight.text)
        }
        if !sight.busy.isEmpty { return made(.busy, "dnd", 7, "set to busy", sight.busy, text: sight.text) }
        if showsOutOfOffice, !sight.outOfOffice.isEmpty, sight.active.isEmpty {
            return made(
                .outOfOffice, "xa", 8, "out of office, and no client active of late", sight.outOfOffice,
                text: sight.text)
        }
        if !sight.away.isEmpty { return made(.away, "away", 9, "set to away", sight.away, text: sight.text) }
        if !sight.available.isEmpty {
            let isChatty = sight.available.contains { $0.word == PresenceInput.Show.chat.rawValue }
            return made(
                .available, isChatty ? "chat" : "", 10, "a client is available", sight.available, text: sight.text)
        }
        var away = made(
            .away, sight.isExtended ? "xa" : "away", 11, "every client is away or idle", sight.resting,
            text: sight.text)
        away.idleSince = sight.idleSince
        return away
    }

    private func made(
        _ state: ComposedPresence.State, _ show: String, _ rule: Int, _ reason: String, _ matched: [PresenceInput],
        text: String = ""
    ) -> ComposedPresence {
        let note = text.isEmpty ? matched.first { !$0.note.isEmpty }?.note ?? "" : text
        return ComposedPresence(
            state: state, show: show, rule: rule, reason: reason, note: state == .offline ? "" : note,
            since: matched.first?.since ?? 0, idleSince: nil, matched: matched)
    }
}

/// The inputs sorted by what they mean to the ladder; each list newest first.
private struct Sight {
    var invisible: [PresenceInput] = []
    var disturbed: [PresenceInput] = []
    var presenting: [PresenceInput] = []
    var phones: [PresenceInput] = []
    var meetings: [PresenceInput] = []
    var busy: [PresenceInput] = []
    var outOfOffice: [PresenceInput] = []
    var away: [PresenceInput] = []
    /// Row 10.
    var available: [PresenceInput] = []
    /// Row 11.
    var resting: [PresenceInput] = []
    /// Clients that a message reaches: those with a negative priority do not count.
    var counted: [PresenceInput] = []
    /// Somebody touched it within the time.
    var active: [PresenceInput] = []
    var cloud: [PresenceInput] = []
    var staleCloud: [PresenceInput] = []
    var remotes: [PresenceInput] = []
    /// Text of the user's own over whatever state comes out.
    var text = ""
    var isExtended = false
    var idleSince: Int64?

    /// Nothing but a phone call speaks for the user.
    var isOnlyAPhone: Bool { counted.isEmpty && cloud.isEmpty && remotes.isEmpty }

    init(_ inputs: [PresenceInput], now: Int64, idleAfter: Int64) {
        // A state that was set at a desk by hand, by going away without being idle, is not lifted by a phone.
        var isAwayByHand = false
        var mobiles: [PresenceInput] = []
        var holdsAvailable: [PresenceInput] = []
        var shows: [String] = []
        for input in inputs {
            switch input.state {
            case .manual(.offline): invisible.append(input)
            case .manual(.dnd): disturbed.append(input)
            case .manual(.busy): busy.append(input)
            case .manual(.away): away.append(input)
            case .manual(.available): holdsAvailable.append(input)
            case .manual(.text): if text.isEmpty { text = input.note }
            case .client(let show, let priority, let idle, let isMobile, let isPresenting):
                guard priority >= 0 else { continue }
                counted.append(input)
                let isIdle = idle.map { now - $0 >= idleAfter } ?? false
                if !isIdle { active.append(input) }
                if isPresenting { presenting.append(input) }
                if show == .dnd { disturbed.append(input) }
                if show == .available || show == .chat, !isIdle {
                    if isMobile { mobiles.append(input) } else { available.append(input) }
                } else if show != .dnd {
                    resting.append(input)
                    shows.append(show.rawValue)
                    if !isMobile, idle == nil { isAwayByHand = true }
                    idleSince = max(idleSince ?? 0, idle ?? input.since)
                }
            case .line(.onThePhone): phones.append(input)
            case .line(.dnd): disturbed.append(input)
            case .line: break
            case .calendar(.busy): meetings.append(input)
            case .calendar(.outOfOffice): outOfOffice.append(input)
            case .calendar: break
            case .cloud(let state):
                switch state {
                case .active: available.append(input)
                case .idle: resting.append(input)
                case .dnd: disturbed.append(input)
                case .stale: staleCloud.append(input)
                }
                if state != .stale { cloud.append(input) }
            case .remote(let isOpen, let activity): if isOpen { addRemote(input, activity) }
            }
        }
        if available.isEmpty, isAwayByHand { resting += mobiles } else { available += mobiles }
        if !holdsAvailable.isEmpty { available = holdsAvailable + available }
        available.sort(by: PresenceInput.isNewer)
        resting.sort(by: PresenceInput.isNewer)
        isExtended = !shows.isEmpty && shows.allSatisfy { $0 == PresenceInput.Show.xa.rawValue }
    }

    /// RPID activities by the table of the reference behaviours §3.3.
    private mutating func addRemote(_ input: PresenceInput, _ activity: String) {
        remotes.append(input)
        switch activity {
        case "on-the-phone": phones.append(input)
        case "meeting", "appointment": meetings.append(input)
        case "busy", "performance", "presentation": busy.append(input)
        case "away", "meal", "in-transit", "travel", "steering", "sleeping": resting.append(input)
        case "vacation", "holiday", "permanent-absence": outOfOffice.append(input)
        default: available.append(input)
        }
    }
}
