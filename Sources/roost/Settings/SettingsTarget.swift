import Foundation
import IMCore
import Logging
import NIOCore
import NIOPosix
import SIPServer
import Settings
import Storage
import StorageSQLite
import Transport
import XMPPServer

/// Takes settings into use in every part of the running server.
struct SettingsTarget: LiveSettings.Target {
    let core: NIOLoopBound<C2SServer>
    let sip: NIOLoopBound<SIPServer>
    let front: NIOLoopBound<HTTPFront>
    let relay: NIOLoopBound<BytestreamRelay>
    let administration: Administration
    let listeners: Listeners
    let group: MultiThreadedEventLoopGroup
    let adminGroup: MultiThreadedEventLoopGroup
    let database: SQLiteDatabase
    let descriptors: Int

    func plans(_ config: ServerConfig) -> [Listeners.Plan] {
        let (core, sip, front, relay, administration) = (core, sip, front, relay, administration)
        let isOn = config.sip.isEnabled
        return [
            .init(name: "c2s", at: config.c2s, group: group) { try core.value.accept($0, directTLS: false) },
            .init(name: "c2s-tls", at: config.c2sTLS, group: group) { try core.value.accept($0, directTLS: true) },
            .init(name: "https", at: config.https, group: group) { try front.value.accept($0, usesTLS: true) },
            .init(name: "http", at: config.http, group: group) { try front.value.accept($0, usesTLS: false) },
            .init(name: "component", at: config.component, group: group) { channel in
                guard let components = core.value.components else { return channel.close(promise: nil) }
                try components.accept(channel)
            },
            .init(name: "proxy65", at: config.proxy65Listener, group: relay.eventLoop) {
                try relay.value.accept($0)
            },
            .init(name: "sip-udp", kind: .datagrams, at: isOn ? config.sipUDP : nil, group: group) {
                try sip.value.serve(datagrams: $0)
            },
            .init(name: "sip-tcp", at: isOn ? config.sipTCP : nil, group: group) {
                try sip.value.accept($0, usesTLS: false)
            },
            .init(name: "sip-tls", at: isOn ? config.sipTLS : nil, group: group) {
                try sip.value.accept($0, usesTLS: true)
            },
            .init(name: "msrp", at: isOn ? config.msrp : nil, group: group) { channel in
                guard let sessions = sip.value.sessions else { return channel.close(promise: nil) }
                try sessions.accept(channel)
            },
            .init(name: "admin", at: config.adminListener, group: administration.loop) {
                try administration.accept($0)
            },
        ]
    }

    func prepare(_ config: ServerConfig) async throws -> Listeners.Move {
        try TLSContexts.check(config.domains.map { TLSContexts.Source($0) })
        if !config.clientAuthorities.isEmpty { _ = try ClientAuthorities(path: config.clientAuthorities) }
        if !config.sip.serverAuthorities.isEmpty { _ = try ClientAuthorities(path: config.sip.serverAuthorities) }
        if config.files.isEnabled { _ = try FileFolder(path: config.filesFolder) }
        return try await listeners.move(to: plans(config))
    }

    func undo(_ move: Listeners.Move) async { await listeners.undo(move) }

    func commit(_ config: ServerConfig, _ policies: PolicyTable, _ move: Listeners.Move) async {
        ServerLog.shared.configure(config)
        database.setSynchronous(.init(config.durability))
        let bytestreams = ServicesConfig(config).bytestreams
        let (relay, target) = (relay, self)
        try? await relay.eventLoop.submit { relay.value.config = bytestreams }.get()
        await administration.take(config)
        try? await core.eventLoop.submit { target.take(config, policies) }.get()
        await listeners.keep(move)
    }

    /// On the core's loop.
    private func take(_ config: ServerConfig, _ policies: PolicyTable) {
        let server = core.value
        let router = server.router
        router.config = CoreConfig(config)
        router.journal.durability = Durability(config.durability)
        router.journal.gatherWindow = .milliseconds(Int64(config.gatherMilliseconds))
        var c2s = C2SConfig(config, descriptors: descriptors)
        // What `prepare` has tried; what fails now all the same leaves the old in force.
        c2s.clientAuthorities =
            config.clientAuthorities.isEmpty
            ? nil : attempt("client authorities") { try ClientAuthorities(path: config.clientAuthorities) }
        attempt("certificates") {
            try server.tls.exchange(
                config.domains.map { TLSContexts.Source($0) },
                asksForCertificates: c2s.clientAuthorities != nil || c2s.allowsEnrolment)
        }
        server.reconfigure(c2s)
        server.host(config.domains.map(\.name))
        attempt("components") {
            server.serveComponents(try config.components.map { try ComponentAccount($0) })
        }
        attempt("files") { try server.serveFiles(config) }
        arrange(config)
        front.value.reconfigure(config, server: server)
        takeSIP(config, c2s.clientAuthorities)
        router.policiesChanged(policies)
    }

    /// On the core's loop.
    private func takeSIP(_ config: ServerConfig, _ authorities: ClientAuthorities?) {
        let server = sip.value
        var new = SIPConfig(config)
        new.clientAuthorities = authorities ?? Server.publicAuthorities(new)
        attempt("certificates of SIP") {
            try server.tls?.exchange(
                config.domains.map { TLSContexts.Source($0) }, asksForCertificates: new.asksForCertificates)
        }
        server.ports = (config.sipTCP.map { UInt16($0.port) }, config.sipTLS.map { UInt16($0.port) })
        server.sessions?.port = config.msrp.map { UInt16($0.port) }
        server.reconfigure(new)
    }

    /// On the core's loop.
    func arrange(_ config: ServerConfig) {
        core.value.arrange(ServicesConfig(config), relay: config.proxy65Listener == nil ? nil : relay)
    }

    @discardableResult
    private func attempt<Value>(_ part: String, _ body: () throws -> Value) -> Value? {
        do { return try body() } catch {
            core.value.logger.error(
                "a change of the settings was not taken up", metadata: ["part": "\(part)", "error": "\(error)"])
            return nil
        }
    }
}

extension TLSContexts.Source {
    init(_ domain: ServerConfig.Domain) {
        self.init(domain: domain.name, certificate: domain.certificate, key: domain.key)
    }
}

extension Durability {
    init(_ durability: ServerConfig.Durability) { self = Durability(rawValue: durability.rawValue) ?? .power }
}

extension SQLiteDatabase.Synchronous {
    init(_ durability: ServerConfig.Durability) {
        self =
            switch durability {
            case .power: .full
            case .process: .normal
            case .memory: .off
            }
    }
}
