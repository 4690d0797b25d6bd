import Settings

/// What came back from a page of settings, compared with the settings in force.
struct SettingsForm: Sendable {
    /// What was typed for one setting.
    struct Typed: Sendable, Equatable {
        var text: String
        /// The box for 0 is ticked.
        var isLimitless = false
        /// The own value goes, and what lies below counts again.
        var isInherited = false
    }

    /// Settings that the form had and that may be changed, with what was typed.
    private(set) var typed: [String: Typed] = [:]
    /// What differs.
    private(set) var entries: [AdminSettingsChange.Entry] = []
    /// What cannot be a value at all, by key.
    private(set) var problems: [String: String] = [:]

    init(_ form: ConsoleForm, settings: [AdminSetting], in place: AdminSettingPlace, _ language: ConsoleLanguage) {
        var values: [String: String] = [:]
        for field in form.fields where values[field.name] == nil { values[field.name] = field.value }
        for setting in settings where values["has:\(setting.key)"] != nil && !setting.isFileOnly {
            let key = setting.key
            let given = values["set:\(key)"]
            let text = setting.form == .toggle ? (given == nil ? "off" : "on") : given ?? ""
            let typed = Typed(
                text: text, isLimitless: setting.zeroMeans != nil && values["limitless:\(key)"] != nil,
                isInherited: values["inherit:\(key)"] != nil)
            self.typed[key] = typed
            if typed.isInherited {
                entries.append(.init(key: key, place: place, value: nil))
                continue
            }
            // A disabled control is not sent, an empty secret stays as it is.
            guard given != nil || setting.form == .toggle || typed.isLimitless, !(setting.isSecret && text.isEmpty)
            else { continue }
            guard let value = typed.isLimitless ? .integer(0) : SettingInput.value(text, of: setting.form) else {
                problems[key] = language[setting.form == .integer ? "settings.not_a_number" : "settings.not_a_listener"]
                continue
            }
            if Self.normalised(value) != Self.normalised(setting.value) {
                entries.append(.init(key: key, place: place, value: value))
            }
        }
    }

    /// Browsers send line ends as CR LF.
    private static func normalised(_ value: SettingValue) -> SettingValue {
        guard case .text(let text) = value, text.utf8.contains(13) else { return value }
        return .text(text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: "\n"))
    }

    /// The entries as hidden fields of the review.
    static func hidden(_ entries: [AdminSettingsChange.Entry]) -> [HiddenField] {
        entries.map { HiddenField(name: "entry:\($0.key)", value: $0.value?.json ?? "") }
    }

    /// The entries of a review that came back.
    static func entries(_ form: ConsoleForm, in place: AdminSettingPlace) throws -> [AdminSettingsChange.Entry] {
        try form.fields.filter { $0.name.hasPrefix("entry:") }.map { field in
            let key = String(field.name.dropFirst(6))
            if field.value.isEmpty { return .init(key: key, place: place, value: nil) }
            guard let value = SettingValue(json: field.value) else {
                throw AdminError(.badRequest, "the value of \(key) is not JSON")
            }
            return .init(key: key, place: place, value: value)
        }
    }
}

struct HiddenField: Sendable, Equatable {
    var name: String
    var value: String
}
