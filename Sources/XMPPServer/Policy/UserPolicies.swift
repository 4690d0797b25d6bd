import IMCore
import XMLWire
import XMPPWire

/// Policies that clients read, show and let their users choose: `urn:roost:policy:0` (docs/user-policy.md).
extension XMPPFeature {
    static var userPolicies: XMPPFeature {
        XMPPFeature(
            "user-policies", [],
            requests: [
                Request(
                    name: "policy", namespace: UserPolicies.namespace, scopes: [.account], handle: UserPolicies.handle)
            ],
            accountFeatures: [UserPolicies.namespace])
    }
}

enum UserPolicies {
    static let namespace = "urn:roost:policy:0"

    static func handle(_ request: IQRequest) {
        let (server, user) = (request.server, request.home.jid)
        guard request.isSet else {
            return server.readSettings(of: user) { settings in
                guard let settings else { return request.refuse(.serviceUnavailable) }
                request.session?.followsPolicy = true
                request.reply(element(settings))
            }
        }
        let entries = request.payload.elements.filter { $0.name == "setting" && $0.namespace == namespace }
        let choices = entries.compactMap { entry in entry["key"].map { UserChoice($0, entry["value"]) } }
        guard !choices.isEmpty, choices.count == entries.count else {
            return request.refuse(.badRequest("name at least one setting with its key"))
        }
        guard Set(choices.map(\.key)).count == choices.count, choices.count <= 100 else {
            return request.refuse(.badRequest("each setting once"))
        }
        server.choose(choices, of: user) { request.finish($0) }
    }

    static func element(_ settings: [UserSetting]) -> XMLElement {
        var policy = XMLElement("policy", namespace: namespace)
        for setting in settings {
            var element = XMLElement(
                "setting", namespace: namespace,
                attributes: [
                    "key": setting.key, "type": setting.kind.rawValue, "value": setting.value,
                    "default": setting.standard, "changeable": setting.isChangeable ? "true" : "false",
                    "chosen": setting.isChosen ? "true" : "false",
                ])
            element["min"] = setting.minimum.map(String.init)
            element["max"] = setting.maximum.map(String.init)
            element["zero"] = setting.zeroMeans
            element.append("title", setting.title)
            element.append("help", setting.help)
            for choice in setting.choices { element.append("option", choice) }
            policy.append(element)
        }
        return policy
    }

    /// Something is decided anew for a user: tells the clients that have asked before.
    static func push(_ home: UserHome, _ server: C2SServer) {
        guard home.endpoints.contains(where: { ($0 as? C2SSession)?.followsPolicy ?? false }) else { return }
        server.readSettings(of: home.jid) { settings in
            guard let settings else { return }
            let policy = element(settings)
            for case let session as C2SSession in home.endpoints where session.followsPolicy {
                let message = XMLElement(
                    "message", namespace: XMPPNamespace.client,
                    attributes: [
                        "type": "headline", "from": home.jid.description,
                        "to": String(decoding: session.address, as: UTF8.self),
                    ], children: [.element(policy)])
                session.deliver(message.stanzaBytes)
            }
        }
    }
}

/// The same for clients that know forms alone.
extension AdHocCommand {
    /// Stands for "as the administrator has decided".
    private static let undecided = "default"

    static var settings: AdHocCommand {
        AdHocCommand(node: "settings", name: "My settings", isAllowed: { $0.server.userSettings != nil }) {
            caller, then in
            caller.server.readSettings(of: caller.home.jid) { settings in
                guard let settings else { return then(.fail(StanzaError(.wait, .internalServerError))) }
                then(.ask(settingsStage(settings)))
            }
        }
    }

    private static func settingsStage(_ settings: [UserSetting]) -> CommandStage {
        let decided = settings.filter { !$0.isChangeable }.map { "\($0.title): \($0.value)" }
        let form = DataForm(
            .form, title: "My settings",
            instructions: ["What you do not choose is as your administrator has decided."]
                + (decided.isEmpty ? [] : ["Decided for you: \(decided.joined(separator: "; "))."]),
            fields: settings.filter(\.isChangeable).map(field))
        return CommandStage(form: form, isLast: true) { caller, answers, then in
            let choices = settings.filter(\.isChangeable).compactMap { choice(for: $0, answers) }
            guard !choices.isEmpty else { return then(.done("Nothing was changed.")) }
            caller.server.choose(choices, of: caller.home.jid) { error in
                guard let error else { return then(.done("Your settings are in force.")) }
                guard error.condition == .notAcceptable, let text = error.text else { return then(.fail(error)) }
                then(.refuse(text))
            }
        }
    }

    private static func field(_ setting: UserSetting) -> FormField {
        let decided = "As decided by the administrator (\(setting.standard))"
        switch setting.kind {
        case .toggle, .choice:
            let words = setting.kind == .toggle ? ["on", "off"] : setting.choices
            return FormField(
                setting.key, .listSingle, label: setting.title, description: setting.help,
                values: [setting.isChosen ? setting.value : undecided],
                options: [.init(undecided, label: decided)] + words.map { .init($0, label: $0) })
        case .integer, .text:
            return FormField(
                setting.key, .textSingle, label: "\(setting.title) (\(setting.allowed); empty: \(setting.standard))",
                description: setting.help, values: [setting.isChosen ? setting.value : ""])
        }
    }

    /// Nil where nothing changes.
    private static func choice(for setting: UserSetting, _ answers: FormAnswers) -> UserChoice? {
        guard answers.contains(setting.key) else { return nil }
        let answer = answers.text(setting.key) ?? ""
        let value: String? = answer.isEmpty || answer == undecided ? nil : answer
        return value == (setting.isChosen ? setting.value : nil) ? nil : UserChoice(setting.key, value)
    }
}
