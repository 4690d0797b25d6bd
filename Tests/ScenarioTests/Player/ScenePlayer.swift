import Foundation
import Ground
import XMPPServer

/// Plays one scene against a server of its own.
final class ScenePlayer {
    private let scene: Scene
    let folder: URL
    private var databasePath: String
    let time = ManualTime()
    var settings = SceneSettings()
    private var cast: [String] = []
    private var relations: [SceneAccounts.Relation] = []
    var ignoresPresence = false
    private var running: SceneServer?
    private var hasStarted = false
    var clients: [String: ScriptedClient] = [:]
    /// Clients whose link is gone and that may resume.
    var dropped: [String: ScriptedClient] = [:]
    /// Asks the server for something after each step, so that the steps of different clients keep their order.
    private var observer: ScriptedClient?
    var variables: [String: String] = [:]
    private var copies = 0

    init(_ scene: Scene) throws {
        self.scene = scene
        folder = try SceneAccounts.makeDatabase()
        databasePath = folder.appendingPathComponent("server.db").path
    }

    /// - Throws: `SceneFailure` naming the line.
    func play() throws {
        defer { clear() }
        for statement in scene.statements {
            do {
                try perform(statement.text)
            } catch {
                throw SceneFailure("\(scene.file).scene:\(statement.line): \(statement.text)\n    \(error)")
            }
        }
        do {
            for name in clients.keys.sorted() { try expectNothing(name, settled: true) }
        } catch {
            throw SceneFailure("\(scene.file).scene:\(scene.line): \(scene.title), at the end:\n    \(error)")
        }
    }

