import IMCore
import XMLWire
import XMPPWire

/// Seeing somebody's availability for a while without a subscription (docs/availability.md):
///
///     <iq type='set' to='bob@example.com'><watch xmlns='urn:roost:watch:0' seconds='600'/></iq>
///     <iq type='result'><watch xmlns='urn:roost:watch:0' seconds='600'/></iq>
///
/// Presence follows the answer and comes as it changes; `unavailable` when the time is over. The same request again
/// prolongs it, `<unwatch/>` ends it, a get to the own account lists what there is.
extension XMPPFeature {
    static let watchNamespace = "urn:roost:watch:0"

    static var adHocPresence: XMPPFeature {
        XMPPFeature(
            "adhoc-presence", [],
            requests: [
                Request(name: "watch", namespace: watchNamespace, scopes: [.contact], handle: watch),
                Request(name: "unwatch", namespace: watchNamespace, scopes: [.contact], handle: unwatch),
                Request(name: "watches", namespace: watchNamespace, scopes: [.account], handle: listWatches),
            ],
            accountFeatures: [watchNamespace])
    }

    private static func watch(_ request: IQRequest) {
        guard let session = request.session else { return request.refuse(.serviceUnavailable) }
        guard request.isSet, let target = request.target else {
            return request.refuse(.badRequest("watching begins with a set"))
        }
        var seconds: Int?
        if let text = request.payload["seconds"] {
            guard let number = Int(text), number > 0 else {
                return request.refuse(.badRequest("seconds is a number above 0"))
            }
            seconds = number
        }
        request.server.router.watch(target, seconds: seconds, by: session, request.home) { result in
            switch result {
            case .success(let watching):
                request.reply("<watch xmlns='\(watchNamespace)' seconds='\(watching.seconds)'/>")
            case .failure(let error): request.refuse(error)
            }
        }
    }

    private static func unwatch(_ request: IQRequest) {
        guard let session = request.session else { return request.refuse(.serviceUnavailable) }
        guard request.isSet, let target = request.target else {
            return request.refuse(.badRequest("watching ends with a set"))
        }
        request.finish(request.server.router.unwatch(target, by: session, request.home))
    }

    private static func listWatches(_ request: IQRequest) {
        guard let session = request.session, !request.isSet else {
            return request.refuse(.badRequest("the list is asked with get"))
        }
        let items = request.server.router.watches(by: session, request.home)
            .map { "<watch jid='\(XMLText.escape($0.target.description))' seconds='\($0.seconds)'/>" }.joined()
        request.reply("<watches xmlns='\(watchNamespace)'>\(items)</watches>")
    }
}

extension AdHocCommand {
    /// For clients that know commands (XEP-0050) and not the request.
    static var watch: AdHocCommand {
        AdHocCommand(
            node: "watch-availability", name: "See somebody's availability for a while",
            isAllowed: { $0.home.policy.values.presence.adHoc }
        ) { caller, then in
            let settings = caller.home.policy.values.presence
            let form = DataForm(
                .form, title: "See somebody's availability for a while",
                instructions: ["Nothing is added to your contact list."],
                fields: [
                    FormField("jid", .jidSingle, label: "Address", isRequired: true),
                    FormField("seconds", .textSingle, label: "Seconds", value: String(settings.adHocSeconds)),
                ])
            then(.ask(CommandStage(form: form, isLast: true, submit: begin)))
        }
    }

    private static func begin(
        _ caller: CommandCaller, _ answers: FormAnswers, _ then: @escaping (CommandStep) -> Void
    ) {
        guard let target = answers.text("jid").flatMap({ try? JID(parsing: $0) }), target.local != nil else {
            return then(.refuse("this is not the address of a person"))
        }
        let text = answers.text("seconds") ?? ""
        let seconds = Int(text)
        guard text.isEmpty || seconds ?? 0 > 0 else { return then(.refuse("seconds is a number above 0")) }
        caller.router.watch(target.bare, seconds: seconds, by: caller.session, caller.home) { result in
            switch result {
            case .success(let watching):
                then(
                    .done(
                        watching.seconds == 0
                            ? "\(target.bare) is seen anyway."
                            : "\(target.bare) is seen for \(watching.seconds) seconds."))
            case .failure(let error): then(.failed(error.text ?? "\(target.bare) cannot be watched."))
            }
        }
    }
}
