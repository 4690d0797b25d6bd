import Transport

/// Settings of what web browsers use.
public struct WebSettings: Sendable {
    /// Origins that may use WebSocket and BOSH; `*` is any.
    public var origins = ["*"]
    /// Base of the addresses in host-meta and of files; empty for the HTTPS listener itself.
    public var publicURL = ""
    /// Nil when there is no HTTPS listener.
    public var httpsPort: Int?
    public var bodyBytes = 1_048_576
    public var boshWaitSeconds = 60
    public var boshInactivitySeconds = 60

    public init() {}
}

extension HTTPFront {
    /// Everything that an XMPP server offers to web browsers.
    public func addXMPP(_ server: C2SServer, _ settings: WebSettings) {
        add(WebSocketMount(server: server, origins: AllowedOrigins(settings.origins)))
        add(BOSHMount(server: server, settings: settings))
        for format in HostMetaMount.Format.allCases {
            add(HostMetaMount(format, domains: server.router.domainNames, settings: settings))
        }
        if let files = server.files {
            add(
                UploadMount(files: files, origins: AllowedOrigins(settings.origins)) { [unowned server] in
                    server.isDraining
                })
        }
    }
}