    private func clear() {
        for client in clients.values { client.socket.end() }
        observer?.socket.end()
        try? running?.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    // MARK: Statements

    private func perform(_ text: String) throws {
        var reader = StatementReader(text)
        if reader.take("cast") { return try readCast(&reader) }
        if reader.take("component") { return try readComponent(&reader) }
        if reader.take("set") {
            guard !hasStarted else { throw SceneFailure("settings come before anything happens") }
            let name = reader.word()
            guard let value = Int(reader.word()) else { throw SceneFailure("a setting needs a number") }
            return try settings.set(name, value)
        }
        if reader.take("ignore presence") {
            ignoresPresence = true
            return
        }
        if reader.take("after") { return try passTime(&reader) }
        if reader.take("the server") { return try changeServer(&reader) }
        if reader.take("the administrator sets") { return try changePolicy(&reader) }
        let actor = reader.word()
        guard cast.contains(String(actor.prefix { $0 != "/" && $0 != ":" })) else {
            throw SceneFailure("'\(actor)' is not in the cast")
        }
        if !hasStarted, reader.take("knows") { return relate(actor, reader.word(), both: true) }
        if !hasStarted, reader.take("watches") { return relate(actor, reader.word(), both: false) }
        try act(actor, &reader)
    }

    private func readCast(_ reader: inout StatementReader) throws {
        while !reader.isAtEnd {
            let name = reader.word().filter { $0 != "," }
            guard (SceneAccounts.names + SceneAccounts.others).contains(name) else {
                throw SceneFailure("there is no account '\(name)'")
            }
            cast.append(name)
        }
    }

    /// `component NAME [that replaces]`: the domain NAME.example.com.
    private func readComponent(_ reader: inout StatementReader) throws {
        let name = reader.word()
        let conflict: ComponentAccount.Conflict = reader.take("that replaces") ? .replace : .refuse
        try reader.requireEnd()
        settings.components.append(
            ComponentAccount(
                domain: SceneSettings.componentDomain(name), secret: SceneSettings.componentSecret,
                title: "The \(name)", conflict: conflict))
        cast.append(name)
    }

    private func relate(_ one: String, _ other: String, both: Bool) {
        relations.append(.init(owner: one, contact: other, bits: both ? 3 : 1))
        relations.append(.init(owner: other, contact: one, bits: both ? 3 : 2))
    }

    private func passTime(_ reader: inout StatementReader) throws {
        guard let amount = Int64(reader.word()) else { throw SceneFailure("after how long?") }
        let unit: Int64
        switch reader.word() {
        case "ms": unit = 1
        case "s": unit = 1_000
        case "min": unit = 60_000
        case "h": unit = 3_600_000
        default: throw SceneFailure("time is told in ms, s, min or h")
        }
        let server = try server()
        try keepOrder()
        time.advance(milliseconds: amount * unit)
        try server.onLoop { $0.tick() }
        try keepOrder()
    }

    /// `the administrator sets NAME NUMBER [for SUBJECT]`, while everything goes on.
    private func changePolicy(_ reader: inout StatementReader) throws {
        let name = reader.word()
        guard let value = Int(reader.word()) else { throw SceneFailure("a setting needs a number") }
        let subject = reader.take("for") ? reader.word() : nil
        try reader.requireEnd()
        guard settings.policies.decide(name, value, for: subject) else {
            throw SceneFailure("there is no policy '\(name)'")
        }
        guard hasStarted else { return }
        let server = try server()
        try keepOrder()
        try server.decide(settings.policies)
        try keepOrder()
    }

    // MARK: The server

    /// The server, started at its first use.
    func server() throws -> SceneServer {
        if let running { return running }
        if !hasStarted, !relations.isEmpty { try SceneAccounts.store(relations, at: databasePath) }
        hasStarted = true
        let server = try SceneServer(path: databasePath, settings: settings, time: time)
        running = server
        // Nobody gets in without TLS then, and the scene is about that alone.
        if settings.c2s.requiresTLS { return server }
        let observer = try ScriptedClient(name: "observer", domain: "example.com", resource: "o", port: server.port)
        try observer.logIn()
        try observer.bind()
        self.observer = observer
        return server
    }

    private func changeServer(_ reader: inout StatementReader) throws {
        if reader.take("stops") { return try stop() }
        if reader.take("starts") {
            _ = try server()
            return
        }
        if reader.take("restarts") {
            try stop()
            for client in clients.values { client.socket.end() }
            clients = [:]
            _ = try server()
            return
        }
        if reader.take("is killed") { return try kill() }
        throw SceneFailure("the server stops, starts, restarts or is killed")
    }

    private func stop() throws {
        try keepOrder()
        observer?.socket.end()
        observer = nil
        try running?.stop()
        running = nil
        time.advance(milliseconds: 1)
    }

    /// The process dies and is started again: only what was committed is left.
    private func kill() throws {
        let server = try server()
        try keepOrder()
        copies += 1
        let path = folder.appendingPathComponent("killed-\(copies).db").path
        running = nil
        try server.kill(leaving: path, from: databasePath)
        databasePath = path
        for client in clients.values { client.socket.end() }
        clients = [:]
        observer?.socket.end()
        observer = nil
        time.advance(milliseconds: 1)
        _ = try self.server()
    }

    /// Everything sent so far has been worked on by the server's loop.
    func keepOrder() throws {
        guard running != nil else { return }
        try observer?.ping()
    }

    /// Everything sent so far has had all its consequences.
    func settle() throws {
        try keepOrder()
        try running?.settle()
        try keepOrder()
    }

    // MARK: Clients

    func client(_ actor: String) throws -> ScriptedClient {
        guard let client = clients[actor] else { throw SceneFailure("\(actor) is not connected") }
        return client
    }

    func makeClient(_ actor: String) throws -> ScriptedClient {
        guard clients[actor] == nil else { throw SceneFailure("\(actor) is connected already") }
        // `alice`, `alice/phone`, and `alice:again` for one more stream under the same address.
        let parts = actor.split(separator: "/", maxSplits: 1).map(String.init)
        let name = String(parts[0].prefix { $0 != ":" })
        let domain = SceneSettings.componentDomain(name)
        if settings.components.contains(where: { $0.domain == domain }) {
            let component = try ScriptedClient(
                name: name, domain: domain, resource: "", port: try server().componentPort)
            clients[actor] = component
            return component
        }
        let client = try ScriptedClient(
            name: name, domain: SceneAccounts.domain(of: name), resource: parts.count > 1 ? parts[1] : "desk",
            port: try server().port)
        client.ignoresPresence = ignoresPresence
        clients[actor] = client
        return client
    }

    /// The same for a client that an answer to a request of its own would wake (XEP-0352).
    func expectSilence(_ actor: String) throws {
        let client = try client(actor)
        try settle()
        try client.takeWhatIsThere()
        if client.hasArrivals { throw SceneFailure("\(actor) received: \(client.describeInbox)") }
    }

    /// Nothing has arrived and nothing is on its way.
    func expectNothing(_ actor: String, settled: Bool) throws {
        let client = try client(actor)
        if settled { try settle() } else { try keepOrder() }
        try client.takeWhatIsThere()
        if client.isBound, running != nil, !client.hasArrivals { try client.ping() }
        if client.hasArrivals { throw SceneFailure("\(actor) received: \(client.describeInbox)") }
    }
}
