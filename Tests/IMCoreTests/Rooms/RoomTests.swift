import Ground
import Testing
import XMLWire
import XMPPWire

@testable import IMCore

private func jid(_ text: String) throws -> JID { try JID(parsing: text) }

/// A room with a counter for ids, so that tests read like what happens.
private final class Scene {
    let room: Room
    private var last: Int64 = 0

    init(_ form: [FormField] = [], limits: RoomLimits = RoomLimits()) throws {
        room = Room(
            try jid("coven@rooms.example.com"), owner: try jid("alice@example.com/desk"), now: 1, limits: limits)
        try enter("alice@example.com/desk", "first")
        _ = try room.configure(
            DataForm(.submit, fields: form), by: jid("alice@example.com/desk"), mayPersist: true, id: next)
    }

    func next() -> MessageID {
        last += 1
        return MessageID(last)
    }

    @discardableResult
    func enter(_ session: String, _ nick: String, password: String? = nil) throws -> [RoomEvent] {
        try room.enter(
            jid(session), as: nick, RoomEntry(presence: [], password: password), id: next, now: 1)
    }

    func say(_ text: String, by session: String, now: Int64 = 1) throws -> [RoomEvent] {
        let body = XMLElement("body", namespace: "jabber:client", children: [.text(text)])
        let message = XMLElement("message", namespace: "jabber:client", children: [.element(body)])
        return try room.say(message, by: jid(session), id: next(), name: "id", now: now)
    }

    func administer(_ items: [RoomItem], by session: String) throws -> [RoomEvent] {
        try room.administer(items, by: jid(session), id: next).events
    }

    func condition(_ body: () throws -> Void) -> StanzaError.Condition? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StanzaError)?.condition
        }
    }
}

@Suite("Chat rooms (XEP-0045)")
struct RoomTests {
    private let alice = "alice@example.com/desk"
    private let bob = "bob@example.com/desk"
    private let carol = "carol@example.com/desk"

    @Test(
        "roles at the door (§5.1.2)",
        arguments: [
            (RoomAffiliation.none, false, RoomRole.participant), (.none, true, .visitor), (.member, true, .participant),
            (.admin, true, .moderator), (.owner, false, .moderator), (.outcast, false, .none),
        ])
    func defaultRoles(_ affiliation: RoomAffiliation, _ isModerated: Bool, _ role: RoomRole) {
        #expect(affiliation.role(isModerated: isModerated) == role)
    }

    @Test("a newcomer gets the others, then itself, then the subject")
    func order() throws {
        let scene = try Scene()
        try scene.enter(bob, "second")
        let events = try scene.enter(carol, "third")
        var presences: [(String, [String])] = []
        for case .presence(let presence) in events {
            presences.append((presence.nick, presence.recipients.map(\.jid.description)))
        }
        #expect(presences.map { $0.0 } == ["first", "second", "third", "third"])
        #expect(presences.map { $0.1 } == [[carol], [carol], [alice, bob], [carol]])
        guard case .message(let last) = events.last else {
            Issue.record("no such event")
            return
        }
        #expect(last.stanza.child("subject", namespace: "jabber:client") != nil)
    }

    @Test("who may see addresses (§4.2)")
    func addresses() throws {
        let scene = try Scene()
        let events = try scene.enter(bob, "second")
        for case .presence(let presence) in events {
            for recipient in presence.recipients {
                #expect(recipient.seesJID == (recipient.jid.description == alice))
            }
        }
    }

    @Test("one nickname, one user")
    func nicknames() throws {
        let scene = try Scene()
        #expect(scene.condition { try scene.enter(bob, "first") } == .conflict)
        try scene.enter("alice@example.com/phone", "first")
        #expect(scene.room.occupants.count == 1)
        #expect(scene.room.occupants[0].sessions.count == 2)
        // One of two clients goes on alone.
        let events = try scene.room.changePresence(jid("alice@example.com/phone"), nick: "phone", [])
        #expect(scene.room.occupants.map(\.nick) == ["first", "phone"])
        #expect(events.count == 3)
        #expect(scene.room.occupant(nick: "phone")?.role == .moderator)
    }

