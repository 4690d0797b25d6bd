import Ground
import IMCore
import Logging
import Settings
import Storage
import Transport
import XMPPServer

extension HTTPFront {
    /// The HTTP server as `roost.yaml` describes it, with everything that it serves.
    convenience init(_ config: ServerConfig, server: C2SServer, time: any TimeSource, logger: Logger) {
        var settings = Settings()
        settings.connections = min(config.web.connections, server.config.connections)
        settings.connectionsPerAddress = config.limits.connectionsPerAddress
        settings.requestSeconds = config.web.requestSeconds
        settings.trustedProxies = config.web.trustedProxies.compactMap { AddressRange($0) }
        self.init(settings: settings, tls: server.tls, time: time, logger: logger)
        var web = WebSettings()
        web.origins = config.web.origins
        web.publicURL = config.web.publicURL
        web.httpsPort = config.https?.port
        web.bodyBytes = config.web.bodyBytes
        web.boshWaitSeconds = config.web.boshWaitSeconds
        web.boshInactivitySeconds = config.web.boshInactivitySeconds
        addXMPP(server, web)
    }
}

extension C2SServer {
    /// Serves files as `roost.yaml` describes it.
    ///
    /// - Throws: `StorageFailure` when the folder cannot be used.
    func serveFiles(_ config: ServerConfig) throws {
        guard config.files.isEnabled, config.https != nil || config.http != nil else { return }
        guard !config.web.publicURL.isEmpty || config.https != nil else {
            return logger.notice("files are not served: there is neither listen.https nor web.public_url")
        }
        let files = FileService(
            folder: try FileFolder(path: config.filesFolder), limits: FileLimits(config.files), router: router)
        let (publicURL, port) = (config.web.publicURL, config.https?.port ?? 443)
        serveFiles(files) { domain in
            publicURL.isEmpty ? "https://\(domain)" + (port == 443 ? "" : ":\(port)") : publicURL
        }
    }
}

extension FileLimits {
    init(_ config: ServerConfig.Files) {
        self.init()
        fileBytes = config.maxBytes
        dailyBytes = config.dailyBytesPerUser
        retention = Int64(config.keepDays) * 86_400_000
        slotTime = Int64(config.slotSeconds) * 1_000
    }
}
