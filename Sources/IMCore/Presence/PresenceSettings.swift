/// What administrator and user have decided about availability: the group `presence` of the settings.
///
/// The defaults restrict nothing and approve nothing; those of an installation are in `ServerConfig.Presence`.
public struct PresenceSettings: Sendable, Equatable {
    /// What becomes of a request by somebody whom nothing else lets in or keeps out.
    public enum Requests: String, Sendable, CaseIterable {
        /// The user is asked.
        case prompt
        /// Nothing becomes of it, and the asker is not told.
        case block
    }

    /// Off: the user sees nobody's availability but the own, and nobody sees the user's.
    public var sharing = true
    /// Requests of users of served domains are approved at once, unless `insideRequests` blocks them.
    public var autoAuthorizes = false
    /// Requests of users of served domains.
    public var insideRequests = Requests.prompt
    /// Requests from anywhere else; they are never approved by the server.
    public var outsideRequests = Requests.prompt
    /// Contacts of the user; 0 is no limit.
    public var contacts = 0
    /// Others who see the user's availability; 0 is no limit.
    public var watchers = 0
    /// Whether the user may watch people without a subscription for a while.
    public var adHoc = false
    /// How many at a time; 0 is no limit.
    public var adHocWatches = 0
    /// Seconds until such a watch ends.
    public var adHocSeconds = 1_800

    public init() {}
}
