import Ground
import Storage

/// What a commit writes of one message.
struct JournalRow: Sendable {
    var id: MessageID
    /// Row id of the recipient.
    var userID: Int64
    var stanza: [UInt8]
    /// Archives it goes to.
    var record: ArchiveRecord?
    /// An earlier commit has put it there.
    var isArchived: Bool
    /// No client has it: it needs a row in the journal, without the stanza if an archive has that.
    var isUnsettled: Bool
}

/// One transaction of the journal.
struct JournalCommit: Sendable {
    let rows: [JournalRow]
    let deletions: [Int64]
    let bodies: [@Sendable (any Transaction) throws -> Void]
    /// The index of the archives reaches up to this id; what comes late is entered by itself.
    let indexed: Int64
    /// It is to reach up to this one after the commit.
    let indexUpTo: Int64?

    /// Messages first: an operation that reads the journal sees what was accepted before it.
    /// - Returns: the operations that failed, by index; they changed nothing, the rest is committed. What fails for
    ///   the disk's sake fails the whole commit, which is tried again: the homes have the change already.
    func run(_ transaction: any Transaction) throws -> [Int: any Error] {
        for row in rows {
            if let record = row.record {
                try ArchiveStore.add(row.id, record, stanza: row.stanza, in: transaction)
                if row.id.value <= indexed { try ArchiveStore.indexLate(row.id, in: transaction) }
            }
            guard row.isUnsettled else { continue }
            // The account may have been removed meanwhile; then nobody is left to receive the message.
            // The row may be there: a commit can reach the disk and still be reported as failed.
            try transaction.execute(
                """
                INSERT INTO journal (id, user_id, stanza) SELECT ?, id, ? FROM users WHERE id = ?
                ON CONFLICT (id) DO NOTHING
                """,
                [
                    .integer(row.id.value), .blob(row.record != nil || row.isArchived ? [] : row.stanza),
                    .integer(row.userID),
                ])
        }
        for id in deletions { try transaction.execute("DELETE FROM journal WHERE id = ?", [.integer(id)]) }
        if let indexUpTo { try ArchiveStore.index(upTo: indexUpTo, in: transaction) }
        var failures: [Int: any Error] = [:]
        for (index, body) in bodies.enumerated() {
            do {
                try transaction.savepoint { try body(transaction) }
            } catch let failure as StorageFailure where failure.isTransient {
                throw failure
            } catch {
                failures[index] = error
            }
        }
        return failures
    }
}
