/// Chat rooms and who is in them.
public struct ServerRooms: Sendable {
    public var rooms = 0
    public var persistent = 0
    public var occupants = 0
}

extension C2SServer {
    /// Sessions whose client said that nobody looks at it (XEP-0352).
    public var inactiveSessions: Int { sessions.values.reduce(0) { $0 + ($1.held == nil ? 0 : 1) } }

    public var roomCounts: ServerRooms {
        var counts = ServerRooms()
        for service in rooms {
            for place in service.places.values {
                counts.rooms += 1
                counts.persistent += place.room.configuration.isPersistent ? 1 : 0
                counts.occupants += place.room.occupants.count
            }
        }
        return counts
    }
}
