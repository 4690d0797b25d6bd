import DequeModule
import Ground
import XMPPWire

/// One client catching up: stored messages and those that other clients have not acknowledged, oldest first;
/// live messages wait until it is through (RFC 6121 §8.5.2.1, XEP-0160).
final class OfflineReplay {
    struct Held {
        var message: IncomingMessage
        /// Nil for what nobody stores.
        var entry: JournalEntry?
    }

    let endpoint: any Endpoint
    /// Entries in flight to other clients when the replay began, by id.
    var shared: Deque<JournalEntry>
    /// What was in flight to anybody: rows of these are skipped.
    let known: Set<Int64>
    /// Nothing is read from the store: some client asks for that itself (XEP-0013).
    let leavesStored: Bool
    var lastID = MessageID(0)
    var held: Deque<Held> = []
    var mustLookAgain = false
    var isCancelled = false

    init(endpoint: any Endpoint, shared: [JournalEntry], leavesStored: Bool) {
        self.endpoint = endpoint
        self.leavesStored = leavesStored
        self.shared = Deque(shared)
        known = Set(shared.map(\.id.value))
    }

    /// Whether a message with this verdict has to wait.
    func holds(_ verdict: MessageVerdict, _ addressed: (any Endpoint)?) -> Bool {
        switch verdict {
        case .fork, .toAll, .store: true
        case .toResource: addressed === endpoint
        case .refuse, .ignore: false
        }
    }
}

extension Router {
    /// Messages read at a time.
    static let pageSize = 200
    /// Bytes read at a time: far less than what ends the stream of a client that is slow to take them.
    static let pageBytes: Int64 = 131_072

    /// A client became reachable: gives it what is stored, if anything is.
    ///
    /// - Parameter held: live messages that wait already.
    func startReplay(for endpoint: any Endpoint, _ home: UserHome, holding held: Deque<OfflineReplay.Held> = []) {
        guard home.replay == nil else {
            if home.replay?.endpoint !== endpoint, !home.awaitingReplay.contains(where: { $0 === endpoint }) {
                home.awaitingReplay.append(endpoint)
            }
            return
        }
        var seen: Set<Int64> = []
        let shared = home.endpoints.filter { $0 !== endpoint }.flatMap(\.inFlight)
            .filter { !$0.isSettled && seen.insert($0.id.value).inserted }.sorted { $0.id < $1.id }
        let leavesStored = !home.retrievers.isEmpty
        guard !shared.isEmpty || home.storedMessages > 0 && !leavesStored else { return }
        let replay = OfflineReplay(endpoint: endpoint, shared: shared, leavesStored: leavesStored)
        replay.held = held
        home.replay = replay
        readPage(replay, home)
    }

    private func readPage(_ replay: OfflineReplay, _ home: UserHome) {
        if replay.leavesStored {
            // Later, like a page that is read: a replay never ends before `startReplay` returns.
            return loop.execute { [self] in
                guard home.replay === replay else { return }
                deliver(JournalStore.Page(messages: [], isLast: true), replay, home)
            }
        }
        let (userID, after) = (home.id, replay.lastID)
        home.pendingWrites += 1
        // Through the journal, so that everything accepted before is there to be read.
        journal.perform({
            try JournalStore.page(userID, after: after, limit: Self.pageSize, bytes: Self.pageBytes, in: $0)
        }) { [self] result in
            home.pendingWrites -= 1
            guard home.replay === replay else { return }
            switch result {
            case .success(let page): deliver(page, replay, home)
            case .failure(let error):
                logger.error("cannot read stored messages", metadata: ["error": "\(error)"])
                finishReplay(replay, home)
            }
        }
        journal.flush()
    }

    private func deliver(_ page: JournalStore.Page, _ replay: OfflineReplay, _ home: UserHome) {
        let elsewhere = inHand(home)
        for row in page.messages {
            replay.lastID = row.id
            while let first = replay.shared.first, first.id <= row.id { deliverShared(replay, home) }
            if replay.known.contains(row.id.value) || elsewhere.contains(row.id.value) { continue }
            let entry = journal.restored(id: row.id, userID: home.id, bytes: row.stanza)
            home.storedMessages = max(0, home.storedMessages - 1)
            if row.isArchived, let history = replay.endpoint.historyUpTo, row.id <= history {
                journal.settle(entry)
                continue
            }
            entry.holders = 1
            journal.trail.note(entry.id, .handed, replay.endpoint.address, "from the store", at: time.now)
            replay.endpoint.deliver(entry, as: delayed(entry, home))
        }
        if !page.isLast {
            replay.endpoint.whenDrained { [self] in
                if home.replay === replay { readPage(replay, home) }
            }
            return
        }
        while !replay.shared.isEmpty { deliverShared(replay, home) }
        if replay.mustLookAgain {
            replay.mustLookAgain = false
            replay.lastID = MessageID(0)
            return readPage(replay, home)
        }
        finishReplay(replay, home)
    }

    /// Messages with a row that are not to be read from it: clients have them, or will.
    func inHand(_ home: UserHome) -> Set<Int64> {
        var ids = Set((home.replay?.held ?? []).compactMap { $0.entry?.id.value })
        for endpoint in home.endpoints { ids.formUnion(endpoint.inFlight.lazy.map(\.id.value)) }
        // Settled since the page was read.
        ids.formUnion(journal.pendingDeletions)
        return ids
    }

    private func deliverShared(_ replay: OfflineReplay, _ home: UserHome) {
        guard let entry = replay.shared.popFirst(), !entry.isSettled else { return }
        if entry.isParked {
            entry.isParked = false
            home.storedMessages = max(0, home.storedMessages - 1)
        }
        entry.holders += 1
        journal.trail.note(
            entry.id, .handed, replay.endpoint.address, "what another client has not acknowledged", at: time.now)
        replay.endpoint.deliver(entry, as: delayed(entry, home))
    }

    /// The next client that waits catches up too before anything live goes out: what is held stays held until then.
    private func finishReplay(_ replay: OfflineReplay, _ home: UserHome) {
        home.replay = nil
        while let next = home.awaitingReplay.popFirst() {
            guard next.isReachable, home.endpoints.contains(where: { $0 === next }) else {
                continue
            }
            startReplay(for: next, home, holding: replay.held)
            if home.replay != nil { return }
        }
        while let held = replay.held.popFirst() { release(held, home) }
    }

    /// The client that was catching up is gone: what was held goes its ordinary way.
    ///
    /// - Parameter handOver: gives what the client had in flight to others; that is older than what was held.
    func replayEnded(for endpoint: any Endpoint, _ home: UserHome, handOver: () -> Void = {}) {
        home.awaitingReplay.removeAll { $0 === endpoint }
        guard let replay = home.replay, replay.endpoint === endpoint else { return handOver() }
        home.replay = nil
        handOver()
        finishReplay(replay, home)
    }
}
