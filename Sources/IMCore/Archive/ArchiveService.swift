import Ground
import NIOCore
import Storage
import XMPPWire

/// A user's archive: queries, preferences, and what is forgotten after a while.
extension Router {
    /// Finds messages in the archive of a user.
    ///
    /// What was accepted before the call is found. Errors: `item-not-found` for an id that is not there,
    /// `internal-server-error` when the store cannot be read.
    public func findArchived(
        _ query: ArchiveQuery, of home: UserHome, then: @escaping (Result<ArchivePage, StanzaError>) -> Void
    ) {
        let reading = ArchiveReading(query, archive: home.id)
        // A message may still wait for its recipient's home to be read.
        homes.whenRead { [self] in journal.whenIndexed { [self] in read(reading, then) } }
    }

    private func read(_ reading: ArchiveReading, _ then: @escaping (Result<ArchivePage, StanzaError>) -> Void) {
        readArchive({ transaction in
            var reading = reading
            try reading.step(in: transaction)
            return reading
        }) { [self] result in
            switch result {
            case .success(let next):
                guard let page = next.page else { return read(next, then) }
                then(.success(page))
            case .failure(let error): then(.failure(error))
            }
        }
    }

    /// Ids of the oldest and the newest message of an archive; nil when it is empty.
    public func archiveBounds(
        of home: UserHome, then: @escaping (Result<(first: MessageID, last: MessageID)?, StanzaError>) -> Void
    ) {
        let archive = home.id
        homes.whenRead { [self] in
            journal.whenIndexed { [self] in readArchive({ try ArchiveStore.bounds(of: archive, in: $0) }, then) }
        }
    }

    /// Reads with the connection that does not keep commits waiting.
    func readArchive<Value: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Value,
        _ then: @escaping (Result<Value, StanzaError>) -> Void
    ) {
        let outcome = Outcome<Value>()
        let isMissing = Outcome<Bool>()
        let logger = logger
        let finish = NIOLoopBound(
            { (error: (any Error)?) in
                if isMissing.value == true { return then(.failure(.itemNotFound)) }
                guard let value = outcome.value, error == nil else {
                    logger.error("cannot read an archive", metadata: ["error": "\(String(describing: error))"])
                    return then(.failure(StanzaError(.wait, .internalServerError)))
                }
                then(.success(value))
            }, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        database.read(
            { transaction in
                do { outcome.value = try body(transaction) } catch is ArchiveReading.NotFound { isMissing.value = true }
            },
            completion: { error in eventLoop.execute { finish.value(error) } })
    }

    // MARK: Preferences (XEP-0441)

    /// What applies to a user: the user's own preferences, or the server's.
    public func archivePreferences(of home: UserHome) -> ArchivePreferences {
        home.archivePreferences ?? config.archive.preferences
    }

    /// Applied at once, stored with the next commit; `then` runs after it.
    public func setArchivePreferences(
        _ preferences: ArchivePreferences, of home: UserHome, then: @escaping (StanzaError?) -> Void
    ) {
        let userID = home.id
        home.archivePreferences = preferences
        persist(home, { try preferences.save(userID, in: $0) }) { error in
            then(error == nil ? nil : StanzaError(.wait, .internalServerError))
        }
    }

    // MARK: Retention

    /// Removes what is too old, and archives of removed accounts, a little at a time. Once a second.
    func sweepArchives(_ uptime: Int64) {
        guard let due = nextSweep, uptime >= due else { return }
        nextSweep = nil
        let cutoff = config.archive.retention > 0 ? max(0, time.now - config.archive.retention) << 16 : 0
        journal.perform({ try ArchiveStore.sweep(before: cutoff, limit: Self.sweepBatch, in: $0) }) {
            [self] (result: Result<Bool, any Error>) in
            if case .failure(let error) = result {
                logger.error("cannot remove old messages", metadata: ["error": "\(error)"])
            }
            let hasMore = (try? result.get()) ?? false
            nextSweep = time.uptime + (hasMore ? 1_000 : Self.sweepInterval)
        }
    }

    /// Messages removed in one commit: a few milliseconds of the writer.
    static let sweepBatch = 500
    /// Milliseconds.
    static let sweepInterval: Int64 = 3_600_000
}
