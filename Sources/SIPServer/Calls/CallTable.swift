import Ground
import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMPPWire

/// The calls of our users that the proxy passes on: what watchers of `dialog` are told (RFC 4235), and who is on the phone
/// (`sip.calls_are_presence`). Kept in memory; after a restart calls that go on are not known.
final class CallTable {
    private unowned let server: SIPServer
    /// By Call-ID and the caller's tag.
    private var calls: [SIPDialogKey: ProxiedCall] = [:]
    private var perUser: [JID: [ProxiedCall]] = [:]
    private var lastID: UInt64 = 0
    private var nextLook: Int64 = 0
    /// What the setting was when it was last looked at.
    private var arePresence: Bool

    /// Source of the composer.
    static let source = PresenceInput.Source.line("calls")
    /// Seconds that a call that is over is still told as such.
    private static let rest: Int64 = 30

    init(server: SIPServer) {
        self.server = server
        arePresence = server.config.callsArePresence
        server.router.whenHomeLoaded.append { [weak self] home in
            guard let self, !perUser.isEmpty else { return }
            let inputs = inputs(of: home.jid)
            if !inputs.isEmpty { server.router.setCalls(inputs, of: home) }
        }
        server.whenTicked.append { [weak self] uptime in self?.tick(uptime / 1_000) }
        server.whenReconfigured.append { [weak self] in self?.reconfigured() }
    }

    /// Calls that are under way.
    var count: Int { calls.values.count(where: { !$0.isOver }) }
    var now: Int64 { server.time.uptime / 1_000 }

    // MARK: What the proxy tells

    /// An INVITE that begins a call is passed on.
    ///
    /// - Parameter owner: whose contacts it goes to: a prepared bare address; empty for nobody's.
    /// - Returns: nil where it is nobody's of ours, or when there are too many.
    func begin(_ request: IncomingRequest, owner: [UInt8]) -> ProxiedCall? {
        let message = request.message
        let callee = owner.isEmpty ? nil : try? JID(parsing: String(decoding: owner, as: UTF8.self))
        let key = server.dialogs.key(callID: message.callID, localTag: message.fromTag, remoteTag: .empty)
        if let known = calls[key], !known.isOver {
            // It went out over a trunk and comes back for somebody else of ours.
            if known.callee == nil, let callee {
                known.callee = callee
                perUser[callee, default: []].append(known)
                changed(known)
            }
            return nil
        }
        let caller = caller(of: request)
        guard caller != nil || callee != nil, calls.count < server.config.trackedCalls else { return nil }
        if let old = calls[key] { remove(old) }
        lastID &+= 1
        let call = ProxiedCall(
            key: key, invite: message, caller: caller, callee: callee, id: "c" + String(lastID, radix: 36),
            due: now + Int64(server.config.callSeconds), table: self)
        calls[key] = call
        for user in Self.users(of: call) { perUser[user, default: []].append(call) }
        changed(call)
        return call
    }

    /// Where nobody is asked for a proof, `From` is believed.
    private func caller(of request: IncomingRequest) -> JID? {
        switch request.sender {
        case .user(let jid): return jid.bare
        case .trunk: return nil
        case .unknown:
            guard let uri = request.from?.uri, let domain = server.domain(uri) else { return nil }
            return AddressMapping.jid(of: uri, keepsResource: false)?.local.flatMap {
                try? JID(local: $0, domain: domain, resource: nil)
            }
        }
    }

    /// A request inside of a dialog: BYE ends the call, others show that it goes on.
    func passes(_ message: SIPMessage) {
        guard !calls.isEmpty else { return }
        for tag in [message.fromTag, message.toTag] {
            let key = server.dialogs.key(callID: message.callID, localTag: tag, remoteTag: .empty)
            guard let call = calls[key], !call.isOver, call.covers(message) else { continue }
            if message.method == .bye { call.end() } else { call.due = now + lasts(message) }
            return
        }
    }

    func confirmed(_ call: ProxiedCall, _ response: SIPMessage) { call.due = now + lasts(response) }

    func over(_ call: ProxiedCall) { call.due = now + Self.rest }

    /// Seconds after which a call is over of which nothing more is heard: what the two have agreed on (RFC 4028 §10), with
    /// some patience.
    private func lasts(_ message: SIPMessage) -> Int64 {
        let most = Int64(server.config.callSeconds)
        guard let value = message.first(.sessionExpires), let seconds = value.leadingInteger, seconds >= 90 else {
            return most
        }
        return min(most, Int64(seconds) + 32)
    }

    // MARK: What watchers see

    /// - Parameter isOwn: for the user's own devices.
    func dialogs(of user: JID, isOwn: Bool) -> [DialogInfo.Dialog] {
        (perUser[user] ?? []).flatMap { call in
            (call.caller == user ? [call.dialog(isInitiator: true, isOwn: isOwn)] : [])
                + (call.callee == user ? [call.dialog(isInitiator: false, isOwn: isOwn)] : [])
        }
    }

    func changed(_ call: ProxiedCall) { for user in Self.users(of: call) { changed(user) } }

    private func changed(_ user: JID) {
        if let events = server.events, events.count > 0, let resource = events.resource(user, events.calls) {
            events.changed(resource)
        }
        let inputs = inputs(of: user)
        // Only who is on the phone has a home that is to know: a call that rings is nobody's presence.
        guard !inputs.isEmpty || server.router.homes.loaded(user) != nil else { return }
        server.router.homes.withHome(user) { [weak self] home in
            guard let self, let home else { return }
            server.router.setCalls(self.inputs(of: user), of: home)
        }
    }

    private func inputs(of user: JID) -> [PresenceInput] {
        guard server.config.callsArePresence, let calls = perUser[user] else { return [] }
        let answered = calls.filter { $0.state == .confirmed }.map(\.answeredAt).min()
        return answered.map { [PresenceInput(source: Self.source, state: .line(.onThePhone), since: $0)] } ?? []
    }

    private static func users(of call: ProxiedCall) -> [JID] {
        let users = [call.caller, call.callee].compactMap { $0 }
        return users.count == 2 && users[0] == users[1] ? [users[0]] : users
    }

    // MARK: Time

    private func tick(_ second: Int64) {
        guard !calls.isEmpty, second >= nextLook else { return }
        nextLook = second + 5
        for call in Array(calls.values) where call.due <= second {
            if call.isOver { remove(call) } else { call.end() }
        }
    }

    private func remove(_ call: ProxiedCall) {
        calls[call.key] = nil
        for user in Self.users(of: call) {
            perUser[user]?.removeAll { $0 === call }
            if perUser[user]?.isEmpty == true { perUser[user] = nil }
        }
    }

    private func reconfigured() {
        guard arePresence != server.config.callsArePresence else { return }
        arePresence = server.config.callsArePresence
        for user in Array(perUser.keys) { changed(user) }
    }
}

extension SIPBytes {
    /// The number at the beginning; nil for none, or one of more than nine digits.
    fileprivate var leadingInteger: Int? {
        let digits = prefix { $0 &- 0x30 < 10 }
        guard !digits.isEmpty, digits.count < 10 else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
