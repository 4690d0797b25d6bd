import AdminServer
import Settings

/// Settings of a server without a server: the registry's own checks over a configuration in memory.
actor MemorySettings: AdminSettings {
    private var config = ServerConfig()
    private var users: [String: [String: SettingValue]] = [:]
    private var versions: [AdminSettingsVersion] = []
    private var states: [ServerConfig] = [ServerConfig()]

    func settingsVersion() -> Int { versions.count }

    func settings(in place: AdminSettingPlace) -> [AdminSetting] {
        Setting.all.filter { $0.scopes.contains(place.scope) }.map { setting in
            let own = users[place.subject]?[setting.dottedPath]
            let value = own ?? setting.shownValue(in: config)
            let source: AdminSetting.Source =
                own != nil ? .user : value == setting.shownValue(in: ServerConfig()) ? .standard : .stored
            return AdminSetting(setting, value: value, source: source)
        }
    }

    func changeSettings(_ change: AdminSettingsChange, by author: AdminAuthor) throws -> AdminSettingsOutcome {
        if let expected = change.expectedVersion, expected != versions.count {
            throw AdminError(.conflict, "somebody else made version \(versions.count)")
        }
        var next = config
        var differences: [AdminSettingDifference] = []
        for entry in change.entries {
            guard let setting = Setting.byKey[entry.key] else { throw AdminError(.invalid, "no \(entry.key)") }
            var place = entry.place.scope == .user ? config : next
            let old = entry.place.scope == .user ? users[entry.place.subject]?[entry.key] : nil
            let before = old ?? setting.shownValue(in: place)
            let problems = setting.set(entry.value ?? setting.value(in: ServerConfig()), in: &place)
            guard problems.isEmpty else {
                throw AdminError(.invalid, problems.map(\.text).joined(separator: "; "))
            }
            if entry.place.scope == .user {
                if !change.isDryRun { users[entry.place.subject, default: [:]][entry.key] = entry.value }
            } else {
                next = place
            }
            differences.append(
                .init(key: entry.key, place: entry.place, from: before, to: setting.shownValue(in: place)))
        }
        if !change.isDryRun { keep(next, differences, author, change.note) }
        return AdminSettingsOutcome(version: versions.count, differences: differences)
    }

    private func keep(
        _ next: ServerConfig, _ differences: [AdminSettingDifference], _ author: AdminAuthor, _ note: String
    ) {
        config = next
        states.append(next)
        versions.append(
            AdminSettingsVersion(
                version: versions.count + 1, at: "2026-01-01T00:00:00Z", author: author, note: note,
                changes: differences.map {
                    .init(
                        key: $0.key, scope: $0.place.scope.rawValue, subject: $0.place.subject, before: $0.from,
                        after: $0.to)
                }))
    }

    func settingsHistory(_ query: AdminSettingsHistoryQuery) -> [AdminSettingsVersion] {
        Array(versions.reversed().filter { $0.version < query.before ?? .max }.prefix(query.limit))
    }

    func settingsDifference(from: Int, to: Int) throws -> [AdminSettingDifference] {
        guard states.indices.contains(from), states.indices.contains(to) else {
            throw AdminError(.notFound, "no version")
        }
        return Setting.all.compactMap { setting in
            let (one, other) = (setting.shownValue(in: states[from]), setting.shownValue(in: states[to]))
            return one == other
                ? nil : .init(key: setting.dottedPath, place: AdminSettingPlace(), from: one, to: other)
        }
    }

    func rollBackSettings(
        to version: Int, isDryRun: Bool, by author: AdminAuthor
    ) throws -> AdminSettingsOutcome {
        let differences = try settingsDifference(from: versions.count, to: version)
        if !isDryRun { keep(states[version], differences, author, "back to version \(version)") }
        return AdminSettingsOutcome(version: versions.count, differences: differences)
    }
}
