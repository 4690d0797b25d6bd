import Ground
import IMCore
import Logging
import Settings
import Storage
import Transport
import WebChat
import XMPPServer

extension HTTPFront {
    /// The HTTP server as the settings describe it, with everything that it serves.
    convenience init(_ config: ServerConfig, server: C2SServer, time: any TimeSource, logger: Logger) {
        self.init(settings: Settings(config, server: server), tls: server.tls, time: time, logger: logger)
        addXMPP(server, WebSettings(config))
        add(WebChatMount(WebChatSettings(config)) { $0.take(server.router.policies) })
        add(WebChatEntrance(isOn: config.web.isChatOn))
    }

    /// Other settings are in force; connections stay.
    func reconfigure(_ config: ServerConfig, server: C2SServer) {
        settings = Settings(config, server: server)
        reconfigureXMPP(server, WebSettings(config))
        for mount in mounts {
            (mount as? WebChatMount)?.settings = WebChatSettings(config)
            (mount as? WebChatEntrance)?.isOn = config.web.isChatOn
        }
    }
}

extension HTTPFront.Settings {
    init(_ config: ServerConfig, server: C2SServer) {
        self.init()
        connections = min(config.web.connections, server.config.connections)
        connectionsPerAddress = config.limits.connectionsPerAddress
        requestSeconds = config.web.requestSeconds
        trustedProxies = config.web.trustedProxies.compactMap { AddressRange($0) }
    }
}

extension WebSettings {
    init(_ config: ServerConfig) {
        self.init()
        isEnabled = config.web.isEnabled
        origins = config.web.origins
        publicURL = config.web.publicURL
        httpsPort = config.https?.port
        bodyBytes = config.web.bodyBytes
        boshWaitSeconds = config.web.boshWaitSeconds
        boshInactivitySeconds = config.web.boshInactivitySeconds
    }
}

extension WebChatSettings {
    init(_ config: ServerConfig) {
        self.init(
            isOn: config.web.isChatOn, domains: config.domains.map { Domain(name: $0.name) },
            banner: config.banner, httpsPort: config.https?.port, version: RoostVersion.current)
    }

    /// What the administrator has decided for each domain, now.
    mutating func take(_ policies: PolicyTable) {
        for index in domains.indices {
            let messaging = policies.policy(ofDomain: domains[index].name).values.messaging
            domains[index].allowsHistory = messaging.allowsHistory
            domains[index].allowsCutAndPaste = messaging.allowsCutPaste
        }
    }
}

extension ServerConfig {
    /// Where somebody on this machine opens the web chat; nil when it is off. Without TLS where that is possible: a
    /// certificate that `roost init` has made is one that browsers warn of, and nobody listens inside of a machine.
    var chatAddress: String? {
        guard web.isChatOn else { return nil }
        if !web.publicURL.isEmpty { return web.publicURL + WebChatMount.location }
        if let http { return "http://localhost:\(http.port)\(WebChatMount.location)" }
        return https.map { "https://\(domains.first?.name ?? "localhost"):\($0.port)\(WebChatMount.location)" }
    }
}

extension C2SServer {
    /// Serves files as the settings describe it; the folder is exchanged only when it is another one.
    ///
    /// - Throws: `StorageFailure` when the folder cannot be used.
    func serveFiles(_ config: ServerConfig) throws {
        guard config.files.isEnabled, config.https != nil || config.http != nil else { return serveNoFiles() }
        guard !config.web.publicURL.isEmpty || config.https != nil else {
            logger.notice("files are not served: there is neither listen.https nor web.public_url")
            return serveNoFiles()
        }
        let service: FileService
        if let files, files.folder.path == config.filesFolder {
            files.limits = FileLimits(config.files)
            service = files
        } else {
            service = FileService(
                folder: try FileFolder(path: config.filesFolder), limits: FileLimits(config.files), router: router)
        }
        let (publicURL, port) = (config.web.publicURL, config.https?.port ?? 443)
        serveFiles(service) { domain in
            publicURL.isEmpty ? "https://\(domain)" + (port == 443 ? "" : ":\(port)") : publicURL
        }
    }

    private func serveNoFiles() { serveFiles(nil) { "https://" + $0 } }
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
