import Foundation
import Ground
import Storage

/// SQL of jobs.
enum JobStore {
    private static let columns =
        "id, kind, state, actor, created_ms, started_ms, finished_ms, done, total, unit, counts, error, problems,"
        + " result_bytes"

    static func add(
        kind: String, parameters: String, actor: String, now: Int64, in transaction: any Transaction
    ) throws -> Int {
        let rows = try transaction.query(
            """
            INSERT INTO jobs (id, kind, state, parameters, actor, created_ms, done, unit, counts, problems)
            VALUES ((SELECT coalesce(max(id), 0) + 1 FROM jobs), ?, 'queued', ?, ?, ?, 0, '', '{}', 0) RETURNING id
            """, [.text(kind), .text(parameters), .text(actor), .integer(now)])
        return Int(rows[0].integer(0))
    }

    static func job(_ id: Int, in transaction: any Transaction) throws -> AdminJob? {
        try transaction.query("SELECT \(columns) FROM jobs WHERE id = ?", [.integer(Int64(id))]).first.map(job(row:))
    }

    static func parameters(_ id: Int, in transaction: any Transaction) throws -> String {
        try transaction.query("SELECT parameters FROM jobs WHERE id = ?", [.integer(Int64(id))]).first?.text(0) ?? "{}"
    }

    /// Latest first.
    static func page(before: Int?, limit: Int, in transaction: any Transaction) throws -> [AdminJob] {
        try transaction.query(
            "SELECT \(columns) FROM jobs WHERE id < ? ORDER BY id DESC LIMIT ?",
            [.integer(before.map(Int64.init) ?? .max), .integer(Int64(limit))]
        ).map(job(row:))
    }

    static func ids(_ state: AdminJob.State, in transaction: any Transaction) throws -> [Int] {
        try transaction.query("SELECT id FROM jobs WHERE state = ? ORDER BY id", [.text(state.rawValue)]).map {
            Int($0.integer(0))
        }
    }

    static func began(_ id: Int, now: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE jobs SET state = 'running', started_ms = ? WHERE id = ?", [.integer(now), .integer(Int64(id))])
    }

    /// What a running job has got to.
    struct Progress: Sendable, Equatable {
        var done = 0
        var total: Int?
        var unit = ""
        var counts: [String: Int] = [:]
        var problems = 0
    }

    static func note(
        _ progress: Progress, _ problems: [AdminJobProblem], of id: Int, in transaction: any Transaction
    ) throws {
        let counts = (try? JSONEncoder().encode(progress.counts)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        try transaction.execute(
            "UPDATE jobs SET done = ?, total = ?, unit = ?, counts = ?, problems = ? WHERE id = ?",
            [
                .integer(Int64(progress.done)), .optional(progress.total), .text(progress.unit),
                .text(counts), .integer(Int64(progress.problems)), .integer(Int64(id)),
            ])
        for problem in problems {
            try transaction.execute(
                """
                INSERT INTO job_problems (job_id, number, line, subject, reason) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """,
                [
                    .integer(Int64(id)), .integer(Int64(problem.number)), .optional(problem.line),
                    .text(problem.subject), .text(problem.reason),
                ])
        }
    }

    static func ended(
        _ id: Int, _ state: AdminJob.State, error: String?, resultBytes: Int?, now: Int64,
        in transaction: any Transaction
    ) throws {
        try transaction.execute(
            "UPDATE jobs SET state = ?, error = ?, result_bytes = ?, finished_ms = ? WHERE id = ?",
            [
                .text(state.rawValue), .optional(error), .optional(resultBytes), .integer(now),
                .integer(Int64(id)),
            ])
    }

    static func problems(
        of id: Int, after: Int, limit: Int, in transaction: any Transaction
    ) throws -> [AdminJobProblem] {
        try transaction.query(
            """
            SELECT number, line, subject, reason FROM job_problems WHERE job_id = ? AND number > ?
            ORDER BY number LIMIT ?
            """, [.integer(Int64(id)), .integer(Int64(after)), .integer(Int64(limit))]
        ).map {
            AdminJobProblem(
                number: Int($0.integer(0)), line: $0.optionalInteger(1).map { Int($0) }, subject: $0.text(2),
                reason: $0.text(3))
        }
    }

    /// The files of these are gone.
    static func forgetResults(before instant: Int64, in transaction: any Transaction) throws -> [Int] {
        try transaction.query(
            "UPDATE jobs SET result_bytes = NULL WHERE finished_ms < ? AND result_bytes IS NOT NULL RETURNING id",
            [.integer(instant)]
        ).map { Int($0.integer(0)) }
    }

    /// Reports beyond those that are kept.
    static func prune(keeping count: Int, in transaction: any Transaction) throws -> [Int] {
        try transaction.query(
            """
            DELETE FROM jobs WHERE state NOT IN ('queued', 'running') AND id NOT IN (
                SELECT id FROM jobs ORDER BY id DESC LIMIT ?) RETURNING id
            """, [.integer(Int64(count))]
        ).map { Int($0.integer(0)) }
    }

    private static func job(row: Row) -> AdminJob {
        AdminJob(
            id: Int(row.integer(0)), kind: row.text(1), state: row.text(2), actor: row.text(3),
            created: Timestamp.format(row.integer(4)), started: row.optionalInteger(5).map { Timestamp.format($0) },
            finished: row.optionalInteger(6).map { Timestamp.format($0) }, done: Int(row.integer(7)),
            total: row.optionalInteger(8).map { Int($0) }, unit: row.text(9),
            counts: (try? JSONDecoder().decode([String: Int].self, from: Data(row.text(10).utf8))) ?? [:],
            error: row.optionalText(11), problems: Int(row.integer(12)),
            resultBytes: row.optionalInteger(13).map { Int($0) })
    }
}

extension SQLValue {
    fileprivate static func optional(_ number: Int?) -> SQLValue { number.map { .integer(Int64($0)) } ?? .null }
}
