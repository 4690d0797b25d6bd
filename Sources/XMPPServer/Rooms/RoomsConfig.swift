import IMCore

/// Chat rooms (XEP-0045).
public struct RoomsConfig: Sendable {
    public var isEnabled = true
    /// First label of the service's domain, below each hosted domain.
    public var subdomain = "rooms"
    /// Who makes rooms.
    public var create = ServiceAccess.users
    public var limits = RoomLimits()
    /// Rooms of a service at a time, with those that stay.
    public var rooms = 16_500
    public var persistentRooms = 1_500

    public init() {}
}
