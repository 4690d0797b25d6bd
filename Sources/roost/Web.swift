import Configuration
import Ground
import Logging
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
