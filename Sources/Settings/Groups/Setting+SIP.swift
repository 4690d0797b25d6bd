import Ground

/// SIP: listeners, registrar, presence, trunks and routes.
extension Setting {
    static let sipListeners: [Setting] = [
        Setting(
            "listen.sip_udp", "SIP over UDP (RFC 3261 §18).", .listener(\.sipUDP), title: "SIP over UDP"),
        Setting(
            "listen.sip_tcp", "SIP over TCP (RFC 3261 §18).", .listener(\.sipTCP), title: "SIP over TCP"),
        Setting(
            "listen.sip_tls", "SIP over TLS, with the certificates of the domains (RFC 3261 §26.2).",
            .listener(\.sipTLS),
            title: "SIP over TLS"),
        Setting(
            "listen.msrp",
            "Message sessions of SIP clients (MSRP, RFC 4975), over TCP. Off, sessions with MSRP are refused; single messages"
                + " go on.",
            .listener(\.msrp), title: "Message sessions (MSRP)"),
    ]

    static let sip: [Setting] =
        sipDomains + sipRegistrar + sipPresence + sipMessages + sipBounds + sipTransport + sipTrunks

    private static let sipDomains: [Setting] = [
        Setting(
            "sip.enabled",
            "Whether SIP clients, trunks and routes are served. Off, the SIP listeners close and every registration ends.",
            toggle(\.sip.isEnabled), title: "SIP"),
        Setting(
            "sip.domain_aliases",
            "Further hosts of SIP URIs that mean a domain of this server, for phones that name a host or an address instead.",
            .texts(
                \.sip.domainAliases, expected: "host=domain, for example sip.example.com=example.com",
                isAllowed: { SIPNames.isAlias($0) }),
            title: "SIP domain aliases"),
    ]

    private static let sipRegistrar: [Setting] =
        expiries(
            "register", "of a registration", "Registrations", \.sip.register.least, \.sip.register.standard,
            \.sip.register.most) + [
            Setting(
                "sip.max_contacts", "Contacts that may be registered for one user; one more is refused.",
                .integer(\.sip.contacts, allowed: 1...100, zeroMeans: nil), title: "Contacts per user"),
            Setting(
                "sip.registration_agents",
                "Users who may register contacts for others, such as the account of a provisioning service: From of its"
                    + " REGISTER is its own address, To the user's. Everybody else registers for nobody but himself.",
                .texts(
                    \.sip.registrationAgents, expected: "an address such as provisioning@example.com",
                    isAllowed: { SIPNames.isUser($0) }),
                title: "Who may register for others"),
            Setting(
                "sip.authenticated_methods",
                "Methods that need a password (digest, RFC 8760) or a client certificate when they come from people of this"
                    + " server. REGISTER always does, trunks never. Fewer believe what a request says and are for closed networks.",
                .texts(
                    \.sip.authenticatedMethods, expected: "a method such as REGISTER or MESSAGE",
                    isAllowed: { SIPNames.methods.contains($0) }),
                title: "Methods that need a password"),
            Setting(
                "sip.digest_md5",
                "Whether digest with MD5 is offered beside SHA-256. Many phones know nothing else.",
                toggle(\.sip.isMD5On),
                title: "Digest with MD5"),
            Setting(
                "sip.digest_sha256",
                "Whether digest with SHA-256 is offered, and first, as RFC 8760 asks. Off helps devices that know only MD5"
                    + " and look at the first offer alone. With both off there is SHA-256.",
                toggle(\.sip.isSHA256On),
                title: "Digest with SHA-256"),
            Setting(
                "sip.accept_from_outside",
                "Whether requests of people of foreign domains are taken that come over no trunk. Nothing proves who they are.",
                toggle(\.sip.acceptsFromOutside), title: "Requests from outside"),
        ]

