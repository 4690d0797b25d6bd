import AdminServer
import NIOCore
import Settings
import XMPPServer

/// Starts and stops feature services. What a service runs by is a setting, so every start and stop is a version of the
/// settings, with who and when.
struct LiveServices: AdminFeatureServices {
    let core: NIOLoopBound<C2SServer>
    let settings: LiveSettings
    let listeners: Listeners

    /// One service: what it is called, and the setting that it runs by.
    struct Definition: Sendable {
        var name: String
        var title: String
        var summary: String
        var aliases: [String]
        var features: [String]
        var setting: String?
        /// What the setting says while the service does not run, and what it says when nobody has said anything else.
        var off = SettingValue.boolean(false)
        var on = SettingValue.boolean(true)
    }

    static let all: [Definition] = [
        Definition(
            name: "router", title: "Router and presence",
            summary: "Routes messages and presence; everything else needs it.",
            aliases: ["Cisco XCP Router"], features: ["messages", "presence", "contact lists"]),
        Definition(
            name: "clients", title: "XMPP clients", summary: "Connections of clients over TCP.",
            aliases: ["Cisco XCP Connection Manager", "Cisco XCP Authentication Service"],
            features: ["XMPP clients"]),
        Definition(
            name: "web-clients", title: "Web clients", summary: "XMPP over WebSocket and BOSH.",
            aliases: ["Cisco XCP Web Connection Manager"], features: ["clients in browsers", "web chat"],
            setting: "web.enabled"),
        Definition(
            name: "sip-proxy", title: "SIP proxy",
            summary: "SIP clients register here, and call each other and trunks through it.",
            aliases: ["Cisco SIP Proxy", "Cisco XCP SIP Federation Connection Manager"],
            features: ["SIP clients", "trunks", "calls", "messages to SIP clients"], setting: "sip.enabled"),
        Definition(
            name: "presence-engine", title: "Presence engine",
            summary: "Composes what clients, phones and people themselves say; one for XMPP and SIP watchers.",
            aliases: ["Cisco Presence Engine"], features: ["presence"]),
        Definition(
            name: "rooms", title: "Chat rooms", summary: "Rooms, for a meeting or to stay.",
            aliases: ["Cisco XCP Text Conference Manager"], features: ["ad hoc rooms", "persistent rooms"],
            setting: "rooms.enabled"),
        Definition(
            name: "archive", title: "Message archive", summary: "History of messages on the server.",
            aliases: ["Cisco XCP Message Archiver"], features: ["history in every client"],
            setting: "archive.enabled"),
        Definition(
            name: "files", title: "File transfer", summary: "Files that users upload.",
            aliases: ["Cisco XCP File Transfer Manager"], features: ["files in chats"], setting: "files.enabled"),
        Definition(
            name: "directory", title: "People search", summary: "Search for people of the server.",
            aliases: ["Cisco XCP Directory Service"], features: ["people search"], setting: "search.access",
            off: .text("off"), on: .text("users")),
        Definition(
            name: "broadcast", title: "Broadcast", summary: "Messages to many at once.", aliases: [],
            features: ["broadcast messages"], setting: "broadcast.access", off: .text("off"), on: .text("users")),
        Definition(
            name: "components", title: "External components", summary: "Gateways and bots with domains of their own.",
            aliases: [], features: ["external components"], setting: "listen.component", off: .text("off"),
            on: .group(["address": .text("127.0.0.1"), "port": .integer(5_347)])),
        Definition(
            name: "bytestreams", title: "File transfer proxy", summary: "Files from client to client.", aliases: [],
            features: ["direct file transfer"], setting: "listen.proxy65", off: .text("off"),
            on: .group(["address": .text("::"), "port": .integer(7_777)])),
    ]

    static func definition(_ name: String) -> Definition? {
        let wanted = name.lowercased()
        return all.first { $0.name == wanted || $0.aliases.contains { $0.lowercased() == wanted } }
    }

    func services() async throws -> [AdminService] {
        let config = settings.live.value
        let (rooms, sessions, files) = try await details()
        return Self.all.map { definition in
            let detail =
                switch definition.name {
                case "clients": "\(sessions) sessions"
                case "rooms": "\(rooms.rooms) rooms, \(rooms.occupants) occupants"
                case "files": files ? "" : "neither listen.https nor web.public_url is there"
                default: ""
                }
            let isRunning = Self.isRunning(definition, config)
            return AdminService(
                name: definition.name, title: definition.title, summary: definition.summary,
                aliases: definition.aliases, state: isRunning ? .running : .stopped, detail: isRunning ? detail : "",
                features: definition.features, setting: definition.setting)
        }
    }

    private func details() async throws -> (rooms: ServerRooms, sessions: Int, files: Bool) {
        let core = core
        return try await core.eventLoop.submit {
            (core.value.roomCounts, core.value.sessionCounts.bound, core.value.files != nil)
        }.get()
    }

    private static func isRunning(_ definition: Definition, _ config: ServerConfig) -> Bool {
        guard let key = definition.setting, let setting = Setting.byKey[key] else { return true }
        return setting.value(in: config) != definition.off
    }

    func control(
        _ name: String, _ action: AdminServiceAction, by author: AdminAuthor
    ) async throws -> AdminService {
        guard let definition = Self.definition(name) else {
            throw AdminError(
                .notFound, "there is no service \(name); there are \(Self.all.map(\.name).joined(separator: ", "))")
        }
        guard definition.setting != nil else {
            throw AdminError(.invalid, "\(definition.title) is the server itself and cannot be stopped")
        }
        if action != .start { try await stop(definition, author) }
        if action != .stop { try await start(definition, author) }
        guard let service = try await services().first(where: { $0.name == definition.name }) else {
            throw AdminError(.internalError, "the service is gone")
        }
        return service
    }

    private func stop(_ definition: Definition, _ author: AdminAuthor) async throws {
        try await set(definition, definition.off, "stop \(definition.name)", author)
    }

    /// Back to what file or default say; to what the service usually runs by when they say off.
    private func start(_ definition: Definition, _ author: AdminAuthor) async throws {
        guard !Self.isRunning(definition, settings.live.value) else { return }
        try await set(definition, nil, "start \(definition.name)", author)
        guard !Self.isRunning(definition, settings.live.value) else { return }
        try await set(definition, definition.on, "start \(definition.name)", author)
    }

    private func set(
        _ definition: Definition, _ value: SettingValue?, _ note: String, _ author: AdminAuthor
    ) async throws {
        guard let key = definition.setting else { return }
        _ = try await settings.changeSettings(
            AdminSettingsChange(entries: [.init(key: key, value: value)], note: note), by: author)
    }
}
