import DequeModule

/// The archive queries of one client, one after the other: the next begins when the page of the one before has gone out,
/// so that a client that asks and does not read holds one page and no more.
final class ArchiveQueries {
    typealias Query = (_ done: @escaping () -> Void) -> Void

    /// Queries that wait for the one under way. Below `C2SSession.openRequestLimit`: a client whose input waits for
    /// answers could not acknowledge what it got, and the next page waits for that.
    static let limit = 50

    private var waiting: Deque<Query> = []
    private var isBusy = false

    /// Begins a query, now or later; it calls `done` once.
    /// - Returns: false when too many wait already.
    func run(_ query: @escaping Query) -> Bool {
        guard !isBusy else {
            guard waiting.count < Self.limit else { return false }
            waiting.append(query)
            return true
        }
        isBusy = true
        begin(query)
        return true
    }

    private func begin(_ query: Query) {
        query { [weak self] in
            guard let self else { return }
            if let next = waiting.popFirst() { begin(next) } else { isBusy = false }
        }
    }
}
