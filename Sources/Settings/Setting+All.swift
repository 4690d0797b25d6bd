import Ground

extension Setting {
    /// One group of keys as it stands in the file.
    public struct Group: Sendable {
        /// Key of the group; empty for keys at the top of the file.
        public let key: String
        /// One sentence above the group; empty when the keys speak for themselves.
        public let summary: String
        public let options: [Setting]
    }

    /// Every setting, in the order of the file.
    public static let groups: [Group] = [
        Group(key: "", summary: "", options: domains),
        Group(key: "listen", summary: "Where clients connect.", options: listen + sipListeners),
        Group(key: "web", summary: "Clients in web browsers.", options: web),
        Group(key: "", summary: "", options: top),
        Group(key: "storage", summary: "The embedded database and what an acknowledgement promises.", options: storage),
        Group(key: "authentication", summary: "How passwords are kept.", options: authentication + banner),
        Group(
            key: "registration", summary: "Accounts that people make and change themselves (XEP-0077).",
            options: registration),
        Group(key: "contact", summary: "Who answers for this server (XEP-0157).", options: contact),
        Group(
            key: "external_services", summary: "STUN and TURN servers that calls go through (XEP-0215).",
            options: externalServices),
        Group(
            key: "limits", summary: "Bounds against hostile or broken clients (RFC 6120 §13.12).",
            options: limits + sessionLimits),
        Group(
            key: "presence", summary: "Availability: who sees whom, and how many; see docs/availability.md.",
            options: presence + presencePacing),
        Group(
            key: "messaging", summary: "Delivery of messages; see docs/messaging-policy.md.",
            options: messagingPolicy + messaging),
        Group(key: "archive", summary: "Message history on the server (XEP-0313).", options: archive),
        Group(
            key: "stream_management", summary: "Acknowledgements and resumption of streams (XEP-0198).",
            options: streamManagement),
        Group(
            key: "mobile",
            summary: "Clients in the background (XEP-0352) and without a connection (XEP-0357); see docs/mobile.md.",
            options: mobile),
        Group(key: "search", summary: "Search for people (XEP-0055), as search. of each domain.", options: search),
        Group(
            key: "broadcast", summary: "Messages to many at once (XEP-0033); see docs/broadcast.md.",
            options: broadcast),
        Group(
            key: "proxy65", summary: "Proxy for file transfers between clients (XEP-0065), on listen.proxy65.",
            options: proxy65),
        Group(
            key: "files", summary: "Files that users upload (XEP-0363), as upload. of each domain; see docs/files.md.",
            options: files),
        Group(
            key: "rooms", summary: "Chat rooms (XEP-0045) on a domain of their own; see docs/rooms.md.", options: rooms),
        Group(
            key: "sip", summary: "SIP clients, and trunks to other SIP servers; see docs/sip.md.", options: sip),
        Group(
            key: "admin", summary: "Signing in to the console; see docs/administration.md.", options: administration),
        Group(key: "log", summary: "What the server tells the operator.", options: log),
    ]

    /// Every key of every group.
    public static let all: [Setting] = groups.flatMap(\.options)

    private static let listen: [Setting] = [
        Setting(
            "listen.c2s",
            "Clients that begin without TLS and negotiate it (STARTTLS, RFC 6120 §5). The address :: means every address of"
                + " IPv6 and IPv4.",
            .listener(\.c2s)),
        Setting(
            "listen.c2s_tls",
            "Clients that begin with TLS (direct TLS, XEP-0368).",
            .listener(\.c2sTLS)),
        Setting(
            "listen.component",
            "External components (XEP-0114), without TLS: for a network that you trust. The usual port is 5347; see"
                + " docs/components.md.",
            .listener(\.component)),
        Setting(
            "listen.https",
            "HTTP with TLS: XMPP over WebSocket (RFC 7395) at /xmpp-websocket, BOSH (XEP-0124) at /http-bind, host-meta"
                + " (XEP-0156).",
            .listener(\.https)),
        Setting(
            "listen.http",
            "The same without TLS, for a reverse proxy on this machine (docs/web.md).",
            .listener(\.http)),
        Setting(
            "listen.proxy65",
            "Proxy for file transfers between clients (XEP-0065); bytes pass as clients send them. The usual port is 7777.",
            .listener(\.proxy65Listener)),
        Setting(
            "listen.admin",
            "Console and HTTP API for administrators, with TLS and the certificates of the domains. Only this machine"
                + " reaches it unless the address says otherwise; see docs/administration.md.",
            .listener(\.adminListener)),
    ]

