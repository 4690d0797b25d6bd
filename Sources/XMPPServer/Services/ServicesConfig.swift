/// Who may use a service.
public enum ServiceAccess: String, Sendable { case users, administrators, off }

/// Settings of the services that the server runs on domains of their own.
public struct ServicesConfig: Sendable {
    public var search = SearchConfig()
    public var broadcast = BroadcastConfig()
    public var bytestreams = Proxy65Config()
    public var rooms = RoomsConfig()

    public init() {}

    /// No service at all, until the settings are known.
    static var none: ServicesConfig {
        var config = ServicesConfig()
        config.search.access = .off
        config.broadcast.access = .off
        config.rooms.isEnabled = false
        return config
    }
}

/// Search for people (XEP-0055).
public struct SearchConfig: Sendable {
    public var access = ServiceAccess.users
    /// Whether all hosted domains are searched, not only the one of the service.
    public var coversAllDomains = false
    /// People of one answer at most.
    public var results = 100

    public init() {}
}

/// Messages to many at once (XEP-0033).
public struct BroadcastConfig: Sendable {
    public var access = ServiceAccess.users
    /// Addresses of one stanza at most.
    public var addresses = 50
    /// Recipients of one stanza at most, once groups are expanded.
    public var recipients = 500
    /// Recipients of one user in a minute; zero is unlimited.
    public var recipientsPerMinute = 600

    public init() {}
}
