/// Quiet mode: messages wait for a client in the background while the user sits at another one.
///
/// The active client is the one that last sent available presence or a message, for `activeTime`, as long as it is
/// connected and not in the background itself.
extension Router {
    public func noteActivity(of endpoint: any Endpoint, _ home: UserHome) {
        home.lastActive = (endpoint.resource, time.uptime)
    }

    /// Whether messages to this client wait now.
    public func isQuiet(_ endpoint: any Endpoint, _ home: UserHome) -> Bool {
        guard config.quietMode, endpoint.isInactive, let active = home.lastActive,
            active.resource != endpoint.resource, time.uptime - active.uptime < config.activeTime,
            let other = home.endpoint(resource: active.resource)
        else { return false }
        return !other.isHibernating && !other.isInactive
    }
}