    private static let sipPresence: [Setting] =
        [
            Setting(
                "sip.notify_seconds",
                "Least seconds between two notifications of a subscription; the last state is always told (RFC 3856 §6.10). 0"
                    + " tells each change at once.",
                .integer(\.sip.notifySeconds, allowed: 0...60, zeroMeans: nil), title: "Pace of notifications"),
            Setting(
                "sip.calls_are_presence",
                "Whether users are on the phone while they are in a call that passes through this server.",
                toggle(\.sip.callsArePresence), title: "Calls are presence"),
        ]
        + expiries(
            "subscribe", "of a subscription", "Subscriptions", \.sip.subscribe.least, \.sip.subscribe.standard,
            \.sip.subscribe.most)
        + expiries(
            "publish", "of published presence", "Publications", \.sip.publish.least, \.sip.publish.standard,
            \.sip.publish.most)

    private static let sipMessages: [Setting] = [
        Setting(
            "sip.content_bytes",
            "Bytes of the text, or whatever else, that a SIP client may send in one message; more is answered 513, in a message"
                + " session 413.",
            .integer(\.sip.contentBytes, allowed: 1_000...1_048_576, zeroMeans: nil), title: "Largest message"),
        Setting(
            "sip.datagram_bytes",
            "Bytes beyond which a request is not for UDP and is tried over TCP first (RFC 3261 §18.1.1). More than 1300 is for"
                + " networks whose packets are known to be larger.",
            .integer(\.sip.datagramBytes, allowed: 500...65_000, zeroMeans: nil), title: "Largest datagram"),
        Setting(
            "sip.messages_per_second",
            "Messages that one user's SIP clients may send in a second, and twice as many at once; beyond, the answer is 503.",
            .integer(\.sip.messagesPerSecond, allowed: 1...100_000, zeroMeans: "no limit"), title: "Messages a second"),
        Setting(
            "sip.message_sessions", "Message sessions at a time (RFC 4975); one more is answered 486.",
            .integer(\.sip.messageSessions, allowed: 1...1_000_000, zeroMeans: nil), title: "Message sessions at a time"
        ),
        Setting(
            "sip.message_sessions_per_user", "Message sessions that one user may have; one more is answered 486.",
            .integer(\.sip.messageSessionsPerUser, allowed: 1...10_000, zeroMeans: nil),
            title: "Message sessions per user"),
        Setting(
            "sip.message_session_idle_seconds", "Seconds without a message after which a message session ends.",
            .integer(\.sip.messageSessionIdle, allowed: 60...86_400, zeroMeans: nil), title: "Idle message sessions"),
        Setting(
            "sip.open_message_sessions",
            "Whether chats to SIP clients that say that they take message sessions (the feature message in their registration)"
                + " go through one that the server opens (RFC 7573). Off, they get single messages.",
            toggle(\.sip.opensMessageSessions), title: "Open message sessions"),
        Setting(
            "sip.first_message_seconds", "Seconds that a new SIP connection has for its first message.",
            .integer(\.sip.firstMessageSeconds, allowed: 1...600, zeroMeans: nil),
            title: "First message of a connection"),
    ]

