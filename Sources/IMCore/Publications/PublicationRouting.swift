import Ground
import Storage
import XMPPWire

/// Publications that run out, and those that wait to be written.
struct PublicationBook {
    struct Change: Sendable {
        var userID: Int64
        var source: String
        var event: Publication.Event
        /// Nil for one that is gone.
        var record: PublicationRecord?
    }

    /// Homes to be looked at, by the second since 1970.
    var due: [Int64: [UserHome]] = [:]
    var lastSecond: Int64 = 0
    var dirty: [(home: UserHome, publication: Publication)] = []
    var changes: [Change] = []
    var isWriting = false
    var lastSweep = Int64.min / 2

    var hasWork: Bool { !dirty.isEmpty || !changes.isEmpty }
}

/// What sources other than XMPP clients say (RFC 3903), and what becomes of it.
extension Router {
    /// A new publication. One of the same source and event is replaced.
    ///
    /// - Returns: false when the user has too many.
    @discardableResult
    public func publish(_ publication: Publication, in home: UserHome) -> Bool {
        if let index = home.publications.firstIndex(where: {
            $0.source == publication.source && $0.event == publication.event
        }) {
            home.publications.remove(at: index)
        }
        guard home.publications.count < config.publicationsPerUser else { return false }
        home.publications.append(publication)
        save(publication, home)
        scheduleExpiry(home)
        sourcesChanged(home)
        return true
    }

    /// RFC 3903 §4.3: goes on as it is. It is told to nobody.
    public func refresh(_ publication: Publication, of home: UserHome, expires: Int64) {
        publication.retag()
        publication.expires = expires
        // Written rarely: see `save`.
        if publication.storedExpires < expires { save(publication, home) }
        scheduleExpiry(home)
    }

    /// RFC 3903 §4.4: another document.
    public func modify(
        _ publication: Publication, of home: UserHome, document: [UInt8], inputs: [PresenceInput], expires: Int64
    ) {
        publication.retag()
        publication.expires = expires
        publication.document = document
        // What has not changed has been so since it was first said.
        publication.inputs = inputs.map { input in
            var input = input
            if let known = publication.inputs.first(where: {
                $0.source == input.source && $0.state == input.state && $0.note == input.note
            }) {
                input.since = known.since
            }
            return input
        }
        save(publication, home)
        scheduleExpiry(home)
        sourcesChanged(home)
    }

    /// RFC 3903 §4.5: it does not count any more.
    public func withdraw(_ publication: Publication, from home: UserHome) {
        guard let index = home.publications.firstIndex(where: { $0 === publication }) else { return }
        home.publications.remove(at: index)
        forget(publication, home)
        sourcesChanged(home)
    }

    // MARK: Running out

    private func scheduleExpiry(_ home: UserHome) {
        guard let first = home.publications.map(\.expires).min() else { return }
        let second = first / 1_000 + 1
        // One entry for a home: it is looked at then, and again when something is left.
        guard second < home.publicationCheck else { return }
        home.publicationCheck = second
        publications.due[second, default: []].append(home)
    }

    /// Once a second.
    func tickPublications() {
        let now = time.now
        let second = now / 1_000
        if !publications.due.isEmpty, second > publications.lastSecond {
            // After a jump of the clock everything that is past is looked at.
            let isNear = second - publications.lastSecond < 120
            let past =
                isNear
                ? (publications.lastSecond + 1...second).filter { publications.due[$0] != nil }
                : publications.due.keys.filter { $0 <= second }
            publications.lastSecond = second
            for second in past {
                for home in publications.due.removeValue(forKey: second) ?? [] where !home.isForgotten {
                    expirePublications(home, now)
                }
            }
        } else {
            publications.lastSecond = max(second, publications.lastSecond)
        }
        if publications.hasWork { savePublications() }
        if time.uptime - publications.lastSweep > 3_600_000 {
            publications.lastSweep = time.uptime
            journal.perform { try PublicationStore.removeExpired(now, in: $0) }
        }
    }

    private func expirePublications(_ home: UserHome, _ now: Int64) {
        home.publicationCheck = .max
        let over = home.publications.filter { $0.expires <= now }
        if !over.isEmpty {
            home.publications.removeAll { $0.expires <= now }
            for publication in over { forget(publication, home) }
            sourcesChanged(home)
        }
        scheduleExpiry(home)
    }

    // MARK: The store

    /// Written with the next second's. The stored end is later than the real one by the whole interval, so that a mere
    /// refresh is written every other time at most.
    private func save(_ publication: Publication, _ home: UserHome) {
        publication.storedExpires = publication.expires + max(0, publication.expires - time.now)
        guard !publication.isDirty else { return }
        publication.isDirty = true
        publications.dirty.append((home, publication))
    }

    private func forget(_ publication: Publication, _ home: UserHome) {
        let isReplaced = home.publications.contains {
            $0.source == publication.source && $0.event == publication.event
        }
        guard !isReplaced, !home.isRemoved else { return }
        publications.changes.append(
            .init(userID: home.id, source: publication.source.description, event: publication.event))
    }

    /// Writes what waits, in one operation of the journal.
    public func savePublications() {
        guard publications.hasWork, !publications.isWriting, !journal.isFailing else { return }
        var changes = publications.changes
        for (home, publication) in publications.dirty {
            publication.isDirty = false
            guard !home.isRemoved, home.publications.contains(where: { $0 === publication }) else { continue }
            changes.append(
                .init(
                    userID: home.id, source: publication.source.description, event: publication.event,
                    record: publication.record))
        }
        publications.dirty.removeAll(keepingCapacity: true)
        publications.changes.removeAll(keepingCapacity: true)
        guard !changes.isEmpty else { return }
        publications.isWriting = true
        journal.perform { [changes] transaction in
            for change in changes {
                if let record = change.record {
                    try PublicationStore.save(record, of: change.userID, in: transaction)
                } else {
                    try PublicationStore.remove(change.source, change.event, of: change.userID, in: transaction)
                }
            }
        } completion: { [self] error in
            publications.isWriting = false
            if let error { logger.error("publications were not stored", metadata: ["error": "\(error)"]) }
        }
    }

    /// A home came into memory with what the store has.
    func restorePublications(_ home: UserHome) {
        let now = time.now
        home.publications.removeAll { $0.expires <= now }
        guard !home.publications.isEmpty else { return }
        scheduleExpiry(home)
        sourcesChanged(home)
    }

    /// After a start: everybody with a publication has a home, so that watchers see it.
    public func loadPublishers(_ done: @escaping () -> Void = {}) {
        let now = time.now
        journal.perform({ try PublicationStore.publishers(now, in: $0) }) { [self] result in
            guard case .success(let jids) = result else { return done() }
            loadPublishers(jids[...], done)
        }
    }

    /// Some hundred at a time: the loop does other work between them.
    private func loadPublishers(_ jids: ArraySlice<JID>, _ done: @escaping () -> Void) {
        guard !jids.isEmpty else { return done() }
        let batch = jids.prefix(200)
        var left = batch.count
        for jid in batch {
            homes.withHome(jid) { [weak self] _ in
                left -= 1
                guard left == 0, let self else { return }
                loop.execute { [weak self] in self?.loadPublishers(jids.dropFirst(200), done) }
            }
        }
    }
}