    @Test("a reserved nickname is nobody else's")
    func reserved() throws {
        let scene = try Scene()
        _ = try scene.administer([RoomItem(jid: jid(bob).bare, nick: "hecate", affiliation: .member)], by: alice)
        #expect(scene.condition { try scene.enter(carol, "hecate") } == .conflict)
        try scene.enter(bob, "hecate")
        #expect(scene.room.reservedNick(of: try jid(bob)) == "hecate")
    }

    @Test("a full room takes admins only")
    func full() throws {
        var limits = RoomLimits()
        limits.occupants = 2
        let scene = try Scene(limits: limits)
        try scene.enter(bob, "second")
        #expect(scene.condition { try scene.enter(carol, "third") } == .serviceUnavailable)
        _ = try scene.administer([RoomItem(jid: jid(carol).bare, affiliation: .admin)], by: alice)
        try scene.enter(carol, "third")
    }

    @Test("all items are changed, or none")
    func allOrNothing() throws {
        let scene = try Scene()
        try scene.enter(bob, "second")
        let items = [RoomItem(nick: "second", role: RoomRole.none), RoomItem(nick: "nobody", role: RoomRole.none)]
        #expect(scene.condition { _ = try scene.administer(items, by: alice) } == .itemNotFound)
        #expect(scene.room.occupants.count == 2)
    }

    @Test("an owner may go when another one stays")
    func owners() throws {
        let scene = try Scene()
        let leaving = RoomItem(jid: try jid(alice).bare, affiliation: RoomAffiliation.none)
        #expect(scene.condition { _ = try scene.administer([leaving], by: alice) } == .conflict)
        _ = try scene.administer([RoomItem(jid: jid(bob).bare, affiliation: .owner), leaving], by: alice)
        #expect(scene.room.affiliation(of: try jid(alice)) == .none)
    }

    @Test("affiliations are bounded")
    func memberLimit() throws {
        var limits = RoomLimits()
        limits.members = 2
        let scene = try Scene(limits: limits)
        _ = try scene.administer([RoomItem(jid: jid(bob).bare, affiliation: .member)], by: alice)
        #expect(
            scene.condition {
                _ = try scene.administer([RoomItem(jid: jid(carol).bare, affiliation: .member)], by: alice)
            } == .resourceConstraint)
    }

    @Test("a visitor's presence is shown to itself alone where owners want that")
    func hiddenRoles() throws {
        let scene = try Scene([
            FormField("muc#roomconfig_moderatedroom", value: true),
            FormField("muc#roomconfig_presencebroadcast", .listMulti, values: ["moderator", "participant"]),
        ])
        let events = try scene.enter(bob, "second")
        var recipients: [String] = []
        for case .presence(let presence) in events where presence.nick == "second" {
            recipients += presence.recipients.map(\.jid.description)
        }
        #expect(recipients == [bob])
        // With voice everybody sees it.
        let voiced = try scene.administer([RoomItem(nick: "second", role: .participant)], by: alice)
        guard case .presence(let presence) = voiced.first else {
            Issue.record("no such event")
            return
        }
        #expect(presence.recipients.count == 2)
    }

    @Test("what is kept of the discussion is bounded")
    func history() throws {
        let scene = try Scene()
        for number in 0..<150 { _ = try scene.say("\(number)", by: alice, now: Int64(number) * 1_000) }
        #expect(scene.room.history.entries.count == RoomHistory.capacity)
        let window = scene.room.history.window(
            RoomHistoryRequest(seconds: 3), standard: 15, maximum: 100, now: 149_000)
        #expect(window.count == 4)
        let size = window[window.startIndex].size
        #expect(
            scene.room.history.window(
                RoomHistoryRequest(characters: size * 2 + 1), standard: 15, maximum: 100, now: 149_000
            ).count == 2)
        #expect(
            scene.room.history.window(RoomHistoryRequest(stanzas: 500), standard: 15, maximum: 20, now: 0).count == 20)
    }

    @Test("only what is persistent is stored, and only what changed")
    func changes() throws {
        let scene = try Scene()
        #expect(scene.room.takeChange()?.room == nil)
        _ = try scene.room.configure(
            DataForm(.submit, fields: [FormField("muc#roomconfig_persistentroom", value: true)]), by: jid(alice),
            mayPersist: true, id: scene.next)
        let first = scene.room.takeChange()
        #expect(first?.members.count == 1)
        #expect(scene.room.takeChange()?.room == nil)
        _ = try scene.administer([RoomItem(jid: jid(bob).bare, affiliation: .member)], by: alice)
        let second = scene.room.takeChange()
        #expect(second?.members.keys.map(\.description) == ["bob@example.com"])
        if case .unchanged = second?.row {} else { Issue.record("another change") }
        _ = try scene.room.configure(
            DataForm(.submit, fields: [FormField("muc#roomconfig_persistentroom", value: false)]), by: jid(alice),
            mayPersist: true, id: scene.next)
        if case .removed = scene.room.takeChange()?.row {} else { Issue.record("another change") }
    }
}