    private static let sipBounds: [Setting] = [
        Setting(
            "sip.message_bytes", "Bytes of the largest SIP message, with its body; a larger one is answered 413.",
            .integer(\.sip.messageBytes, allowed: 1_300...1_048_576, zeroMeans: nil), title: "Largest SIP message"),
        Setting(
            "sip.max_forwards",
            "Servers that a request of ours, or one that does not say, may pass (RFC 3261 §8.1.1.6).",
            .integer(\.sip.maxForwards, allowed: 1...255, zeroMeans: nil), title: "Most hops"),
        Setting(
            "sip.tls_client_certificates",
            "Whether a certificate is asked of those who connect to listen.sip_tls. optional knows trunks by theirs;"
                + " required refuses connections without one.",
            choice(\.sip.clientCertificates), title: "Client certificates (SIP TLS)"),
        Setting(
            "sip.server_authorities",
            "PEM file of the authorities behind the certificates of servers that are connected to over TLS: trunks, and servers"
                + " of other domains. Empty: those that the operating system believes.",
            .text(\.sip.serverAuthorities), title: "Authorities of SIP servers"),
        Setting(
            "sip.xcap",
            "Whether SIP clients reach their contact lists and presence rules at /xcap-root of listen.https (RFC 4825).",
            toggle(\.sip.isXCAPOn), title: "XCAP"),
        Setting(
            "sip.connections", "SIP connections over TCP and TLS at a time.",
            .integer(\.sip.connections, allowed: 16...1_000_000, zeroMeans: nil), title: "SIP connections"),
        Setting(
            "sip.transactions", "SIP transactions at a time; a request too many is answered 503.",
            .integer(\.sip.transactions, allowed: 1_000...10_000_000, zeroMeans: nil), title: "SIP transactions"),
        Setting(
            "sip.advertised_host",
            "Host or address that SIP peers are told for this server, where the address of its socket cannot be reached from"
                + " there (address translation). Empty: the address of the socket.",
            .host(\.sip.advertisedHost), title: "Advertised host"),
        Setting(
            "sip.ring_seconds", "Seconds that a call may ring before it is given up (timer C, RFC 3261 §16.6).",
            .integer(\.sip.ringSeconds, allowed: 10...3_600, zeroMeans: nil), title: "Ringing"),
        Setting(
            "sip.session_seconds",
            "Seconds after which calls that pass through this server have to be refreshed by one of their ends, or end (RFC 4028"
                + " §8). 0 leaves that to the ends.",
            .integer(\.sip.sessionSeconds, allowed: 90...86_400, zeroMeans: "left to the ends"),
            title: "Refresh of calls"),
        Setting(
            "sip.session_min_seconds",
            "Least seconds between refreshes of a call or message session that are agreed to; a shorter wish is answered 422.",
            .integer(\.sip.sessionMinSeconds, allowed: 90...3_600, zeroMeans: nil),
            title: "Refresh of calls: shortest"),
        Setting(
            "sip.call_seconds",
            "Seconds after which a call counts as over of which nothing is heard any more: neither its end nor a refresh.",
            .integer(\.sip.callSeconds, allowed: 300...604_800, zeroMeans: nil), title: "Calls without end"),
        Setting(
            "sip.subscriptions_per_user", "Subscriptions that one SIP watcher may hold; one more is answered 403.",
            .integer(\.sip.subscriptionsPerUser, allowed: 1...100_000, zeroMeans: nil),
            title: "SIP subscriptions per user"),
        Setting(
            "sip.subscriptions", "Subscriptions of all SIP watchers together; one more is answered 503.",
            .integer(\.sip.subscriptions, allowed: 100...10_000_000, zeroMeans: nil), title: "SIP subscriptions"),
        Setting(
            "sip.foreign_subscriptions_per_user",
            "People of other domains behind trunks that one user may watch; one more is refused.",
            .integer(\.sip.foreignSubscriptionsPerUser, allowed: 1...100_000, zeroMeans: nil),
            title: "People of other domains per user"),
        Setting(
            "sip.foreign_subscriptions", "People of other domains behind trunks that all users together may watch.",
            .integer(\.sip.foreignSubscriptions, allowed: 100...1_000_000, zeroMeans: nil),
            title: "People of other domains"),
        Setting(
            "sip.tracked_calls",
            "Calls passing through this server that watchers are told of; more of them pass, but are no presence.",
            .integer(\.sip.trackedCalls, allowed: 1...1_000_000, zeroMeans: "none"), title: "Calls told of"),
        Setting(
            "sip.list_members", "Contacts that one subscription to a contact list shows (RFC 4662).",
            .integer(\.sip.listMembers, allowed: 10...10_000, zeroMeans: nil), title: "Contacts of a subscribed list"),
        Setting(
            "sip.publications_per_user", "Publications of one user's clients and lines; one more is answered 503.",
            .integer(\.sip.publicationsPerUser, allowed: 1...1_000, zeroMeans: nil), title: "Publications per user"),
        Setting(
            "sip.xcap_bytes", "Bytes of the largest document that is put over XCAP; a larger one is answered 413.",
            .integer(\.sip.xcapBytes, allowed: 4_096...2_097_152, zeroMeans: nil), title: "Largest XCAP document"),
        Setting(
            "sip.dns_servers",
            "Name servers that are asked where SIP domains are (RFC 3263). Empty: those of the operating system.",
            .texts(
                \.sip.dnsServers, expected: "an IP address, perhaps with a port: 192.0.2.53 or [2001:db8::53]:5353",
                isAllowed: { SIPNames.isNameServer($0) }),
            title: "Name servers"),
    ]

