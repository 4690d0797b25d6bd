import DequeModule
import XMPPWire

/// The one owner of a user's live state: clients, roster, blocked addresses, conversations, stored messages.
///
/// Confined to one event loop; everything here is synchronous.
public final class UserHome {
    public let account: Account
    /// Bare address, prepared, as bytes.
    public let address: [UInt8]
    public var id: Int64 { account.id }
    public let jid: JID

    /// What administrator and user have decided; always the one in force.
    public internal(set) var policy = UserPolicy.standard
    /// What others have been told of `PresenceSettings.sharing`: behind the policy by the moments that telling takes.
    var toldSharing = true
    public internal(set) var endpoints: [any Endpoint] = []
    public internal(set) var roster: [JID: RosterItem]
    public internal(set) var rosterVersion: Int64
    public internal(set) var blocked: Set<JID>
    /// Addresses that the user lets in (see `PrivacyPolicy`, `RequestPolicy`).
    public internal(set) var allowed: Set<JID> = []
    /// Nil for whoever has no privacy lists.
    var privacy: PrivacyLists?
    public internal(set) var forking: ForkingPolicy
    /// Rows of the journal that no client has in flight.
    public internal(set) var storedMessages: Int
    /// Nil when the server's default applies.
    public internal(set) var archivePreferences: ArchivePreferences?
    public internal(set) var lastSeenAt: Int64?
    public internal(set) var lastStatus: String?
    /// Somebody beyond the XMPP clients wants to hear of changes of the user's presence (`Router.whenPresenceChanged`).
    /// Forgotten with the home: whoever sets it sets it again in `Router.whenHomeLoaded`.
    public var isWatchedOutside = false
    /// SHA-1 of the photo that presence tells of (XEP-0153), hexadecimal.
    public internal(set) var photoHash: String?
    /// Set once the account is removed; nothing is written for it any more.
    public internal(set) var isRemoved = false
    /// No longer in the registry: whoever still points here has to look again.
    public internal(set) var isForgotten = false

    /// Status set by hand; nil for who has none.
    public internal(set) var manual: ManualPresence?
    /// What sources other than XMPP clients say (`Publication`).
    public internal(set) var publications: [Publication] = []
    /// Calls that pass through this server, as a source of the status; gone with whatever knows of them.
    public internal(set) var calls: [PresenceInput] = []
    /// When they are looked at for some that have run out, seconds since 1970.
    var publicationCheck = Int64.max
    /// What XMPP watchers see of them; nil while they say nothing.
    var synthetic: SyntheticEndpoint?
    /// They say that the user is on the phone or in a meeting: then every client shows it.
    var isBusyElsewhere = false
    /// When watchers were last told of a change, monotonic milliseconds.
    var lastPresenceChange = Int64.min / 2
    /// Push services that its clients enabled (XEP-0357).
    var pushes: [PushRegistration] = []
    /// The client that last sent available presence or a message, and when, for quiet mode.
    var lastActive: (resource: String, uptime: Int64)?
    var replay: OfflineReplay?
    /// Resources of the clients that ask for stored messages themselves (XEP-0013): nobody is sent them unasked.
    var retrievers: Set<String> = []
    var awaitingReplay: Deque<any Endpoint> = []
    /// Durable changes under way; a home is not forgotten before they are done.
    var pendingWrites = 0
    /// Monotonic milliseconds of the last use.
    public internal(set) var lastUse: Int64 = 0

    init(record: HomeRecord, forkSilence: Int64) {
        account = record.account
        jid = record.account.jid
        address = Array(record.account.jid.description.utf8)
        roster = Dictionary(
            record.roster.map { ($0.contact, RosterItem(record: $0)) }, uniquingKeysWith: { first, _ in first })
        rosterVersion = record.account.rosterVersion
        blocked = record.blocked
        allowed = record.allowed
        privacy = record.privacy
        forking = ForkingPolicy(silence: forkSilence)
        storedMessages = record.storedMessages
        archivePreferences = record.archivePreferences
        lastSeenAt = record.account.lastSeenAt
        lastStatus = record.account.lastStatus
        photoHash = record.photoHash
        pushes = record.pushes.map { PushRegistration($0) }
        manual = record.manual
        if !record.publications.isEmpty { publications = record.publications.map { Publication($0) } }
    }

    /// Stands for an asker without account here, a service or a component: empty, and nothing is stored for it.
    public init(visitor: JID) {
        jid = visitor.bare
        account = Account(
            id: -1, localpart: jid.local ?? "", domain: jid.domain, name: nil, isAdmin: false, createdAt: 0,
            lastSeenAt: nil, lastStatus: nil, rosterVersion: 0, scramIterations: 0)
        address = Array(jid.description.utf8)
        roster = [:]
        rosterVersion = 0
        blocked = []
        forking = ForkingPolicy(silence: 0)
        storedMessages = 0
    }

    public func endpoint(resource: String) -> (any Endpoint)? { endpoints.first { $0.resource == resource } }

    func endpoint(address: [UInt8]) -> (any Endpoint)? { endpoints.first { $0.address == address } }

    /// Sessions of people: neither SIP contacts nor what the core itself shows.
    public var sessions: [any Endpoint] { endpoints.filter(\.isClient) }

    public var sessionCount: Int { endpoints.count(where: \.isClient) }

    /// Whether some client would receive a message to the bare address.
    var isReachable: Bool { endpoints.contains { $0.isReachable } }

    var isAvailable: Bool { endpoints.contains { $0.availability != nil } }

    /// Availability passes between the user and others; nothing is passed before everybody has been told (and so shown
    /// what is) that it does.
    public var isSharing: Bool { toldSharing && policy.values.presence.sharing }

    /// Others do not know yet what the policy says.
    var isSwitching: Bool { toldSharing != policy.values.presence.sharing }

    /// Whether watchers see some client of the user.
    public var isShown: Bool { endpoints.contains { $0.availability?.shown != nil } }

    /// Remembers the status text of an unavailable presence (XEP-0012 §4).
    public func noteStatus(_ status: String?) { lastStatus = status.map { String($0.prefix(1_024)) } }
}
