import AdminServer
import Foundation
import Ground
import IMCore
import NIOCore
import Settings
import Storage
import XMPPServer
import XMPPWire

/// Export and import of accounts in the portable format (XEP-0227).
extension AdminBackendLive {
    func exportUser(_ request: AdminExportRequest) async throws -> AdminExportPage {
        let jid = try prepared(request.jid)
        let cursor = try request.cursor.map { text in
            do {
                return try JSONDecoder().decode(PortableExport.Cursor.self, from: Data(text.utf8))
            } catch { throw AdminError(.badRequest, "the cursor is not one of this export") }
        }
        // What has been accepted is to be found, also in the archives.
        let names = try await settled()
        let page = try await database.read { transaction -> (xml: [UInt8], next: PortableExport.Cursor?)? in
            guard let account = try AccountStore.account(jid, in: transaction) else { return nil }
            return try PortableExport.page(of: account, from: cursor ?? .init(), names: names, in: transaction)
        }
        guard let page else { throw AdminError(.notFound, "there is no account \(jid)") }
        let next = try page.next.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        return AdminExportPage(xml: String(decoding: page.xml, as: UTF8.self), cursor: next)
    }

    private func settled() async throws -> OpaqueIDs {
        let core = core
        let promise = core.eventLoop.makePromise(of: OpaqueIDs.self)
        core.eventLoop.execute {
            let journal = core.value.router.journal
            journal.whenIndexed { promise.succeed(journal.names) }
        }
        return try await promise.futureResult.get()
    }

    private struct Arrival: Sendable {
        var user: AdminPortableBatch.User
        var prepared: Result<PortableImport.User, AdminError>
    }

    func importUsers(_ batch: AdminPortableBatch) async throws -> AdminPortableReport {
        let arrivals = await prepare(batch.users)
        let names = try await onLoop { $0.router.journal.names }
        let (limits, now) = (portableLimits, time.now)
        return try await database.write { transaction in
            var report = AdminPortableReport(imported: 0, problems: [])
            for arrival in arrivals {
                let user = arrival.user
                let records = user.records.compactMap(PortableRecord.init)
                if user.continues {
                    try PortableStore.add(records, to: batch.name, in: transaction)
                    continue
                }
                do {
                    let account = try arrival.prepared.get()
                    var leftOut: [PortableProblem] = []
                    do {
                        try transaction.savepoint {
                            leftOut = try PortableImport.run(
                                account, records: records, waiting: user.isContinued ? batch.name : nil,
                                limits: limits, names: names, now: now, in: transaction)
                            if batch.isDryRun { throw Undone() }
                        }
                    } catch is Undone {}
                    report.imported += 1
                    report.problems += leftOut.map { $0.told(of: user.jid) }
                } catch let problem as PortableProblem {
                    report.problems.append(problem.told(of: user.jid))
                } catch let error as AdminError {
                    report.problems.append(.init(line: user.line, jid: user.jid, reason: error.text, isFatal: true))
                }
                if user.isContinued { try PortableStore.clear(batch.name, in: transaction) }
            }
            if batch.isLast { try PortableStore.clear(batch.name, in: transaction) }
            return report
        }
    }

    /// Ends the savepoint of a dry run.
    private struct Undone: Error {}

    /// Checks addresses and derives passwords on every core.
    private func prepare(_ users: [AdminPortableBatch.User]) async -> [Arrival] {
        await withTaskGroup(of: (Int, Arrival).self) { group in
            let workers = max(1, min(ProcessInfo.processInfo.activeProcessorCount, users.count))
            for worker in 0..<workers {
                for index in stride(from: worker, to: users.count, by: workers) {
                    group.addTask { (index, Arrival(user: users[index], prepared: account(users[index]))) }
                }
            }
            var found: [(Int, Arrival)] = []
            for await arrival in group { found.append(arrival) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func account(_ user: AdminPortableBatch.User) -> Result<PortableImport.User, AdminError> {
        Result {
            let jid = try prepared(user.jid)
            var credentials: Credentials?
            // Some servers write an empty password beside verifiers.
            if let password = user.password, !password.isEmpty, !user.continues {
                credentials = try Credentials(portablePassword: password) ?? self.credentials(password, of: jid)
            }
            return PortableImport.User(jid: jid, line: user.line, credentials: credentials)
        }.mapError { $0 as? AdminError ?? AdminError(.invalid, "\($0)") }
    }

    private var portableLimits: PortableImport.Limits {
        var limits = PortableImport.Limits()
        limits.contacts = config.limits.rosterItems
        limits.blocked = config.limits.blockedItems
        limits.vcardBytes = config.limits.vcardBytes
        limits.privateStorageBytes = config.limits.privateStorageBytes
        limits.pubsub = CoreConfig(config).pubsub
        return limits
    }
}

extension PortableRecord {
    fileprivate init?(_ record: AdminPortableBatch.Record) {
        guard let place = Place(rawValue: record.place) else { return nil }
        self.init(line: record.line, place: place, node: record.node, bytes: Array(record.xml.utf8))
    }
}

extension PortableProblem {
    fileprivate func told(of jid: String) -> AdminPortableReport.Problem {
        .init(line: line, jid: jid, reason: reason, isFatal: isFatal)
    }
}