    private static let sipTransport: [Setting] = [
        Setting(
            "sip.idle_seconds",
            "Seconds of silence after which a SIP connection ends. One that a client is registered over has four times as long.",
            .integer(\.sip.idleSeconds, allowed: 30...86_400, zeroMeans: nil), title: "Silence of a connection"),
        Setting(
            "sip.flow_timer_seconds",
            "Seconds between the keep-alives that clients over TCP and TLS are asked for (Flow-Timer, RFC 5626 §4.4.1).",
            .integer(\.sip.flowTimerSeconds, allowed: 10...3_600, zeroMeans: "clients are asked for none"),
            title: "Keep-alives of connections"),
        Setting(
            "sip.header_fields", "Header fields of a SIP message; one with more is answered 400.",
            .integer(\.sip.headerFields, allowed: 32...1_024, zeroMeans: nil), title: "Header fields"),
        Setting(
            "sip.output_bytes",
            "Bytes that may wait for a SIP connection whose other side does not read; with more it ends.",
            .integer(\.sip.outputBytes, allowed: 65_536...67_108_864, zeroMeans: nil), title: "Waiting output"),
        Setting(
            "sip.answered_bytes",
            "Bytes of answers that are kept for requests that come again over UDP. Too little, and repetitions are taken for"
                + " new requests.",
            .integer(\.sip.answeredBytes, allowed: 65_536...1_073_741_824, zeroMeans: nil), title: "Kept answers"),
        Setting(
            "sip.nonce_seconds",
            "Seconds that the challenge of a password (nonce) is good for; then clients answer a new one by themselves.",
            .integer(\.sip.nonceSeconds, allowed: 60...86_400, zeroMeans: nil), title: "Life of a challenge"),
        Setting(
            "sip.requests_per_second",
            "SIP requests a second of one IPv4 address or IPv6 /64 network, bursts of twice as many; more are answered 503. Trunks"
                + " are not limited. Many phones behind one address share it.",
            .integer(\.sip.requestsPerSecond, allowed: 1...100_000, zeroMeans: "no limit"),
            title: "Requests per address"),
        Setting(
            "sip.scanners",
            "How the User-Agent of programs begins that look for open servers: they get no answer. Upper and lower case are the"
                + " same.",
            .texts(
                \.sip.scanners, expected: "the begin of a User-Agent such as friendly-scanner",
                isAllowed: { (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }),
            title: "Scanners"),
        Setting(
            "sip.max_breadth",
            "Places that one request may be passed on to at the same time, counted over all servers on its way (RFC 5393 §5.3).",
            .integer(\.sip.maxBreadth, allowed: 1...1_000, zeroMeans: nil), title: "Most branches"),
        Setting(
            "sip.serial_seconds",
            "Seconds that contacts with a higher preference (q) ring before those with a lower one are called.",
            .integer(\.sip.serialSeconds, allowed: 5...600, zeroMeans: nil), title: "Ringing before others"),
        Setting(
            "sip.t1_milliseconds",
            "Round trip that is reckoned with: what is sent over UDP is repeated after it, then after twice as long, and given up"
                + " after 64 times it (T1, RFC 3261 §17.1.1.1).",
            .integer(\.sip.t1Milliseconds, allowed: 50...5_000, zeroMeans: nil), title: "Round trip (T1)"),
        Setting(
            "sip.t2_milliseconds", "Longest time between two repetitions over UDP (T2, RFC 3261 §17.1.2.2).",
            .integer(\.sip.t2Milliseconds, allowed: 500...30_000, zeroMeans: nil), title: "Longest pause (T2)"),
    ]

    private static let sipTrunks: [Setting] = [
        Setting(
            "sip.trunks",
            "Servers that are known by address or certificate and need no password, such as a call manager, and that"
                + " requests are sent to; see docs/sip.md.",
            .trunks, title: "SIP trunks"),
        Setting(
            "sip.routes",
            "Which trunk requests for a domain or a number go to. The first that matches counts; domains of this server are"
                + " routed only where a prefix matches and nobody has that number.",
            .routes, title: "SIP routes"),
    ]

    private static func expiries(
        _ key: String, _ what: String, _ title: String, _ least: any Field<Int>, _ standard: any Field<Int>,
        _ most: any Field<Int>
    ) -> [Setting] {
        [
            Setting(
                "sip.\(key)_min_seconds", "Least seconds \(what); a shorter wish is answered 423.",
                .integer(least, allowed: 1...3_600, zeroMeans: nil), title: "\(title): shortest"),
            Setting(
                "sip.\(key)_seconds", "Seconds \(what) that asks for no time, within the shortest and the longest.",
                .integer(standard, allowed: 60...86_400, zeroMeans: nil), title: "\(title): usual"),
            Setting(
                "sip.\(key)_max_seconds", "Most seconds \(what); a longer wish gets this.",
                .integer(most, allowed: 3_600...2_592_000, zeroMeans: nil), title: "\(title): longest"),
        ]
    }
}

/// Checks of what stands in the group `sip`.
enum SIPNames {
    static let methods: Set<String> = [
        "REGISTER", "PUBLISH", "SUBSCRIBE", "NOTIFY", "MESSAGE", "INVITE", "REFER", "INFO", "OPTIONS", "UPDATE",
        "PRACK",
    ]
    static let transports: Set<String> = ["udp", "tcp", "tls"]