    private static let web: [Setting] = [
        Setting(
            "web.chat",
            "Whether users find a chat at /chat of listen.https and listen.http (docs/web-chat.md), to which / leads.",
            toggle(\.web.isChatOn), title: "Web chat"),
        Setting(
            "web.enabled",
            "Whether clients may connect by WebSocket and BOSH. Off, those that are connected stay until they leave.",
            toggle(\.web.isEnabled), title: "Clients in web browsers"),
        Setting(
            "web.origins",
            "Web origins whose pages may use WebSocket and BOSH (CORS). host-meta may be read by any page.",
            .texts(
                \.web.origins, expected: "origins such as https://chat.example.com, or *",
                isAllowed: { $0 == "*" || WebAddress.isOrigin($0) })),
        Setting(
            "web.public_url",
            "Where a reverse proxy offers the paths of listen.http; host-meta and the addresses of files name it. Empty: the domain and the port of"
                + " listen.https.",
            .word(
                \.web.publicURL, allowed: "a URL such as https://chat.example.com",
                isAllowed: { WebAddress.isBase($0) })),
        Setting(
            "web.trusted_proxies",
            "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. A request from one counts as"
                + " protected by TLS unless it says http.",
            .texts(
                \.web.trustedProxies, expected: "IP addresses and networks such as 10.0.0.0/8",
                isAllowed: { AddressRange($0) != nil })),
        Setting(
            "web.connections", "HTTP connections at a time, WebSockets not counted.",
            .integer(\.web.connections, allowed: 16...1_000_000, zeroMeans: nil)),
        Setting(
            "web.request_seconds", "Seconds that a client may take to send one request.",
            .integer(\.web.requestSeconds, allowed: 1...600, zeroMeans: nil)),
        Setting(
            "web.body_bytes", "Bytes of the largest BOSH request; never less than the largest stanza needs.",
            .integer(\.web.bodyBytes, allowed: 16_384...16_777_216, zeroMeans: nil)),
        Setting(
            "web.bosh_wait_seconds", "Longest time that a BOSH request is held, in seconds.",
            .integer(\.web.boshWaitSeconds, allowed: 1...600, zeroMeans: nil)),
        Setting(
            "web.bosh_inactivity_seconds", "Seconds without a request after which a BOSH session ends.",
            .integer(\.web.boshInactivitySeconds, allowed: 10...3_600, zeroMeans: nil)),
    ]

    private static let domains: [Setting] = [
        Setting(
            "domains",
            "Hosted domains, the first is the default one, with the PEM files of their certificates (chain) and keys.",
            .domains, title: "Domains and certificates"),
        Setting(
            "components", "Domains that external components answer for (XEP-0114), on listen.component.", .components,
            title: "External components"),
    ]

    private static let top: [Setting] = [
        Setting(
            "tls",
            "Whether clients must use TLS before they sign in (RFC 7590). With optional, a stream without TLS may sign in"
                + " with SCRAM, never with PLAIN.",
            choice(\.tls)),
        Setting(
            "admin_socket",
            "Unix socket on which the command line reaches the running server; only the user of the server and root may"
                + " use it.",
            .file(\.adminSocket, isSocket: true), fileOnly: true),
    ]

    private static let storage: [Setting] = [
        Setting("storage.database", "SQLite file.", .file(\.database, isSocket: false), fileOnly: true),
        Setting(
            "storage.durability",
            "What survives once the server has acknowledged it: power = loss of power, process = the end of the process,"
                + " memory = nothing.",
            choice(\.durability)),
        Setting(
            "storage.gather_ms",
            "Milliseconds that a commit waits for more messages. Longer saves disk writes and delays acknowledgements.",
            .integer(\.gatherMilliseconds, allowed: 0...50, zeroMeans: nil)),
    ]

    private static let authentication: [Setting] = [
        Setting(
            "authentication.scram_iterations",
            "PBKDF2 rounds of new passwords (RFC 5802 §5.1, RFC 7677 §4). More rounds make a stolen database harder to"
                + " crack and every sign-in slower.",
            .integer(\.scramIterations, allowed: 4_096...10_000_000, zeroMeans: nil)),
        Setting(
            "authentication.scram_hashes",
            "Hashes of SCRAM that are offered: all, or sha1 while there are accounts that were imported from a server that"
                + " knew SHA-1 alone: clients choose the strongest that is offered.",
            choice(\.scramHashes)),
        Setting(
            "authentication.channel_binding",
            "Whether SCRAM bound to the server's certificate is offered (SCRAM-…-PLUS with tls-server-end-point). A few old"
                + " clients try a binding that is not offered and then fall back to PLAIN; off helps them.",
            choice(\.channelBinding)),
        Setting(
            "authentication.client_authorities",
            "PEM file of authorities: a client with a certificate of theirs that names its account logs in without password"
                + " (XEP-0178). Empty for none.",
            .text(\.clientAuthorities)),
        Setting(
            "authentication.certificate_enrolment",
            "Whether users may enrol certificates of their own for their clients, self-signed ones too (XEP-0257).",
            choice(\.certificateEnrolment)),
        Setting(
            "authentication.token_days",
            "Days after which a client that has not come back must use its password again (XEP-0484). 0 gives no tokens.",
            .integer(\.tokenDays, allowed: 0...365, zeroMeans: nil)),
    ]