@Suite("Privileges in chat rooms (XEP-0045 §5)")
struct RoomPrivilegeTests {
    typealias Rank = (role: RoomRole, affiliation: RoomAffiliation)

    private func role(_ target: Rank, _ role: RoomRole, by actor: Rank) -> StanzaError.Condition? {
        do throws(StanzaError) {
            try RoomPrivileges.changeRole(of: target, to: role, by: actor)
            return nil
        } catch { return error.condition }
    }

    private func affiliation(
        _ old: RoomAffiliation, _ next: RoomAffiliation, by actor: RoomAffiliation
    ) -> StanzaError.Condition? {
        do throws(StanzaError) {
            try RoomPrivileges.changeAffiliation(from: old, to: next, by: actor)
            return nil
        } catch { return error.condition }
    }

    @Test("roles (§5.1.1)")
    func roles() {
        let participant: Rank = (.participant, .none)
        let moderator: Rank = (.moderator, .none)
        let admin: Rank = (.moderator, .admin)
        let owner: Rank = (.moderator, .owner)
        #expect(role(participant, .none, by: participant) == .forbidden)
        #expect(role(participant, .none, by: moderator) == nil)
        #expect(role(participant, .visitor, by: moderator) == nil)
        #expect(role((.participant, .member), .none, by: moderator) == .notAllowed)
        #expect(role(admin, .none, by: moderator) == .notAllowed)
        #expect(role(participant, .moderator, by: moderator) == .forbidden)
        #expect(role(participant, .moderator, by: admin) == nil)
        #expect(role(moderator, .participant, by: moderator) == .forbidden)
        #expect(role(moderator, .participant, by: admin) == nil)
        #expect(role(admin, .participant, by: owner) == .notAllowed)
        #expect(role(owner, .none, by: admin) == .notAllowed)
        #expect(role(admin, .none, by: owner) == nil)
    }

    @Test("affiliations (§5.2.1)")
    func affiliations() {
        #expect(affiliation(.none, .member, by: .member) == .forbidden)
        #expect(affiliation(.none, .member, by: .admin) == nil)
        #expect(affiliation(.member, .outcast, by: .admin) == nil)
        #expect(affiliation(.none, .admin, by: .admin) == .forbidden)
        #expect(affiliation(.none, .owner, by: .admin) == .forbidden)
        #expect(affiliation(.admin, .none, by: .admin) == .notAllowed)
        #expect(affiliation(.owner, .outcast, by: .admin) == .notAllowed)
        #expect(affiliation(.owner, .none, by: .owner) == nil)
        #expect(affiliation(.none, .owner, by: .owner) == nil)
    }
}