    /// A host name, an IPv4 address, or an IPv6 address with or without brackets.
    static func isHost(_ text: String) -> Bool {
        if IPAddress.isLiteral(text) { return true }
        guard !text.contains(":") || text.hasPrefix("["), case .success = DomainName.prepare(text) else { return false }
        return true
    }

    /// `user@domain`
    static func isUser(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains("/"),
            case .success = DomainName.prepare(parts[1])
        else { return false }
        return true
    }

    /// `host=domain`
    static func isAlias(_ text: String) -> Bool {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, isHost(parts[0]), case .success = DomainName.prepare(parts[1]) else { return false }
        return true
    }

    /// An IP address, with a port after a colon; an IPv6 address stands in brackets then.
    static func isNameServer(_ text: String) -> Bool {
        if IPAddress.isLiteral(text) { return true }
        guard let (host, port) = hostAndPort(text[...]), port != nil else { return false }
        return IPAddress.isLiteral(host)
    }

    /// `host`, `host:port`, `[2001:db8::1]:port`, with `;transport=udp|tcp|tls`.
    static func isDestination(_ text: String) -> Bool {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count <= 2, text.utf8.count <= 255, let (host, _) = hostAndPort(parts[0]), isHost(host) else {
            return false
        }
        guard parts.count == 2 else { return true }
        return parts[1].hasPrefix("transport=") && transports.contains(String(parts[1].dropFirst(10)).lowercased())
    }

    /// The host without brackets, and the port where there is one.
    private static func hostAndPort(_ text: Substring) -> (host: String, port: Int?)? {
        var host = text
        var rest: Substring = ""
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            guard IPAddress.isLiteral(String(host)), host.contains(":") else { return nil }
            rest = text[text.index(after: end)...]
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            rest = text[colon...]
        }
        guard !host.isEmpty else { return nil }
        if rest.isEmpty { return (String(host), nil) }
        guard rest.hasPrefix(":"), let port = Int(rest.dropFirst()), (1...65_535).contains(port) else { return nil }
        return (String(host), port)
    }

    /// A name of a trunk.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// A domain, perhaps with `*.` before it.
    static func isPattern(_ text: String) -> Bool {
        if text == "*" { return true }
        guard case .success = DomainName.prepare(text.hasPrefix("*.") ? String(text.dropFirst(2)) : text) else {
            return false
        }
        return true
    }

    /// The begin of a user part: a number as dialled, or letters.
    static func isPrefix(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "*"), UInt8(ascii: "#"),
                    UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
