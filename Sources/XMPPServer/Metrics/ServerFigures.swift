/// Chat rooms and who is in them.
public struct ServerRooms: Sendable {
    public var rooms = 0
    public var persistent = 0
    public var occupants = 0
}

/// Sessions by what they are doing.
public struct SessionCounts: Sendable {
    /// With a resource, those that wait for resumption included.
    public var bound = 0
    public var resumable = 0
    /// Whose client said that nobody looks at it (XEP-0352).
    public var inactive = 0
}

extension C2SServer {
    /// One pass over all sessions.
    public var sessionCounts: SessionCounts {
        var counts = SessionCounts()
        for session in sessions.values {
            counts.bound += session.phase == .bound ? 1 : 0
            counts.resumable += session.isHibernating ? 1 : 0
            counts.inactive += session.held == nil ? 0 : 1
        }
        return counts
    }

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
