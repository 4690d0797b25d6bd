extension ServerConfig {
    /// Who may use a service; nobody means that it does not exist.
    public enum Access: String, Sendable, CaseIterable { case users, administrators, off }

    /// Search for people (XEP-0055).
    public struct Search: Sendable, Equatable {
        public enum Domains: String, Sendable, CaseIterable { case own, all }

        public var access = Access.users
        public var domains = Domains.own
        /// People of one answer, 1 … 1,000.
        public var results: Int = 100

        public init() {}
    }

    /// Messages to many at once (XEP-0033).
    public struct Broadcast: Sendable, Equatable {
        public var access = Access.users
        /// Addresses of one stanza, 1 … 1,000.
        public var addresses: Int = 50
        /// Recipients of one stanza with the members of roster groups, 1 … 10,000.
        public var recipients: Int = 500
        /// Recipients of one user in a minute, 1 … 1,000,000; 0 is unlimited.
        public var perMinute: Int = 600

        public init() {}
    }
}