    private static let limits: [Setting] = [
        Setting(
            "limits.stanza_bytes", "Bytes of the largest stanza after sign-in.",
            .integer(\.limits.stanzaBytes, allowed: 10_000...16_777_216, zeroMeans: nil)),
        Setting(
            "limits.unauthenticated_stanza_bytes", "Bytes of the largest element before sign-in.",
            .integer(\.limits.unauthenticatedStanzaBytes, allowed: 1_000...262_144, zeroMeans: nil)),
        Setting(
            "limits.stanza_depth", "Levels of the deepest nesting inside a stanza.",
            .integer(\.limits.stanzaDepth, allowed: 8...250, zeroMeans: nil)),
        Setting(
            "limits.bytes_per_second", "Bytes a second that one stream may send for long.",
            .integer(\.limits.bytesPerSecond, allowed: 1_000...1_000_000_000, zeroMeans: "unlimited")),
        Setting(
            "limits.stanzas_per_second", "Stanzas a second that one stream may send for long.",
            .integer(\.limits.stanzasPerSecond, allowed: 1...1_000_000, zeroMeans: "unlimited")),
        Setting(
            "limits.login_seconds", "Seconds from connecting to a bound resource.",
            .integer(\.limits.loginSeconds, allowed: 5...600, zeroMeans: nil)),
        Setting(
            "limits.ping_seconds",
            "Seconds of silence after which a client is asked whether it is still there (XEP-0199). 0 never asks.",
            .integer(\.limits.pingSeconds, allowed: 30...86_400, zeroMeans: "never")),
        Setting(
            "limits.failed_logins_per_address", "Wrong passwords a minute from one address before it must wait.",
            .integer(\.limits.failedLoginsPerAddress, allowed: 1...10_000, zeroMeans: nil)),
        Setting(
            "limits.failed_logins_per_account", "Wrong passwords a minute for one account before it must wait.",
            .integer(\.limits.failedLoginsPerAccount, allowed: 1...10_000, zeroMeans: nil)),
        Setting(
            "limits.connections_per_address", "Connections from one address at a time.",
            .integer(\.limits.connectionsPerAddress, allowed: 1...1_000_000, zeroMeans: nil)),
        Setting(
            "limits.outbound_bytes", "Bytes that may wait for a slow reader before its stream is given up.",
            .integer(\.limits.outboundBytes, allowed: 65_536...1_073_741_824, zeroMeans: nil)),
        Setting(
            "limits.roster_items",
            "Technical bound of one user's roster, with open requests of others: what counts where presence.contacts_max is"
                + " no limit.",
            .integer(\.limits.rosterItems, allowed: 1...100_000, zeroMeans: nil)),
        Setting(
            "limits.vcard_bytes", "Bytes of one user's vCard (XEP-0054).",
            .integer(\.limits.vcardBytes, allowed: 1_000...16_777_216, zeroMeans: nil)),
        Setting(
            "limits.private_storage_bytes", "Bytes of one user's private storage in all (XEP-0049).",
            .integer(\.limits.privateStorageBytes, allowed: 1_000...16_777_216, zeroMeans: nil)),
        Setting(
            "limits.pubsub_nodes", "Publish-subscribe nodes of one account at a service (XEP-0060, XEP-0163).",
            .integer(\.limits.pubsubNodes, allowed: 1...100_000, zeroMeans: nil)),
        Setting(
            "limits.pubsub_items", "Items that a publish-subscribe node may keep, and what `max` means there.",
            .integer(\.limits.pubsubItems, allowed: 1...1_000_000, zeroMeans: nil)),
        Setting(
            "limits.pubsub_item_bytes", "Bytes of one publish-subscribe item.",
            .integer(\.limits.pubsubItemBytes, allowed: 1_000...16_777_216, zeroMeans: nil)),
        Setting(
            "limits.pubsub_bytes", "Bytes of all publish-subscribe items of one account at a service.",
            .integer(\.limits.pubsubBytes, allowed: 10_000...1_099_511_627_776, zeroMeans: nil)),
        Setting(
            "limits.pubsub_subscriptions", "Subscriptions, and affiliations, of one publish-subscribe node.",
            .integer(\.limits.pubsubSubscriptions, allowed: 1...1_000_000, zeroMeans: nil)),
        Setting(
            "limits.blocked_items", "Blocked addresses of one user (XEP-0191).",
            .integer(\.limits.blockedItems, allowed: 1...100_000, zeroMeans: nil)),
    ]

