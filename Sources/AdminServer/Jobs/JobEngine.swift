import Foundation
import Ground
import Logging
import Storage

/// Runs jobs one after the other, in the order they were asked for.
///
/// What waits survives a restart and runs then; what ran is `interrupted`, and what it had done stays done.
public actor JobEngine {
    private let kinds: [String: any JobKind]
    private let files: JobFiles
    private let context: JobContext
    private var running: (id: Int, task: Task<Void, Never>)?
    private var isStarted = false
    private var isStopping = false
    private struct Upload {
        var bytes: Int
        var lastUse: Int64
    }
    private var uploads: [String: Upload] = [:]

    /// - Parameter folder: where files of jobs are.
    init(kinds: [any JobKind], folder: String, context: JobContext) {
        self.kinds = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        files = JobFiles(folder: folder)
        self.context = context
    }

    private var database: any Database { context.database }

    // MARK: Start and end

    /// Takes up what waits.
    public func start() async throws {
        guard !isStarted else { return }
        isStarted = true
        try files.prepare()
        let now = context.now
        let known = try await database.write { transaction in
            for id in try JobStore.ids(.running, in: transaction) {
                try JobStore.ended(
                    id, .interrupted, error: "the server ended while the job ran", resultBytes: nil, now: now,
                    in: transaction)
            }
            return try JobStore.page(before: nil, limit: JobLimits.kept, in: transaction).map(\.id)
        }
        files.removeStrangers(jobs: Set(known))
        await tidy()
        await next()
    }

    /// Ends what runs, between two steps.
    public func stop() async {
        isStopping = true
        running?.task.cancel()
        await running?.task.value
    }

    // MARK: Asking for jobs

    /// - Parameters:
    ///   - parameters: stored with the job; holds no secrets.
    ///   - upload: the file that it works on.
    func submit(
        _ kind: String, _ parameters: some Encodable & Sendable, upload: String? = nil, csv: String? = nil,
        actor: String
    ) async throws -> AdminJob {
        guard kinds[kind] != nil else { throw AdminError(.notFound, "there is no job \(kind)") }
        try files.prepare()
        let text = String(decoding: try JSONEncoder().encode(parameters), as: UTF8.self)
        if let upload { guard uploads[upload] != nil else { throw Self.unknownUpload(upload) } }
        let now = context.now
        let added = try await database.write { transaction -> Int? in
            guard try JobStore.ids(.queued, in: transaction).count < JobLimits.queued else { return nil }
            return try JobStore.add(kind: kind, parameters: text, actor: actor, now: now, in: transaction)
        }
        guard let id = added else {
            throw AdminError(.tooManyRequests, "\(JobLimits.queued) jobs wait already", retrySeconds: 60)
        }
        do {
            if let upload {
                uploads[upload] = nil
                try files.move(files.upload(upload), to: files.input(id))
            } else if let csv {
                _ = try files.append(csv, to: files.input(id), at: 0)
            }
        } catch {
            await end(id, .failed, error: "\((error as? AdminError)?.text ?? "\(error)")", resultBytes: nil)
            throw error
        }
        await next()
        return try await job(id)
    }

    private func next() async {
        guard isStarted, running == nil, !isStopping else { return }
        let waiting = (try? await database.read { try JobStore.ids(.queued, in: $0) }) ?? []
        // Meanwhile another call may have begun one.
        guard running == nil, !isStopping, let id = waiting.first else { return }
        running = (id, Task { await self.perform(id) })
    }

    private func perform(_ id: Int) async {
        do {
            let now = context.now
            let (kind, parameters) = try await database.write { transaction in
                try JobStore.began(id, now: now, in: transaction)
                return (
                    try JobStore.job(id, in: transaction)?.kind ?? "", try JobStore.parameters(id, in: transaction)
                )
            }
            await run(id, kind, Data(parameters.utf8))
        } catch {
            context.logger.error("a job could not begin", metadata: ["job": "\(id)", "error": "\(error)"])
            await end(id, .failed, error: "the store failed", resultBytes: nil)
        }
        running = nil
        await tidy()
        await next()
    }

    private func run(_ id: Int, _ kind: String, _ parameters: Data) async {
        let run = JobRun(id: id, parameters: parameters, context: context, files: files)
        var (state, reason) = (AdminJob.State.done, String?.none)
        do {
            guard let kind = kinds[kind] else { throw AdminError(.notFound, "there is no job \(kind)") }
            context.logger.notice("job begins", metadata: ["job": "\(id)", "kind": "\(kind.name)"])
            try await kind.run(run)
        } catch is CancellationError {
            (state, reason) = isStopping ? (.interrupted, "the server ended while the job ran") : (.cancelled, nil)
        } catch {
            (state, reason) = (.failed, (error as? AdminError)?.text ?? "\(error)")
        }
        await run.note()
        var size = await run.close()
        if state != .done {
            files.remove(files.result(id))
            size = nil
        }
        files.remove(files.input(id))
        await end(id, state, error: reason, resultBytes: size)
        context.logger.notice("job ended", metadata: ["job": "\(id)", "state": "\(state.rawValue)"])
    }

    private func end(_ id: Int, _ state: AdminJob.State, error: String?, resultBytes: Int?) async {
        let now = context.now
        do {
            try await database.write {
                try JobStore.ended(id, state, error: error, resultBytes: resultBytes, now: now, in: $0)
            }
        } catch {
            context.logger.error("the end of a job not stored", metadata: ["job": "\(id)", "error": "\(error)"])
        }
    }

    /// Reports and files that are too old.
    private func tidy() async {
        let before = context.now - Int64(JobLimits.fileDays) * 86_400_000
        let gone =
            (try? await database.write { transaction in
                try JobStore.forgetResults(before: before, in: transaction)
                    + JobStore.prune(keeping: JobLimits.kept, in: transaction)
            }) ?? []
        for id in gone {
            files.remove(files.result(id))
            files.remove(files.input(id))
        }
        let oldest = context.now - Int64(JobLimits.uploadSeconds) * 1_000
        for (name, upload) in uploads where upload.lastUse < oldest {
            uploads[name] = nil
            files.remove(files.upload(name))
        }
    }

    // MARK: Looking at jobs

    func job(_ id: Int) async throws -> AdminJob {
        guard let job = try await database.read({ try JobStore.job(id, in: $0) }) else {
            throw AdminError(.notFound, "there is no job \(id)")
        }
        return job
    }

    func list(before: Int?, limit: Int) async throws -> AdminPage<AdminJob> {
        let found = try await database.read { try JobStore.page(before: before, limit: limit + 1, in: $0) }
        let page = Array(found.prefix(limit))
        return AdminPage(items: page, next: found.count > limit ? page.last.map { String($0.id) } : nil)
    }

    func problems(of id: Int, after: Int, limit: Int) async throws -> AdminPage<AdminJobProblem> {
        let job = try await job(id)
        let found = try await database.read {
            try JobStore.problems(of: id, after: after, limit: limit + 1, in: $0)
        }
        let page = Array(found.prefix(limit))
        return AdminPage(
            items: page, next: found.count > limit ? page.last.map { String($0.number) } : nil, total: job.problems)
    }

    func result(of id: Int, from offset: Int) async throws -> AdminJobResult {
        guard try await job(id).resultBytes != nil else { throw AdminError(.notFound, "job \(id) has no file") }
        return try files.part(of: files.result(id), from: offset)
    }

    /// Ends a job that waits or runs. What it has done stays done.
    func cancel(_ id: Int) async throws -> AdminJob {
        let job = try await job(id)
        guard !job.isOver else { throw AdminError(.conflict, "job \(id) is over: \(job.state)") }
        if let running, running.id == id {
            running.task.cancel()
            await running.task.value
        } else {
            await end(id, .cancelled, error: nil, resultBytes: nil)
            files.remove(files.input(id))
        }
        return try await self.job(id)
    }

    // MARK: Uploads

    func receive(_ part: AdminUploadPart) async throws -> AdminUpload {
        try files.prepare()
        await tidy()
        let name: String
        if let upload = part.upload {
            guard uploads[upload] != nil else { throw Self.unknownUpload(upload) }
            name = upload
        } else {
            guard uploads.count < JobLimits.uploads else {
                throw AdminError(
                    .tooManyRequests, "\(JobLimits.uploads) uploads are under way already", retrySeconds: 60)
            }
            name = (0..<16).map { _ in String(UInt8.random(in: 0...15), radix: 16) }.joined()
        }
        let bytes = try files.append(part.text, to: files.upload(name), at: part.offset)
        uploads[name] = Upload(bytes: bytes, lastUse: context.now)
        return AdminUpload(upload: name, bytes: bytes)
    }

    private static func unknownUpload(_ name: String) -> AdminError {
        AdminError(.notFound, "there is no upload \(name.prefix(64)): begin again")
    }
}
