import Transport

/// Settings of what web browsers use.
public struct WebSettings: Sendable {
    /// New WebSockets and BOSH sessions are taken.
    public var isEnabled = true
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

/// A mount whose settings may change while it serves.
public protocol XMPPMount: HTTPMount {
    func reconfigure(_ server: C2SServer, _ settings: WebSettings)
}

extension HTTPFront {
    /// Everything that an XMPP server offers to web browsers.
    public func addXMPP(_ server: C2SServer, _ settings: WebSettings) {
        add(WebSocketMount(server: server, settings: settings))
        add(BOSHMount(server: server, settings: settings))
        for format in HostMetaMount.Format.allCases {
            add(HostMetaMount(format, domains: server.router.domainNames, settings: settings))
        }
        addUpload(server, settings)
    }

    /// Other settings are in force, also for what the server serves files with.
    public func reconfigureXMPP(_ server: C2SServer, _ settings: WebSettings) {
        for mount in mounts { (mount as? any XMPPMount)?.reconfigure(server, settings) }
        let upload = mounts.lazy.compactMap { $0 as? UploadMount }.first
        guard upload?.files !== server.files else { return }
        remove(path: UploadMount.location)
        addUpload(server, settings)
    }

    private func addUpload(_ server: C2SServer, _ settings: WebSettings) {
        guard let files = server.files else { return }
        add(
            UploadMount(files: files, origins: AllowedOrigins(settings.origins)) { [unowned server] in
                server.isDraining
            })
    }
}