    private static let messaging: [Setting] = [
        Setting(
            "messaging.offline_messages",
            "Messages stored for one absent user (XEP-0160); the next one is answered with an error. 0 stores none.",
            .integer(\.messaging.offlineMessages, allowed: 0...1_000_000, zeroMeans: nil)),
        Setting(
            "messaging.fork_lock_seconds",
            "Seconds of silence after which a conversation goes to every client of the user again (RFC 6121 §5.1).",
            .integer(\.messaging.forkLockSeconds, allowed: 1...86_400, zeroMeans: nil)),
        Setting(
            "messaging.strip_xhtml",
            "Whether formatted text (XHTML-IM, XEP-0071) is taken out of messages between users; the plain text stays.",
            toggle(\.messaging.stripXHTML)),
    ]

    private static let archive: [Setting] = [
        Setting(
            "archive.enabled",
            "Whether the server keeps the messages of its users, so that every client of a user can read them. Off, it"
                + " keeps none, and what it has kept cannot be read.",
            toggle(\.archive.isEnabled)),
        Setting(
            "archive.default",
            "Whose messages are kept of a user who has not said so (XEP-0441): always = with everybody, roster = with"
                + " contacts, never = with nobody.",
            choice(\.archive.default)),
        Setting(
            "archive.retention_days", "Days that messages are kept.",
            .integer(\.archive.retentionDays, allowed: 1...36_500, zeroMeans: "for ever")),
    ]

    private static let streamManagement: [Setting] = [
        Setting(
            "stream_management.resume_seconds",
            "Seconds during which a lost stream may be resumed (XEP-0198 §3). 0 switches resumption off.",
            .integer(\.streamManagement.resumeSeconds, allowed: 0...86_400, zeroMeans: nil)),
        Setting(
            "stream_management.ack_seconds",
            "Seconds to wait for a requested acknowledgement before the link is taken for dead.",
            .integer(\.streamManagement.ackSeconds, allowed: 5...3_600, zeroMeans: nil)),
        Setting(
            "stream_management.queue",
            "Unacknowledged stanzas before the stream is given up.",
            .integer(\.streamManagement.queue, allowed: 500...1_000_000, zeroMeans: nil)),
    ]

    private static let mobile: [Setting] = [
        Setting(
            "mobile.held_stanzas",
            "Presence, chat states and the like that wait for one inactive client; one more sends all of them.",
            .integer(\.mobile.heldStanzas, allowed: 10...400, zeroMeans: nil)),
        Setting(
            "mobile.quiet_mode",
            "Whether messages wait for an inactive client too, as long as another client of the user is active.",
            toggle(\.mobile.quietMode)),
        Setting(
            "mobile.active_seconds",
            "Seconds for which a client counts as the active one after it sent available presence or a message.",
            .integer(\.mobile.activeSeconds, allowed: 10...86_400, zeroMeans: nil)),
        Setting(
            "mobile.push_services", "Push services that one user may have enabled.",
            .integer(\.mobile.pushServices, allowed: 1...1_000, zeroMeans: nil)),
        Setting(
            "mobile.push_seconds",
            "Least seconds between two notifications to one push service; what comes between is told with the next.",
            .integer(\.mobile.pushSeconds, allowed: 1...3_600, zeroMeans: nil)),
        Setting(
            "mobile.push_sender", "Whether notifications name the sender to the push service.",
            toggle(\.mobile.pushSender)),
        Setting(
            "mobile.push_body", "Whether notifications carry the text of the message to the push service.",
            toggle(\.mobile.pushBody)),
    ]

    private static let log: [Setting] = [
        Setting(
            "log.level",
            "Least important events that are still written.",
            .choice(
                allowed: ["trace", "debug", "info", "notice", "warning", "error"],
                get: { $0.logLevel }, set: { $0.logLevel = $1 })),
        Setting(
            "log.format", "Lines for people, or a JSON object a line for programs.",
            .choice(allowed: ["text", "json"], get: { $0.logFormat }, set: { $0.logFormat = $1 })),
    ]

    static func toggle(_ field: any Field<Bool>) -> Kind {
        .choice(
            allowed: ["on", "off"], get: { $0[keyPath: field] ? "on" : "off" },
            set: { $0[keyPath: field] = $1 == "on" })
    }

    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(_ field: any Field<Value>)
        -> Kind
    {
        .choice(
            allowed: Value.allCases.map(\.rawValue),
            get: { $0[keyPath: field].rawValue },
            set: { config, text in
                if let value = Value(rawValue: text) { config[keyPath: field] = value }
            })
    }
}
