/// Presence › SIP: contacts of SIP clients, subscriptions of SIP watchers, and what they publish.
enum SIPPages {
    static let root = ConsoleSection.sip.path

    static func add(to routes: ConsoleRoutes) {
        routes.get("/sip", registrations)
        routes.get("/sip/subscriptions", subscriptions)
        routes.get("/sip/publications", publications)
        routes.post("/sip/end") { request, form in
            let ended: AdminCount = try await request.perform(
                "sip.unregister", ["user": form.text("user"), "contact": form.text("contact")])
            request.tell(.init(.good, request.language("sip.ended", ["count": "\(ended.count)"])))
            return .redirect(SignInPages.returnPath(form["return"]))
        }
    }

    private static func tabs(_ current: String, _ language: ConsoleLanguage) -> [SettingsTab] {
        [("registrations", ""), ("subscriptions", "/subscriptions"), ("publications", "/publications")].map {
            name, path in
            SettingsTab(title: language["sip.\(name)"], href: root + path, isCurrent: name == current)
        }
    }

    // MARK: Lists

    @Sendable private static func registrations(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let (query, language) = (request.query.text("q"), request.language)
        let found: AdminPage<AdminSIPRegistration> = try await request.perform(
            "sip.registrations", ["query": query, "limit": "\(ConsolePager.size)", "cursor": request.query["cursor"]])
        let model = SIPModel(
            tabs: tabs("registrations", language), path: root,
            filters: [.init(name: "q", title: language["sip.filter"], value: query, hint: language["sip.filter_hint"])],
            registrations: .init(
                rows: found.items.map { SIPContactRow($0, language) }, mayEnd: request.may("sip.unregister")),
            isEmpty: found.items.isEmpty, empty: empty("registrations", isFiltered: !query.isEmpty, language),
            pager: ConsolePager(found, path: root, filter: ["q": query], request))
        return .page(request.page(.sip, model: model))
    }

    @Sendable private static func subscriptions(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let language = request.language
        let (watcher, presentity) = (request.query.text("watcher"), request.query.text("presentity"))
        let (package, state) = (request.query.text("package"), request.query.text("state"))
        let found: AdminPage<AdminSIPSubscription> = try await request.perform(
            "sip.subscriptions",
            [
                "watcher": watcher, "presentity": presentity, "package": package, "state": state,
                "limit": "\(ConsolePager.size)", "cursor": request.query["cursor"],
            ])
        let path = root + "/subscriptions"
        let model = SIPModel(
            tabs: tabs("subscriptions", language), path: path,
            filters: [
                .init(name: "watcher", title: language["sip.watcher"], value: watcher, hint: ""),
                .init(name: "presentity", title: language["sip.presentity"], value: presentity, hint: ""),
                .init(name: "package", title: language["sip.package"], value: package, hint: "presence"),
                .init(name: "state", title: language["sip.state"], value: state, hint: "active"),
            ],
            subscriptions: .init(rows: found.items.map { SIPSubscriptionRow($0, language) }),
            isEmpty: found.items.isEmpty,
            empty: empty(
                "subscriptions", isFiltered: !(watcher + presentity + package + state).isEmpty, language),
            pager: ConsolePager(
                found, path: path,
                filter: ["watcher": watcher, "presentity": presentity, "package": package, "state": state], request))
        return .page(request.page(.sip, model: model))
    }

    @Sendable private static func publications(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let (query, language) = (request.query.text("q"), request.language)
        let found: AdminPage<AdminSIPPublication> = try await request.perform(
            "sip.publications", ["query": query, "limit": "\(ConsolePager.size)", "cursor": request.query["cursor"]])
        let path = root + "/publications"
        let model = SIPModel(
            tabs: tabs("publications", language), path: path,
            filters: [.init(name: "q", title: language["sip.filter"], value: query, hint: "")],
            publications: .init(rows: found.items.map { SIPPublicationRow($0, language) }),
            isEmpty: found.items.isEmpty, empty: empty("publications", isFiltered: !query.isEmpty, language),
            pager: ConsolePager(found, path: path, filter: ["q": query], request))
        return .page(request.page(.sip, model: model))
    }

    private static func empty(_ list: String, isFiltered: Bool, _ language: ConsoleLanguage) -> SIPModel.Empty {
        .init(
            title: language[isFiltered ? "sip.none_found" : "sip.no_\(list)"],
            text: isFiltered ? "" : language["sip.no_\(list)_help"])
    }
}

private struct SIPModel: Sendable {
    struct Filter: Sendable {
        var name: String
        var title: String
        var value: String
        var hint: String
    }

    struct Empty: Sendable {
        var title: String
        var text: String
    }

    struct Publications: Sendable { var rows: [SIPPublicationRow] }

    var tabs: [SettingsTab]
    var path: String
    var filters: [Filter]
    /// One of the three is there.
    var registrations: SIPContactTable?
    var subscriptions: SIPSubscriptionTable?
    var publications: Publications?
    var isEmpty: Bool
    var empty: Empty
    var pager: ConsolePager
}

/// A table of contacts.
struct SIPContactTable: Sendable {
    var rows: [SIPContactRow]
    var mayEnd: Bool
}

/// A table of subscriptions.
struct SIPSubscriptionTable: Sendable { var rows: [SIPSubscriptionRow] }

/// One contact in a table.
struct SIPContactRow: Sendable {
    var user: String
    var userHref: String
    var contact: String
    var client: String?
    var flow: String
    var expires: String
    var details: String?
    var endLabel: String

    init(_ registration: AdminSIPRegistration, _ language: ConsoleLanguage) {
        user = registration.user
        userHref = UserPages.path(registration.user)
        contact = registration.contact
        client = registration.client.isEmpty ? nil : registration.client
        flow = [registration.transport.uppercased(), registration.address].filter { !$0.isEmpty }.joined(
            separator: " ")
        expires = registration.expires
        let parts = [registration.gruu, registration.path.joined(separator: ", ")].filter { !$0.isEmpty }
        details = parts.isEmpty ? nil : parts.joined(separator: " · ")
        endLabel = language("sip.end_named", ["name": registration.contact])
    }
}

/// One subscription in a table.
struct SIPSubscriptionRow: Sendable {
    var watcher: String
    var presentity: String
    var package: String
    var state: String
    var kind: String
    var expires: String
    var direction: String?

    init(_ subscription: AdminSIPSubscription, _ language: ConsoleLanguage) {
        watcher = subscription.watcher
        presentity = subscription.isList ? language["sip.own_list"] : subscription.presentity
        package = subscription.package
        state = language.optional("sip.state_\(subscription.state)") ?? subscription.state
        kind = ["active": "good", "pending": "warn", "waiting": "warn"][subscription.state] ?? ""
        expires = subscription.expires
        direction = subscription.direction == .outbound ? language["sip.outbound"] : nil
    }
}

private struct SIPPublicationRow: Sendable {
    var user: String
    var userHref: String
    var source: String
    var state: String
    var note: String?
    var since: String
    var expires: String?

    init(_ publication: AdminSIPPublication, _ language: ConsoleLanguage) {
        user = publication.user
        userHref = UserPages.path(publication.user)
        source = [publication.source, publication.id].filter { !$0.isEmpty }.joined(separator: " · ")
        state = language.optional("state.\(publication.state)") ?? publication.state
        note = publication.note.isEmpty ? nil : publication.note
        since = publication.since
        expires = publication.expires
    }
}
