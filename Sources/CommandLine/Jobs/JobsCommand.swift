import AdminServer
import ArgumentParser
import Foundation

/// `roost jobs`
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Look at and end work that goes on behind the scenes.",
        subcommands: [List.self, Show.self, Cancel.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List jobs, the latest first.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let jobs = try await server.all("jobs.list", of: AdminJob.self)
            if json { return try Output.json(jobs) }
            var table = TextTable(["JOB", "KIND", "STATE", "DONE", "PROBLEMS", "BY", "CREATED"])
            for job in jobs {
                table.add([
                    "\(job.id)", job.kind, job.state, JobWatch.progress(job), "\(job.problems)", job.actor,
                    job.created,
                ])
            }
            table.write()
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one job with its problems.")

        @Argument(help: "Number of the job.") var id: Int
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let job = try await server.ask("jobs.get", ["id": String(id)], returning: AdminJob.self)
            if json { return try Output.json(job) }
            var table = TextTable([])
            table.add(["job", "\(job.id)"])
            table.add(["kind", job.kind])
            table.add(["state", job.state])
            table.add(["progress", JobWatch.progress(job)])
            table.add(["by", job.actor])
            table.add(["created", job.created])
            if let finished = job.finished { table.add(["finished", finished]) }
            for (name, count) in job.counts.sorted(by: { $0.key < $1.key }) { table.add([name, "\(count)"]) }
            if let error = job.error { table.add(["error", error]) }
            table.add(["problems", "\(job.problems)"])
            table.write()
            try await JobWatch(server: server).printProblems(of: job, file: "line ")
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a job that waits or runs; what it has done stays done.")

        @Argument(help: "Number of the job.") var id: Int
        @OptionGroup var server: ServerOption

        func run() async throws {
            let job = try await server.ask("jobs.cancel", ["id": String(id)], returning: AdminJob.self)
            Output.line("job \(job.id) \(job.state)")
        }
    }
}

/// Waits for a job and tells how far it is.
struct JobWatch {
    let server: ServerOption

    func wait(for job: AdminJob) async throws -> AdminJob {
        var job = job
        var pause = 20
        let isTerminal = isatty(STDERR_FILENO) == 1
        while !job.isOver {
            if isTerminal { Output.error("\r\u{1B}[Kjob \(job.id) \(Self.progress(job)) … ", terminator: "") }
            try await Task.sleep(for: .milliseconds(pause))
            pause = min(pause * 2, 1_000)
            job = try await server.ask("jobs.get", ["id": String(job.id)], returning: AdminJob.self)
        }
        if isTerminal { Output.error("\r\u{1B}[K", terminator: "") }
        return job
    }

    /// Waits, prints problems and counts.
    ///
    /// - Throws: exit status 1 when something was wrong.
    func follow(_ started: AdminJob, file: String) async throws {
        let job = try await wait(for: started)
        try await printProblems(of: job, file: "\(file):")
        let counts = job.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        Output.line(counts.isEmpty ? "nothing to do" : counts)
        guard job.state == "done" else {
            throw CommandFailure("job \(job.id) \(job.state)\(job.error.map { ": \($0)" } ?? "")")
        }
        if job.problems > 0 { throw ExitCode.failure }
    }

    func printProblems(of job: AdminJob, file: String) async throws {
        guard job.problems > 0 else { return }
        let problems = try await server.all(
            "jobs.problems", ["id": String(job.id)], of: AdminJobProblem.self)
        for problem in problems {
            let place = problem.line.map { "\(file)\($0): " } ?? ""
            let subject = problem.subject.isEmpty ? "" : "\(problem.subject): "
            Output.error(Output.printable(place + subject + problem.reason))
        }
        if job.problems > problems.count {
            Output.error("… and \(job.problems - problems.count) more")
        }
    }

    static func progress(_ job: AdminJob) -> String {
        guard let total = job.total, total > 0 else { return job.done == 0 ? "" : "\(job.done) \(job.unit)" }
        if job.unit == "bytes" { return "\(job.done * 100 / total) %" }
        return "\(job.done) of \(total) \(job.unit)"
    }
}
