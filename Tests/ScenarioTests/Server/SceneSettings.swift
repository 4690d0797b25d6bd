import IMCore
import XMPPServer

/// What a scene may change of the server's settings with `set NAME NUMBER`.
struct SceneSettings: Sendable {
    var c2s = C2SConfig()
    var core = CoreConfig()
    var services = ServicesConfig()
    var policies = ScenePolicies()
    /// Whether there is a bytestreams proxy.
    var proxy65 = false
    var gatherMilliseconds = 1
    /// Nil: files are not served.
    var files: FileLimits?
    var components: [ComponentAccount] = []

    init() {
        c2s.requiresTLS = false
        // Each change is told at once, unless the scene is about that.
        core.presence.coalesce = 0
        // Time jumps; silence would be asked about.
        c2s.pingSeconds = 0
        c2s.switchedOff.insert("client-certificates")
        c2s.registration.reserved = ["root"]
        c2s.scramIterations = SceneAccounts.iterations
    }

    static let componentSecret = "a < b & 'c'"

    /// The domain of an external component with that name.
    static func componentDomain(_ name: String) -> String { "\(name).example.com" }

    /// - Throws: `SceneFailure` for a name that is not known.
    mutating func set(_ name: String, _ value: Int) throws {
        switch name {
        case "gather-milliseconds": gatherMilliseconds = value
        case "offline-messages": core.offlineMessages = value
        case "strip-xhtml": core.stripsXHTML = value != 0
        case "roster-items": core.rosterItems = value
        case "blocked-items": core.blockedItems = value
        case "pubsub-nodes": core.pubsub.nodes = value
        case "pubsub-items": core.pubsub.items = value
        case "pubsub-item-bytes": core.pubsub.itemBytes = value
        case "pubsub-bytes": core.pubsub.totalBytes = value
        case "pubsub-subscriptions": core.pubsub.subscriptions = value
        case "archive":
            core.archive.isEnabled = value != 0
            if value == 0 { c2s.switchedOff.insert("archive") }
        case "archive-days": core.archive.retention = Int64(value) * 86_400_000
        case "presence-coalesce-ms": core.presence.coalesce = Int64(value)
        case "presence-change-throttle": core.presence.changesPerSecond = value
        case "quiet-mode": core.quietMode = value != 0
        case "held-stanzas": c2s.heldStanzas = value
        case "push-services": core.push.services = value
        case "push-seconds": core.push.interval = Int64(value) * 1_000
        case "push-sender": core.push.namesSender = value != 0
        case "push-body": core.push.carriesBody = value != 0
        case "requires-tls": c2s.requiresTLS = value != 0
        case "stanza-bytes": c2s.stanzaBytes = value
        case "unauthenticated-stanza-bytes": c2s.unauthenticatedStanzaBytes = value
        case "stanza-depth": c2s.stanzaDepth = value
        case "stanzas-per-second": c2s.stanzasPerSecond = value
        case "login-seconds": c2s.loginSeconds = value
        case "failed-logins-per-address": c2s.failedLoginsPerAddress = value
        case "failed-logins-per-account": c2s.failedLoginsPerAccount = value
        case "connections-per-address": c2s.connectionsPerAddress = value
        case "connections": c2s.connections = value
        case "vcard-bytes": c2s.vcardBytes = value
        case "private-storage-bytes": c2s.privateStorageBytes = value
        case "resume-seconds": c2s.resumeSeconds = value
        case "trusts-links": c2s.trustsLinks = value != 0
        case "ping-seconds": c2s.pingSeconds = value
        case "registration": c2s.registration.isOpen = value != 0
        case "registration-removal": c2s.registration.allowsRemoval = value != 0
        case "registrations-per-hour": c2s.registration.accountsPerHour = value
        case "contacts":
            c2s.contacts = ["abuse": ["mailto:abuse@example.com", "xmpp:abuse@example.com"], "sales": []]
        case "relays":
            c2s.externalServices = [
                ExternalService(type: "stun", host: "stun.example.com", port: 3_478, transport: "udp"),
                ExternalService(type: "turn", host: "turn.example.com", port: 3_478, transport: "udp"),
            ]
            c2s.relaySecret = "secret"
        case "certificate-enrolment":
            c2s.allowsEnrolment = value != 0
            if value != 0 { c2s.switchedOff.remove("client-certificates") }
        case "token-seconds": c2s.tokenSeconds = value
        case "ack-seconds": c2s.ackSeconds = value
        case "unacknowledged-stanzas": c2s.unacknowledgedStanzas = value
        case "search-for-administrators": services.search.access = value != 0 ? .administrators : .users
        case "search-all-domains": services.search.coversAllDomains = value != 0
        case "search-results": services.search.results = value
        case "broadcast-for-administrators": _ = policies.decide("broadcast", value != 0 ? 1 : 0)
        case "broadcast-off":
            services.broadcast.access = .off
            c2s.switchedOff.insert("broadcast")
        case "broadcast-addresses": services.broadcast.addresses = value
        case "broadcast-recipients": services.broadcast.recipients = value
        case "broadcast-per-minute": services.broadcast.recipientsPerMinute = value
        case "proxy65": proxy65 = value != 0
        case "files": files = value != 0 ? FileLimits() : nil
        case "file-bytes": files?.fileBytes = value
        case "file-daily-bytes": files?.dailyBytes = value
        case "file-slots": files?.slotsPerUser = value
        case "rooms-off": services.rooms.isEnabled = value == 0
        case "rooms-for-administrators": services.rooms.create = value != 0 ? .administrators : .users
        case "rooms-for-nobody": services.rooms.create = value != 0 ? .off : .users
        case "rooms": services.rooms.rooms = value
        case "persistent-rooms": services.rooms.persistentRooms = value
        case "room-occupants": services.rooms.limits.occupants = value
        case "room-history": services.rooms.limits.history = value
        case "room-members": services.rooms.limits.members = value
        case "banner": c2s.banner = value != 0 ? "Authorised use only.\nEverything is recorded." : ""
        default:
            guard policies.decide(name, value) else { throw SceneFailure("there is no setting '\(name)'") }
        }
    }
}
