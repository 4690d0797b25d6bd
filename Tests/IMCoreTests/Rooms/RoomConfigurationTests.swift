import Testing
import XMPPWire

@testable import IMCore

@Suite("Configuration of chat rooms (XEP-0045 §10.2)")
struct RoomSettingsTests {
    private func submit(_ fields: FormField...) throws -> RoomConfiguration {
        try RoomConfiguration().applying(DataForm(.submit, fields: fields), RoomLimits())
    }

    @Test("what is stored is what it was")
    func stored() throws {
        var configuration = RoomConfiguration()
        configuration.name = "A Dark Cave"
        configuration.isMembersOnly = true
        configuration.visibility = .anyone
        configuration.presenceRoles = ["moderator"]
        configuration.listReaders = []
        configuration.maxOccupants = 7
        configuration.privateMessages = .none
        #expect(RoomConfiguration(stored: configuration.stored) == configuration)
        configuration.maxHistory = 3
        #expect(RoomConfiguration(stored: configuration.stored) == configuration)
        #expect(RoomConfiguration(stored: "nonsense\u{1E}\u{1F}") == RoomConfiguration())
    }

    @Test("what is left out stays")
    func partial() throws {
        let changed = try submit(FormField("muc#roomconfig_roomname", value: "A Dark Cave"))
        #expect(changed.name == "A Dark Cave")
        #expect(changed.isPublic)
    }

    @Test(
        "what is not allowed is refused",
        arguments: [
            ("muc#roomconfig_whois", "everybody"), ("muc#roomconfig_persistentroom", "perhaps"),
            ("muc#maxhistoryfetch", "101"), ("muc#roomconfig_maxusers", "many"), ("muc#roomconfig_allowpm", "friends"),
            ("muc#roomconfig_passwordprotectedroom", "1"),
        ])
    func refused(_ field: String, _ value: String) {
        #expect(throws: StanzaError.self) { try submit(FormField(field, value: value)) }
    }

    @Test("a room holds no more than the server lets it")
    func occupants() throws {
        let changed = try submit(FormField("muc#roomconfig_maxusers", value: "5000"))
        #expect(changed.occupantLimit(RoomLimits()) == 1_000)
        #expect(try submit(FormField("muc#roomconfig_maxusers", value: "none")).occupantLimit(RoomLimits()) == 1_000)
        #expect(try submit(FormField("muc#roomconfig_maxusers", value: "20")).occupantLimit(RoomLimits()) == 20)
    }
}
