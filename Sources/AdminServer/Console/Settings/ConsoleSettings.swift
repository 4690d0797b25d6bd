import Settings

/// The operations on settings, as the pages use them.
struct ConsoleSettings: Sendable {
    private let request: ConsoleRequest

    init(_ request: ConsoleRequest) {
        self.request = request
    }

    /// Every setting that has values in `place`, in the order of the reference.
    func all(in place: AdminSettingPlace = AdminSettingPlace()) async throws -> [AdminSetting] {
        try await page(in: place).items
    }

    private func page(in place: AdminSettingPlace) async throws -> AdminSettingsPage {
        try await request.perform("settings.list", ["scope": place.scope.rawValue, "subject": place.subject])
    }

    func change(_ change: AdminSettingsChange) async throws -> AdminSettingsOutcome {
        try await request.perform("settings.change", body: change)
    }

    func history(before version: Int?) async throws -> [AdminSettingsVersion] {
        let found: AdminSettingsVersions = try await request.perform(
            "settings.history", ["before": version.map { "\($0)" }, "limit": "\(ConsolePager.size)"])
        return found.items
    }

    /// What would change if a version came back.
    func difference(to version: Int) async throws -> AdminSettingsOutcome {
        let current = try await self.version()
        let found: AdminSettingDifferences = try await request.perform(
            "settings.diff", ["from": "\(current)", "to": "\(version)"])
        return AdminSettingsOutcome(version: current, differences: found.items)
    }

    func rollBack(to version: Int, isDryRun: Bool) async throws -> AdminSettingsOutcome {
        try await request.perform(
            "settings.rollback", body: AdminSettingsRollback(version: version, isDryRun: isDryRun))
    }

    /// The version in force.
    func version() async throws -> Int { try await page(in: AdminSettingPlace()).version }
}

/// What a setting and its values are called in a language.
struct SettingTexts: Sendable {
    let setting: AdminSetting
    let language: ConsoleLanguage

    init(_ setting: AdminSetting, _ language: ConsoleLanguage) {
        self.setting = setting
        self.language = language
    }

    var title: String { language.optional("setting.\(setting.key).title") ?? setting.title }
    var help: String { language.optional("setting.\(setting.key).help") ?? setting.help }
    var unit: String? {
        setting.unit.isEmpty ? nil : language.optional("unit.\(setting.unit)") ?? setting.unit
    }

    /// What 0 means where it is no number of the range: `No limit`.
    var zero: String? {
        setting.zeroMeans.map { meaning in
            language.optional("zero.\(meaning.replacingSpaces)") ?? meaning.prefix(1).uppercased() + meaning.dropFirst()
        }
    }

    func choice(_ value: String) -> String {
        language.optional("choice.\(setting.key).\(value)") ?? language.optional("choice.\(value)") ?? value
    }

    /// A value for people.
    func shown(_ value: SettingValue) -> String {
        switch value {
        case .boolean(let isOn): return language[isOn ? "settings.on" : "settings.off"]
        case .integer(0) where zero != nil: return zero ?? "0"
        case .integer(let number):
            let grouped = ConsoleNumbers.grouped(number)
            return unit.map { "\(grouped) \($0)" } ?? grouped
        case .text(let text) where text.isEmpty: return language["settings.empty"]
        case .text(let text): return setting.form == .choice ? choice(text) : text
        case .list, .group:
            let text = SettingInput.text(value, of: setting.form).split(separator: "\n").joined(separator: ", ")
            return text.isEmpty ? language["settings.empty"] : text
        }
    }
}

extension String {
    fileprivate var replacingSpaces: String { split(separator: " ").joined(separator: "_") }
}
