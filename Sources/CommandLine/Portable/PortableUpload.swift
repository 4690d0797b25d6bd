import AdminServer
import IMCore

/// Gathers what `PortableReader` cuts out into batches, and counts what became of them.
///
/// An account that is too large for a batch goes in parts, which the server keeps until it has the last.
struct PortableUpload {
    /// Bytes of a batch at which it is sent; one element may come on top.
    static let batchBytes = 1_048_576
    static let batchUsers = 200

    private let name: String
    private let isDryRun: Bool
    private var users: [AdminPortableBatch.User] = []
    private var current: AdminPortableBatch.User?
    private var bytes = 0
    private(set) var imported = 0
    private(set) var failed = 0
    /// Elements that were left out.
    private(set) var leftOut = 0

    init(name: String, isDryRun: Bool) {
        self.name = name
        self.isDryRun = isDryRun
    }

    var isBatchFull: Bool { bytes >= Self.batchBytes || users.count >= Self.batchUsers }

    mutating func take(_ event: PortableReader.Event) {
        switch event {
        case .userStart(let line, let jid, let password):
            current = AdminPortableBatch.User(jid: jid, line: line, password: password)
            bytes += jid.utf8.count + (password?.utf8.count ?? 0)
        case .record(let record):
            current?.records.append(
                .init(
                    line: record.line, place: record.place.rawValue, node: record.node,
                    xml: String(decoding: record.bytes, as: UTF8.self)))
            bytes += record.bytes.count + record.node.utf8.count
        case .userEnd:
            if let current { users.append(current) }
            current = nil
        case .leftOut: leftOut += 1
        }
    }

    /// Sends what has been taken through `send`.
    /// - Parameter isLast: nothing follows; what the server still keeps of an account is forgotten.
    /// - Returns: problems by line.
    mutating func flush(
        isLast: Bool = false, _ send: (AdminPortableBatch) async throws -> AdminPortableReport
    ) async throws -> [AdminPortableReport.Problem] {
        var batch = AdminPortableBatch(name: name, isDryRun: isDryRun, isLast: isLast, users: users)
        if let part = current, !isLast {
            if !part.records.isEmpty {
                var sent = part
                sent.continues = true
                batch.users.append(sent)
                current?.records = []
                current?.isContinued = true
            }
        }
        (users, bytes) = ([], 0)
        guard !batch.users.isEmpty || isLast else { return [] }
        let report = try await send(batch)
        imported += report.imported
        failed += report.problems.count { $0.isFatal }
        leftOut += report.problems.count { !$0.isFatal }
        return report.problems.sorted { $0.line < $1.line }
    }
}
