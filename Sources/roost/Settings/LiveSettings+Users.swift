import AdminServer
import IMCore
import Settings
import XMPPServer
import XMPPWire

/// What users see of the settings and choose for themselves.
extension LiveSettings: UserSettings {
    /// Not for users to choose, but for their clients to know.
    private static let published: Set<String> = [
        "messaging.enabled", "messaging.allow_history", "messaging.allow_cut_paste", "messaging.multiple_devices",
    ]

    func settings(of user: JID) async throws -> [UserSetting] {
        let address = user.bare.description
        let own = stored.config(layered.config, user: address)
        let decided = stored.config(layered.config, domain: user.domain)
        return Setting.all.filter { $0.isOwnedByUser || Self.published.contains($0.dottedPath) }.map { setting in
            let isFixed = Self.isFixed(setting, decided)
            return UserSetting(
                key: setting.dottedPath, title: setting.title, help: setting.summary,
                kind: UserSetting.Kind(setting.form),
                value: setting.shownValue(in: isFixed ? decided : own).shown,
                standard: setting.shownValue(in: decided).shown, allowed: setting.allowed, choices: setting.choices,
                minimum: setting.range?.lowerBound, maximum: setting.range?.upperBound, zeroMeans: setting.zeroMeans,
                isChangeable: setting.isOwnedByUser && !isFixed,
                isChosen: stored.users[address]?[setting.dottedPath] != nil)
        }
    }

    /// Switched off above the user, who cannot switch it on (`UserPolicy.values(_:within:)`).
    private static func isFixed(_ setting: Setting, _ decided: ServerConfig) -> Bool {
        setting.dottedPath == "presence.sharing" && !decided.presence.sharing
    }

    func choose(_ choices: [UserChoice], of user: JID) async throws {
        let address = user.bare.description
        let decided = stored.config(layered.config, domain: user.domain)
        var wishes: [Wish] = []
        for choice in choices {
            guard let setting = Setting.byKey[choice.key] else {
                throw UserSettingProblem(.unknown, "there is no setting \(choice.key)")
            }
            guard setting.isOwnedByUser else {
                throw UserSettingProblem(.notAllowed, "\(choice.key) is not for users to choose")
            }
            guard choice.value == nil || !Self.isFixed(setting, decided) else {
                throw UserSettingProblem(.notAllowed, "\(choice.key) is switched off for everybody")
            }
            wishes.append(
                Wish(
                    setting: StoredSetting(scope: "user", subject: address, key: choice.key),
                    value: choice.value.map { .text($0) }))
        }
        let final = wishes
        do {
            _ = try await change(
                { _ in final }, by: Author(name: address, origin: "client", note: ""), isDryRun: false)
        } catch let error as AdminError {
            throw UserSettingProblem(error.condition == .invalid ? .invalid : .unavailable, error.text)
        }
    }
}

extension UserSetting.Kind {
    init(_ form: Setting.Form) {
        switch form {
        case .toggle: self = .toggle
        case .integer: self = .integer
        case .choice: self = .choice
        default: self = .text
        }
    }
}
