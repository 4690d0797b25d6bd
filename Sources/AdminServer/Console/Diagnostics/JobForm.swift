import Synchronization

/// Starts jobs on contact lists, and hands out what they have written.
enum JobForm {
    enum Kind: String, CaseIterable {
        case `import`, rename, export

        var operation: String { "contacts.\(rawValue)" }
        var icon: String { self == .export ? "history" : "upload" }
    }

    /// Jobs that make a file.
    static let exports: Set<String> = ["contacts.export", "contacts.export-plain"]

    static func add(to routes: ConsoleRoutes) {
        for kind in Kind.allCases {
            let path = "/jobs/new/" + kind.rawValue
            routes.get(path) { request in
                try request.require(kind.operation)
                return form(kind, request, ConsoleForm(), problem: nil)
            }
            routes.post(path, limit: 4 * AdminLimits.bodyBytes) { request, form in
                do {
                    let job = try await start(kind, request, form)
                    request.tell(.init(.good, request.language["jobs.started"]))
                    return .redirect(ConsoleSection.jobs.path + "/\(job.id)")
                } catch let error as AdminError where error.isOfForm {
                    return self.form(kind, request, form, problem: error.explanation)
                }
            }
        }
        routes.get("/jobs/:id/file") { request in
            try request.require("jobs.result")
            let id = try request.parameter("id")
            // What is wrong is told before the file begins.
            let first: AdminJobResult = try await request.perform("jobs.result", ["id": id])
            let parts = Parts(first)
            return .file(name: "roost-contacts-\(id).csv") {
                try await parts.next { offset in
                    try await request.perform("jobs.result", ["id": id, "offset": String(offset)])
                }
            }
        }
    }

    /// The parts of a result in their order.
    private final class Parts: Sendable {
        private let state: Mutex<(text: String?, next: Int?)>

        init(_ first: AdminJobResult) { state = Mutex((first.text, first.next)) }

        func next(_ read: @Sendable (Int) async throws -> AdminJobResult) async throws -> String? {
            let (text, offset) = state.withLock { state in
                defer { state.text = nil }
                return (state.text, state.next)
            }
            if let text { return text }
            guard let offset else { return nil }
            let part = try await read(offset)
            state.withLock { $0.next = part.next }
            return part.text
        }
    }

    private static func start(
        _ kind: Kind, _ request: ConsoleRequest, _ form: ConsoleForm
    ) async throws -> AdminJob {
        let format = form["format"] == "plain" ? "plain" : "contacts"
        if kind == .export {
            let (domain, group) = (form.text("domain"), form.text("group"))
            return try await request.perform(
                kind.operation,
                body: AdminContactExportRequest(
                    format: format, domain: domain.isEmpty ? nil : domain, group: group.isEmpty ? nil : group))
        }
        return try await request.perform(
            kind.operation,
            body: AdminContactJobRequest(
                format: format, csv: form["rows"] ?? "", dryRun: form.isOn("dry_run"),
                subscribe: form.isOn("subscribe")))
    }

    private static func form(
        _ kind: Kind, _ request: ConsoleRequest, _ given: ConsoleForm, problem: String?
    ) -> ConsoleAnswer {
        let language = request.language
        let name = kind.rawValue
        let format = FormModel.Field.choice(
            "format", language["jobs.format"],
            [("contacts", language["jobs.format_contacts"]), ("plain", language["jobs.format_plain"])],
            chosen: given["format"] ?? "contacts")
        let rows = FormModel.Field.area(
            "rows", language["jobs.file"], value: given["rows"] ?? "",
            hint: language.optional("jobs.\(name)_hint"), problem: kind == .export ? nil : problem,
            file: language["jobs.from_file"])
        let dryRun = FormModel.Field.checkbox("dry_run", language["jobs.dry_run"], isChecked: given.isOn("dry_run"))
        let subscribe = FormModel.Field.checkbox(
            "subscribe", language["jobs.subscribe"], isChecked: problem == nil || given.isOn("subscribe"))
        let fields: [FormModel.Field] =
            switch kind {
            case .import: [format, rows, subscribe, dryRun]
            case .rename: [rows, dryRun]
            case .export:
                [
                    format,
                    .input("domain", language["jobs.domain"], value: given["domain"] ?? "", isRequired: false),
                    .input("group", language["jobs.group"], value: given["group"] ?? "", isRequired: false),
                ]
            }
        let model = FormModel(
            action: ConsoleSection.jobs.path + "/new/" + name, fields: fields, button: language["jobs.start"],
            back: ConsoleSection.jobs.path, problem: kind == .export ? problem : nil)
        var page = ConsolePage("form", title: language["jobs.\(name)"], section: .jobs, model: model)
        page.lead = language["jobs.\(name)_lead"]
        page.crumb = request.crumb(.jobs)
        page.status = problem == nil ? 200 : 422
        return .page(page)
    }
}
