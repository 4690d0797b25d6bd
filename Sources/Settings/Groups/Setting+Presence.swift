extension ServerConfig {
    /// Availability: who sees whom, and how many (docs/availability.md).
    public struct Presence: Sendable, Equatable {
        /// What becomes of requests that nothing else decides.
        public enum Requests: String, Sendable, CaseIterable { case prompt, block }

        public var sharing = true
        public var autoAuthorize = true
        public var insideWatchers = Requests.prompt
        public var outsideWatchers = Requests.prompt
        /// 1 … 100,000; 0 is no limit.
        public var contactsMax: Int = 200
        /// 1 … 100,000; 0 is no limit.
        public var watchersMax: Int = 200
        public var adhoc = false
        /// 1 … 1,000; 0 is no limit.
        public var adhocMax: Int = 0
        /// 10 … 86,400.
        public var adhocSeconds: Int = 1_800
        /// Changes of all users in a second, 10 … 100,000; 0 is unlimited.
        public var changeThrottle: Int = 0
        /// Changes of one client within this time are told together, 0 … 60,000 ms.
        public var coalesceMilliseconds: Int = 250

        public init() {}
    }
}

extension Setting {
    private static let everywhere: Set<Scope> = [.deployment, .domain, .user]

    static let presence: [Setting] = [
        Setting(
            "presence.sharing",
            "Whether users see each other's availability. Off, each user sees only the own status: contacts are shown as"
                + " unavailable, people in chat rooms with unknown status, and nothing is shared with services and servers"
                + " outside either. A change reaches everybody at once, without new logins. A user who switches it off alone"
                + " is seen by nobody and sees nobody; one who switches it on changes nothing where it is off for all.",
            toggle(\.presence.sharing), title: "Enable availability sharing", scopes: everywhere, ownedByUser: true),
        Setting(
            "presence.auto_authorize",
            "Whether requests between users of the domains served here are approved by the server at once. Off, each request"
                + " has to be approved by the user who is asked. Requests from anywhere else are never approved by the server,"
                + " and a user who blocks somebody is not made to approve.",
            toggle(\.presence.autoAuthorize),
            title: "Allow users to view the availability of other users without being prompted for approval",
            scopes: everywhere, ownedByUser: true),
        Setting(
            "presence.inside_watchers",
            "What becomes of a request by a user of the domains served here whom neither the block list nor the allow list"
                + " names: prompt = presence.auto_authorize decides between approval and a question to the user; block ="
                + " nothing becomes of it, and the asker is not told.",
            choice(\.presence.insideWatchers), title: "Requests of internal users", scopes: everywhere,
            ownedByUser: true),
        Setting(
            "presence.outside_watchers",
            "The same for requests from anywhere else (components, other servers): prompt = the user is asked; block ="
                + " nothing becomes of it, unless the user's allow list names the asker, who is then asked about.",
            choice(\.presence.outsideWatchers), title: "Requests of external users", scopes: everywhere,
            ownedByUser: true),
        Setting(
            "presence.contacts_max",
            "Contacts in one user's list. Who is at the limit cannot add anybody, and nobody can add that user. Of several"
                + " contacts that are added at once, as many are taken as there is room for. Nothing is removed when the limit"
                + " is lowered.",
            .integer(\.presence.contactsMax, allowed: 1...100_000, zeroMeans: "no limit"),
            title: "Maximum contact list size (per user)", scopes: everywhere),
        Setting(
            "presence.watchers_max",
            "Others who may see one user's availability, with those who do so for a while. One more is refused. Nothing is"
                + " removed when the limit is lowered.",
            .integer(\.presence.watchersMax, allowed: 1...100_000, zeroMeans: "no limit"),
            title: "Maximum watchers (per user)", scopes: everywhere),
        Setting(
            "presence.adhoc",
            "Whether users may see the availability of people who are not in their contact list for a while, as far as those"
                + " let others in without a prompt.",
            toggle(\.presence.adhoc), title: "Enable ad-hoc presence subscriptions", scopes: everywhere),
        Setting(
            "presence.adhoc_max", "People whom one user may watch so at a time.",
            .integer(\.presence.adhocMax, allowed: 1...1_000, zeroMeans: "no limit"),
            title: "Maximum active ad-hoc subscriptions (per user)", scopes: everywhere),
        Setting(
            "presence.adhoc_seconds",
            "Seconds after which such a watch ends, unless it is prolonged. A change counts for the next ones.",
            .integer(\.presence.adhocSeconds, allowed: 10...86_400, zeroMeans: nil),
            title: "Ad-hoc subscription time to live", scopes: everywhere),
    ]
}
