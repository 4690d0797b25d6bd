/// Policy of instant messaging, of sessions, and how presence is told.
extension Setting {
    static let messagingPolicy: [Setting] = [
        Setting(
            "messaging.enabled",
            "Whether users exchange messages, in rooms too. Off, a message is answered with an error; presence and"
                + " everything else go on, and messages that were accepted before are still delivered.",
            toggle(\.messaging.isEnabled), title: "Enable instant messaging", scopes: [.deployment, .domain]),
        Setting(
            "messaging.suppress_offline",
            "Whether messages to a user who is offline are answered with an error instead of being stored. What is stored"
                + " already is still delivered. Clients that live on push notifications need the store.",
            toggle(\.messaging.suppressOffline), title: "Suppress offline instant messages",
            scopes: [.deployment, .domain, .user]),
        Setting(
            "messaging.allow_history",
            "Whether clients may keep a log of messages. Told to clients (urn:roost:policy:0); only those that honour it"
                + " keep to it. History on the server is archive.enabled.",
            toggle(\.messaging.allowHistory),
            title: "Allow clients to log instant message history (on supported clients only)",
            scopes: [.deployment, .domain, .user]),
        Setting(
            "messaging.allow_cut_paste",
            "Whether people may cut and paste in messages. Told to clients (urn:roost:policy:0); only those that honour it"
                + " keep to it.",
            toggle(\.messaging.allowCutPaste), title: "Allow cut & paste in instant messages",
            scopes: [.deployment, .domain, .user]),
        Setting(
            "messaging.fork_lock",
            "Whether a conversation stays with the client that its owner has answered from, until it ends"
                + " (messaging.fork_lock_seconds). Off, every message goes to every client.",
            toggle(\.messaging.forkLock), title: "Lock conversations to the answering client",
            scopes: [.deployment, .domain, .user], ownedByUser: true),
        Setting(
            "messaging.multiple_devices",
            "Whether the clients of a user get copies of what the others send and receive (carbons, XEP-0280).",
            toggle(\.messaging.multipleDevices), title: "Multiple device messaging",
            scopes: [.deployment, .domain, .user]),
    ]

    static let sessionLimits: [Setting] = [
        Setting(
            "limits.sessions_per_user",
            "Sessions of one user. Fewer end nobody who is there; they count from the next login on.",
            .integer(\.limits.sessionsPerUser, allowed: 1...1_000, zeroMeans: nil),
            title: "Maximum number of logon sessions (per user)", scopes: [.deployment, .domain, .user]),
        Setting(
            "limits.session_eviction",
            "What happens to one session too many: oldest = the oldest is ended, refuse = the new one is refused, unless one"
                + " that has lost its link can make room.",
            choice(\.limits.sessionEviction), title: "One session too many", scopes: [.deployment, .domain, .user]),
    ]

    static let banner: [Setting] = [
        Setting(
            "authentication.banner",
            "Text that people see before they sign in to the web chat, and to the console where admin.banner is empty. Empty"
                + " for none.",
            .paragraph(\.banner), title: "Login banner"),
        Setting(
            "authentication.banner_to_clients",
            "Whether XMPP clients get the banner too, as a message from the domain after each login: there is no place for it"
                + " before.",
            toggle(\.bannerToClients), title: "Send the login banner to clients"),
    ]

    static let presencePacing: [Setting] = [
        Setting(
            "presence.change_throttle",
            "Changes of presence a second, of all users together, that watchers are told of; what is beyond it waits, and the"
                + " last change of everybody is always told. Coming and going never waits (docs/decisions/0011).",
            .integer(\.presence.changeThrottle, allowed: 10...100_000, zeroMeans: "unlimited"),
            title: "Presence change throttle rate", unit: "changes a second"),
        Setting(
            "presence.coalesce_ms",
            "Milliseconds within which further changes of one client are told together. 0 tells each of them.",
            .integer(\.presence.coalesceMilliseconds, allowed: 0...60_000, zeroMeans: nil),
            title: "Merge changes of presence within"),
    ]
}
