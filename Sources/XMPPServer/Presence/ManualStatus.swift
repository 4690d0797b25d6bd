import Ground
import IMCore
import XMLWire
import XMPPWire

/// A user's own status over that of the clients: `urn:roost:presence:0` (docs/presence-status.md).
extension XMPPFeature {
    static var manualStatus: XMPPFeature {
        XMPPFeature(
            "manual-status", [],
            requests: [
                Request(
                    name: "status", namespace: ManualStatus.namespace, scopes: [.account], handle: ManualStatus.handle)
            ],
            accountFeatures: [ManualStatus.namespace])
    }
}

enum ManualStatus {
    static let namespace = "urn:roost:presence:0"

    static func handle(_ request: IQRequest) {
        guard request.isSet else {
            request.session?.followsStatus = true
            return request.reply(element(request.home, request.server.router))
        }
        let presence: ManualPresence?
        switch read(request.payload, now: request.server.time.now) {
        case .success(let read): presence = read
        case .failure(let error): return request.refuse(error)
        }
        request.server.router.setManualPresence(presence, of: request.home) { request.finish($0) }
    }

    /// The status that `<status/>` asks for; nil for none, when it has no `<manual/>`.
    static func read(_ payload: XMLElement, now: Int64) -> Result<ManualPresence?, StanzaError> {
        guard let manual = payload.child("manual", namespace: namespace) else { return .success(nil) }
        guard let state = manual["state"].flatMap({ ManualPresence.State(rawValue: $0) }) else {
            let known = ManualPresence.State.allCases.map(\.rawValue).joined(separator: ", ")
            return .failure(.badRequest("the state is one of \(known)"))
        }
        var until: Int64?
        if let text = manual["until"] {
            guard let instant = Timestamp.parse(text)?.floor else {
                return .failure(.badRequest("until is not an instant (XEP-0082)"))
            }
            guard instant > now else { return .failure(.badRequest("until has passed")) }
            until = instant
        }
        let note = manual.child("note", namespace: namespace)?.text.trimmed ?? ""
        guard note.count <= ManualPresence.noteLength else {
            return .failure(
                StanzaError(
                    .modify, .notAcceptable, "the note has at most \(ManualPresence.noteLength) characters"))
        }
        guard state != .text || !note.isEmpty else { return .failure(.badRequest("a text of one's own needs a note")) }
        return .success(ManualPresence(state: state, note: note, since: now, until: until))
    }

    /// What is set, what it comes to with all clients, and why.
    static func element(_ home: UserHome, _ router: Router) -> XMLElement {
        var status = XMLElement("status", namespace: namespace)
        if let presence = home.manual {
            var manual = XMLElement(
                "manual", namespace: namespace,
                attributes: [
                    "state": presence.state.rawValue, "since": Timestamp.format(presence.since),
                    "by": presence.author.rawValue,
                ])
            manual["until"] = presence.until.map { Timestamp.format($0) }
            if !presence.note.isEmpty { manual.append("note", presence.note) }
            status.append(manual)
        }
        let composed = router.composedPresence(of: home)
        var sum = XMLElement(
            "composed", namespace: namespace,
            attributes: ["state": composed.state.rawValue, "rule": String(composed.rule), "reason": composed.reason])
        if !composed.show.isEmpty { sum["show"] = composed.show }
        if !composed.note.isEmpty { sum.append("note", composed.note) }
        for input in composed.matched {
            sum.append(
                XMLElement(
                    "source", namespace: namespace,
                    attributes: [
                        "name": input.source.description, "state": input.word, "since": Timestamp.format(input.since),
                    ]))
        }
        status.append(sum)
        return status
    }

    /// Tells the clients that have asked what it was.
    static func push(_ home: UserHome, _ router: Router) {
        let followers = home.endpoints.compactMap { $0 as? C2SSession }.filter(\.followsStatus)
        guard !followers.isEmpty else { return }
        let status = element(home, router)
        for session in followers {
            let message = XMLElement(
                "message", namespace: XMPPNamespace.client,
                attributes: [
                    "type": "headline", "from": home.jid.description,
                    "to": String(decoding: session.address, as: UTF8.self),
                ], children: [.element(status)])
            session.deliver(message.stanzaBytes)
        }
    }
}

/// The same for clients that know forms alone.
extension AdHocCommand {
    static var status: AdHocCommand {
        AdHocCommand(node: "status", name: "Set my status", isAllowed: { _ in true }) { caller, then in
            let manual = caller.home.manual
            let form = DataForm(
                .form, title: "My status",
                instructions: [
                    "The status goes before what your clients say. Invisible: others see you as offline; messages"
                        + " reach you all the same."
                ],
                fields: [
                    FormField(
                        "state", .listSingle, label: "Status", isRequired: true,
                        values: [manual?.state.rawValue ?? "automatic"],
                        options: [
                            .init("automatic", label: "Automatic"), .init("available", label: "Available"),
                            .init("away", label: "Away"), .init("busy", label: "Busy"),
                            .init("dnd", label: "Do not disturb"), .init("offline", label: "Invisible"),
                            .init("text", label: "Automatic, with a text of my own"),
                        ]),
                    FormField("note", .textSingle, label: "Text", value: manual?.note ?? ""),
                    FormField(
                        "minutes", .listSingle, label: "For how long", values: ["0"],
                        options: [
                            .init("0", label: "Until I change it"), .init("30", label: "30 minutes"),
                            .init("60", label: "1 hour"), .init("240", label: "4 hours"),
                            .init("480", label: "8 hours"), .init("1440", label: "1 day"),
                        ]),
                ])
            then(.ask(CommandStage(form: form, isLast: true, submit: setStatus)))
        }
    }

    private static func setStatus(
        _ caller: CommandCaller, _ answers: FormAnswers, _ then: @escaping (CommandStep) -> Void
    ) {
        let now = caller.server.time.now
        let note = (answers.text("note") ?? "").trimmed
        guard note.count <= ManualPresence.noteLength else {
            return then(.refuse("the text has at most \(ManualPresence.noteLength) characters"))
        }
        let state = answers.text("state").flatMap { ManualPresence.State(rawValue: $0) }
        if state == .text, note.isEmpty { return then(.refuse("the text is empty")) }
        let minutes = Int64(answers.integer("minutes") ?? 0)
        let presence = state.map {
            ManualPresence(state: $0, note: note, since: now, until: minutes > 0 ? now + minutes * 60_000 : nil)
        }
        caller.router.setManualPresence(presence, of: caller.home) { error in
            if let error { return then(.fail(error)) }
            then(.done(presence == nil ? "Your clients decide again." : "Your status is set."))
        }
    }
}
