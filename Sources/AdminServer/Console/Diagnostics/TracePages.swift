import Foundation

/// Stanzas of clients as they pass.
enum TracePages {
    private static let root = ConsolePath.root + "/diagnostics/traces"

    static func add(to routes: ConsoleRoutes) {
        routes.post("/diagnostics/traces") { request, form in
            do {
                let trace: AdminTrace = try await request.perform(
                    "traces.begin",
                    body: AdminTraceRequest(jid: form.text("jid"), bodies: form.isOn("bodies") ? true : nil))
                return .redirect(
                    root + "/" + ConsoleForm.encoded(trace.id) + "?jid=" + ConsoleForm.encoded(form.text("jid")))
            } catch let error as AdminError where error.isOfForm {
                request.tell(.init(.bad, error.explanation))
                return .redirect(ConsoleSection.logs.path)
            }
        }
        routes.get("/diagnostics/traces/:id") { request in
            let (id, language) = (try request.parameter("id"), request.language)
            let found: AdminTraceEvents = try await request.perform("traces.events", ["id": id, "after": "0"])
            let path = root + "/" + ConsoleForm.encoded(id)
            let model = TraceModel(events: found.events, next: found.next, path: path)
            let jid = request.query.text("jid")
            var page = ConsolePage("trace", title: language("trace.title", ["name": jid]), section: .logs, model: model)
            page.lead = language["trace.lead"]
            page.crumb = request.crumb(.logs)
            return .page(page)
        }
        routes.get("/diagnostics/traces/:id/events") { request in
            let after = request.query["after"].flatMap { Int($0) } ?? 0
            let found: AdminTraceEvents = try await request.perform(
                "traces.events", ["id": try request.parameter("id"), "after": "\(max(0, after))"])
            return .json(try JSONEncoder().encode(found))
        }
        routes.post("/diagnostics/traces/:id/end") { request, _ in
            let _: AdminDone = try await request.perform("traces.end", ["id": try request.parameter("id")])
            return .redirect(ConsoleSection.logs.path)
        }
    }
}

private struct TraceModel: Sendable {
    var events: [AdminTraceEvent]
    var next: Int
    var path: String
    var isLive = true
}
