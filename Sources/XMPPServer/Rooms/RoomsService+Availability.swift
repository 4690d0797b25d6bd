import IMCore
import NIOCore
import XMPPWire

/// Occupants who do not share availability are there with unknown status, and see the others so
/// (see `UnknownAvailability`).
extension RoomsService {
    /// Whether the occupant's status may be shown to those who see status themselves.
    func sharesStatus(_ occupant: JID) -> Bool {
        guard router.serves(occupant.domain) else { return true }
        return router.homes.loaded(occupant)?.isSharing ?? true
    }

    /// Shows occupants anew after the switch of `presence.sharing`, room after room.
    func sharingSwitched(_ users: Set<JID>) {
        var shows: [(place: Place, occupant: RoomOccupant)] = []
        for place in places.values {
            for occupant in place.room.occupants where users.contains(occupant.user) { shows.append((place, occupant)) }
        }
        show(shows[...], users)
    }

    /// Occupants of one slice: each is shown to everybody in the room.
    private static let slice = 10

    private func show(_ shows: ArraySlice<(place: Place, occupant: RoomOccupant)>, _ users: Set<JID>) {
        guard !shows.isEmpty else { return }
        for (place, occupant) in shows.prefix(Self.slice) where place.room.isPresent(occupant) {
            // Those who were switched too are shown in their turn.
            deliver(place.room.refresh(occupant, others: { !users.contains($0) }), in: place.room)
        }
        let rest = shows.dropFirst(Self.slice)
        guard !rest.isEmpty else { return }
        server.loop.scheduleTask(in: .milliseconds(1)) { [weak self] in self?.show(rest, users) }
    }
}
