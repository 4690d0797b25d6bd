/// Jobs: long work in the background, how far it is and what became of it.
enum JobPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/jobs") { request in
            let found: AdminPage<AdminJob> = try await request.perform(
                "jobs.list", ["limit": "\(ConsolePager.size)", "cursor": request.query["cursor"]])
            let model = JobsModel(
                rows: found.items.map { JobsModel.Row($0, request) }, hasRows: !found.items.isEmpty,
                pager: ConsolePager(found, path: ConsoleSection.jobs.path, filter: [:], request))
            var page = request.page(.jobs, model: model)
            for start in JobForm.Kind.allCases where request.may(start.operation) {
                page.actions.append(
                    .init(
                        title: request.language["jobs.\(start.rawValue)"],
                        href: ConsoleSection.jobs.path + "/new/" + start.rawValue, icon: start.icon))
            }
            return .page(page)
        }
        JobForm.add(to: routes)
        routes.get("/jobs/:id") { request in
            let id = try request.parameter("id")
            let job: AdminJob = try await request.perform("jobs.get", ["id": id])
            let problems: AdminPage<AdminJobProblem> = try await request.perform(
                "jobs.problems", ["id": id, "limit": "200", "cursor": request.query["cursor"]])
            let model = JobModel(
                rows: [JobsModel.Row(job, request)],
                file: job.state == "done" && JobForm.exports.contains(job.kind) && request.may("jobs.result")
                    ? ConsoleSection.jobs.path + "/\(job.id)/file" : nil,
                problems: problems.items.map { .init($0, request.language) }, hasProblems: !problems.items.isEmpty,
                pager: ConsolePager(problems, path: ConsoleSection.jobs.path + "/" + id, filter: [:], request))
            var page = ConsolePage(
                "job", title: request.language("jobs.title", ["number": id]), section: .jobs, model: model)
            page.crumb = request.crumb(.jobs)
            return .page(page)
        }
        routes.post("/jobs/:id/cancel") { request, _ in
            let _: AdminJob = try await request.perform("jobs.cancel", ["id": try request.parameter("id")])
            return .redirect(ConsoleSection.jobs.path)
        }
    }
}

private struct JobsModel: Sendable {
    struct Row: Sendable {
        var title: String
        var href: String
        var actor: String
        var created: String
        var kind: String
        var state: String
        var progress: String
        var detail: String?
        /// Where it is ended; nil for what is over, and for who may not.
        var cancel: String?
        var cancelLabel: String

        init(_ job: AdminJob, _ request: ConsoleRequest) {
            let language = request.language
            let name = language.optional("job.\(job.kind)") ?? job.kind
            title = "\(name) #\(job.id)"
            href = ConsoleSection.jobs.path + "/\(job.id)"
            (actor, created) = (job.actor, job.created)
            kind = ["done": "good", "failed": "bad", "interrupted": "warn", "running": "accent"][job.state] ?? ""
            state = language.optional("jobs.\(job.state)") ?? job.state
            let done = ConsoleNumbers.grouped(job.done)
            progress = job.total.map { "\(done) / \(ConsoleNumbers.grouped($0))" } ?? done
            let counts = job.counts.sorted { $0.key < $1.key }.map { "\($0.key): \(ConsoleNumbers.grouped($0.value))" }
            let told = counts + [job.error].compactMap { $0 }
            detail = told.isEmpty ? nil : told.joined(separator: " · ")
            cancel = job.isOver || !request.may("jobs.cancel") ? nil : href + "/cancel"
            cancelLabel = language("jobs.cancel_named", ["name": title])
        }
    }

    var rows: [Row]
    var hasRows: Bool
    var pager: ConsolePager
}

private struct JobModel: Sendable {
    struct Problem: Sendable {
        var place: String
        var subject: String
        var reason: String

        init(_ problem: AdminJobProblem, _ language: ConsoleLanguage) {
            place = problem.line.map { language("jobs.line", ["line": "\($0)"]) } ?? "–"
            (subject, reason) = (problem.subject, problem.reason)
        }
    }

    var rows: [JobsModel.Row]
    /// What the job has made.
    var file: String?
    var problems: [Problem]
    var hasProblems: Bool
    var pager: ConsolePager
}
