import Foundation
import Ground
import Logging
import Storage

/// What a kind of job does.
public protocol JobKind: Sendable {
    /// `contacts.import`
    var name: String { get }
    /// Does the work; ends early with `CancellationError` when it is cancelled, between two things that belong together.
    func run(_ run: JobRun) async throws
}

/// What jobs work with.
struct JobContext: Sendable {
    var backend: any AdminBackend
    var database: any Database
    var time: any TimeSource
    var logger: Logger

    /// Milliseconds since 1970.
    var now: Int64 { time.now }
}

/// One job while it runs: what it was asked for, its files, and how it tells what it does.
public actor JobRun {
    public nonisolated let id: Int
    /// JSON of what the kind was asked for.
    public nonisolated let parameters: Data
    nonisolated let context: JobContext
    nonisolated let files: JobFiles
    private var progress = JobStore.Progress()
    private var problems: [AdminJobProblem] = []
    private var lastNoted: Int64 = 0
    private var output: FileHandle?

    init(id: Int, parameters: Data, context: JobContext, files: JobFiles) {
        self.id = id
        self.parameters = parameters
        self.context = context
        self.files = files
    }

    public nonisolated func parameters<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(Value.self, from: parameters)
    }

    public nonisolated var backend: any AdminBackend { context.backend }

    // MARK: Progress

    public func begin(total: Int?, unit: String) {
        progress.total = total
        progress.unit = unit
    }

    /// Adds to a count of the report, such as `added`.
    public func count(_ name: String, _ number: Int = 1) {
        if number != 0 { progress.counts[name, default: 0] += number }
    }

    public func problem(line: Int?, subject: String, reason: String) {
        progress.problems += 1
        guard progress.problems <= JobLimits.problems else { return }
        problems.append(
            AdminJobProblem(
                number: progress.problems, line: line, subject: String(subject.prefix(1_024)),
                reason: String(reason.prefix(1_024))))
    }

    /// Has got as far as `done`. Told to the store about once a second.
    ///
    /// - Throws: `CancellationError` when the job is to end.
    public func reached(_ done: Int) async throws {
        progress.done = done
        try Task.checkCancellation()
        let now = context.now
        guard now - lastNoted >= 1_000 || problems.count >= 1_000 else { return }
        lastNoted = now
        await note()
    }

    func note() async {
        let (progress, problems, id) = (progress, problems, id)
        self.problems = []
        do {
            try await context.database.write { try JobStore.note(progress, problems, of: id, in: $0) }
        } catch {
            context.logger.error("progress of a job not stored", metadata: ["job": "\(id)", "error": "\(error)"])
        }
    }

    // MARK: Files

    /// Every row of the file that was uploaded, in portions, and the bytes up to there.
    public nonisolated func eachRow(
        _ body: (_ rows: [CSVParser.Row], _ bytes: Int) async throws -> Void
    ) async throws {
        let path = files.input(id)
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw AdminError(.notFound, "the uploaded file is not there any more")
        }
        defer { try? handle.close() }
        var parser = CSVParser()
        var bytes = 0
        while true {
            let chunk = try handle.read(upToCount: 65_536) ?? Data()
            var rows: [CSVParser.Row] = []
            if chunk.isEmpty { parser.finish { rows.append($0) } } else { parser.feed(chunk) { rows.append($0) } }
            bytes += chunk.count
            try await body(rows, bytes)
            guard !chunk.isEmpty else { return }
        }
    }

    /// Bytes of the uploaded file.
    public nonisolated var inputBytes: Int? { files.size(files.input(id)) }

    /// Appends to the file that the job makes.
    public func write(_ text: String) throws {
        if output == nil {
            let descriptor = open(files.result(id), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else {
                throw AdminError(.unavailable, "cannot write: \(String(cString: strerror(errno)))")
            }
            output = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }
        try output?.write(contentsOf: Data(text.utf8))
    }

    /// Bytes of what was written; nil when nothing was.
    func close() -> Int? {
        guard let output else { return nil }
        try? output.synchronize()
        try? output.close()
        self.output = nil
        return files.size(files.result(id))
    }
}
