import AdminServer
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Settings
import Transport

/// Connections of the console and the HTTP API, and the certificates they are served with, on the loop of the
/// administration interface.
struct Administration: Sendable {
    let loop: any EventLoop
    /// Certificates of its own: those of the clients belong to the loop of the messages.
    private let tls: NIOLoopBound<TLSContexts>
    private let server = NIOLockedValueBox<AdminServer?>(nil)
    private let logger: Logger

    init(_ config: ServerConfig, on loop: any EventLoop, logger: Logger) async throws {
        self.loop = loop
        self.logger = logger
        let tls = try await loop.submit {
            NIOLoopBound(
                try TLSContexts(config.domains.map { TLSContexts.Source($0) }, logger: logger), eventLoop: loop)
        }.get()
        self.tls = tls
        loop.scheduleRepeatedTask(initialDelay: .seconds(5), delay: .seconds(5)) { _ in tls.value.reloadIfChanged() }
    }

    /// From now on connections are served.
    func open(_ server: AdminServer, _ config: ServerConfig) {
        self.server.withLockedValue { $0 = server }
        server.admin.audit.setSyslog(SyslogTarget(config.administration.auditSyslog), group: loop)
    }

    func accept(_ channel: any Channel) throws {
        guard let server = server.withLockedValue({ $0 }) else { return channel.close(promise: nil) }
        try server.accept(channel) { try tls.value.installHTTPS(on: $0) }
    }

    /// Takes changed settings into use.
    func take(_ config: ServerConfig) async {
        let admin = server.withLockedValue { $0 }?.admin
        admin?.access.settings = AccessSettings(config)
        admin?.audit.setSyslog(SyslogTarget(config.administration.auditSyslog), group: loop)
        let (tls, logger) = (tls, logger)
        try? await loop.submit {
            do {
                try tls.value.exchange(config.domains.map { TLSContexts.Source($0) }, asksForCertificates: false)
            } catch {
                logger.error("certificates of the console not taken into use", metadata: ["error": "\(error)"])
            }
        }.get()
    }
}

extension AccessSettings {
    init(_ config: ServerConfig) {
        self.init()
        let administration = config.administration
        banner = administration.banner.isEmpty ? config.banner : administration.banner
        idleMinutes = administration.idleMinutes
        sessionHours = administration.sessionHours
        passwordLength = administration.passwordLength
        failuresPerAddress = administration.failedLoginsPerAddress
        failuresPerName = administration.failedLoginsPerName
    }
}
