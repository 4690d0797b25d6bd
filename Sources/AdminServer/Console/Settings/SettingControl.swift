import Settings

/// One setting as the page shows it: texts, the control that suits it, and what is wrong with what was typed.
struct SettingControl: Sendable {
    struct Toggle: Sendable { var isOn: Bool }

    struct Number: Sendable {
        var shown: String
        var minimum: Int?
        var maximum: Int?
        var unit: String?
        var limitless: Limitless?
    }

    /// The box beside a number that means 0.
    struct Limitless: Sendable {
        var title: String
        var isOn: Bool
    }

    struct Choice: Sendable { var options: [FormModel.Option] }

    struct Text: Sendable {
        var type: String
        var shown: String
        var placeholder: String?
    }

    struct List: Sendable {
        var shown: String
        var placeholder: String
        var hint: String
    }

    /// The box that takes an own value away.
    struct Inherit: Sendable { var title: String }

    var key: String
    /// Of the element, for links to the setting.
    var id: String
    var title: String
    var help: String
    var alias: String?
    var range: String?
    /// Whether it differs from what comes with the server.
    var isChanged: Bool
    var changedText: String
    var defaultText: String
    var scopeText: String?
    var whoText: String?
    /// Cannot be changed here, or by this administrator.
    var isFixed: Bool
    var problem: String?
    var toggle: Toggle?
    var number: Number?
    var choice: Choice?
    var text: Text?
    var list: List?
    var inherit: Inherit?

    static func id(of key: String) -> String { "s-" + key.map { $0 == "." ? "-" : String($0) }.joined() }

    /// - Parameters:
    ///   - typed: what was typed, where the form came back with a problem.
    ///   - place: where the value counts.
    ///   - role: of who looks; nil for somebody who may change nothing.
    init(
        _ setting: AdminSetting, in place: AdminSettingPlace, role: AdminRole?, typed: SettingsForm.Typed? = nil,
        problem: String? = nil, _ language: ConsoleLanguage
    ) {
        let texts = SettingTexts(setting, language)
        key = setting.key
        id = Self.id(of: setting.key)
        title = texts.title
        help = texts.help
        alias = language.optional("setting.\(setting.key).alias")
        isChanged = setting.value != setting.standard
        changedText = language("settings.changed", ["value": texts.shown(setting.standard)])
        defaultText = language("settings.default", ["value": texts.shown(setting.standard)])
        scopeText =
            setting.scopes.contains(.user)
            ? language["settings.per_user"] : setting.scopes.contains(.domain) ? language["settings.per_domain"] : nil
        whoText =
            setting.isFileOnly
            ? language["settings.file_only"]
            : setting.isOwnedByUser
                ? language["settings.user_may"]
                : setting.changeableBy == [.superuser] ? language["settings.superuser_only"] : nil
        isFixed = role.map { !setting.changeableBy.contains($0) } ?? true
        self.problem = problem
        let own: AdminSetting.Source = [.deployment: .stored, .domain: .domain, .user: .user][place.scope] ?? .stored
        if setting.source == own, !isFixed {
            inherit = Inherit(
                title: language[place.scope == .deployment ? "settings.take_default" : "settings.take_inherited"])
        }
        let shown = typed?.text ?? SettingInput.text(setting.value, of: setting.form)
        switch setting.form {
        case .toggle: toggle = Toggle(isOn: typed.map { $0.text == "on" } ?? (setting.value == .boolean(true)))
        case .integer:
            let isZero = typed.map(\.isLimitless) ?? (setting.value == .integer(0))
            let isLimitless = texts.zero != nil && isZero
            number = Number(
                shown: isLimitless ? "" : shown, minimum: setting.minimum, maximum: setting.maximum, unit: texts.unit,
                limitless: texts.zero.map { Limitless(title: $0, isOn: isLimitless) })
            if let minimum = setting.minimum, let maximum = setting.maximum {
                range = language(
                    "settings.range",
                    ["minimum": ConsoleNumbers.grouped(minimum), "maximum": ConsoleNumbers.grouped(maximum)])
            }
        case .choice:
            choice = Choice(
                options: setting.choices.map { .init(value: $0, title: texts.choice($0), isChosen: $0 == shown) })
        case .text where setting.isSecret:
            text = Text(
                type: "password", shown: "",
                placeholder: setting.value == .text("") ? nil : language["settings.secret_hint"])
        case .text: text = Text(type: "text", shown: shown)
        case .listener: text = Text(type: "text", shown: shown, placeholder: language["settings.listener_hint"])
        case .paragraph: list = List(shown: shown, placeholder: "", hint: "")
        case .list: list = List(shown: shown, placeholder: "", hint: language["settings.one_per_line"])
        case .domains: list = List(shown: shown, placeholder: "", hint: language["settings.domains_hint"])
        case .components: list = List(shown: shown, placeholder: "", hint: language["settings.components_hint"])
        case .trunks: list = List(shown: shown, placeholder: "", hint: language["settings.trunks_hint"])
        case .routes: list = List(shown: shown, placeholder: "", hint: language["settings.routes_hint"])
        }
    }
}
