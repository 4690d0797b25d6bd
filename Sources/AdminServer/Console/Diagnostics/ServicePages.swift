/// Services: what runs, what depends on it, and starting and stopping one by one.
enum ServicePages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/diagnostics/services") { request in
            let found: AdminServiceList = try await request.perform("services.list")
            let language = request.language
            let model = ServicesModel(
                rows: found.items.map { ServicesModel.Row($0, language) }, mayControl: request.may("services.control"))
            return .page(request.page(.services, model: model))
        }
        routes.post("/diagnostics/services") { request, form in
            let language = request.language
            guard let action = AdminServiceAction(rawValue: form.text("verb")) else {
                throw AdminError(.badRequest, "expected start, stop or restart")
            }
            do {
                let service: AdminService = try await request.perform(
                    "services.control", ["name": form.text("service"), "action": action.rawValue])
                let name = language.optional("service.\(service.name)") ?? service.title
                let verb = language["services.\(action.rawValue)"]
                request.tell(.init(.good, language("services.done", ["name": name, "verb": verb])))
            } catch let error as AdminError where error.isOfForm {
                request.tell(.init(.bad, error.explanation))
            }
            return .redirect(ConsoleSection.services.path)
        }
    }
}

private struct ServicesModel: Sendable {
    struct Row: Sendable {
        var title: String
        var summary: String
        var alias: String?
        var service: String
        var kind: String
        var icon: String
        var state: String
        var detail: String?
        var features: String
        var verbs: [Verb]

        init(_ service: AdminService, _ language: ConsoleLanguage) {
            title = language.optional("service.\(service.name)") ?? service.title
            summary = service.summary
            alias = service.aliases.isEmpty ? nil : service.aliases.joined(separator: ", ")
            self.service = service.name
            let isRunning = service.state == .running
            (kind, icon) = isRunning ? ("good", "check") : ("", "info")
            state = language["services.\(service.state.rawValue)"]
            detail = service.detail.isEmpty ? nil : service.detail
            features = service.features.joined(separator: ", ")
            let actions: [AdminServiceAction] =
                service.setting == nil ? [] : isRunning ? [.restart, .stop] : [.start]
            verbs = actions.map { [title] action in
                let verb = language["services.\(action.rawValue)"]
                return Verb(
                    verb: action.rawValue, title: verb,
                    label: language("services.verb_named", ["verb": verb, "name": title]), isDanger: action == .stop)
            }
        }
    }

    struct Verb: Sendable {
        var verb: String
        var title: String
        var label: String
        var isDanger: Bool
    }

    var rows: [Row]
    var mayControl: Bool
}
