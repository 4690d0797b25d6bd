import AdminServer
import Foundation
import Ground
import IMCore
import Settings
import Storage
import XMPPWire

extension LiveSettings: AdminSettings {
    func settingsVersion() async throws -> Int { Int(stored.version) }

    func settings(in place: AdminSettingPlace) async throws -> [AdminSetting] {
        let place = try prepared(place)
        let config = config(in: place)
        return Setting.all.filter { $0.scopes.contains(place.scope) }.map { setting in
            AdminSetting(setting, value: setting.shownValue(in: config), source: source(of: setting, in: place))
        }
    }

    private func config(in place: AdminSettingPlace) -> ServerConfig {
        switch place.scope {
        case .deployment: layered.config
        case .domain: stored.config(layered.config, domain: place.subject)
        case .user: stored.config(layered.config, user: place.subject)
        }
    }

    private func source(of setting: Setting, in place: AdminSettingPlace) -> AdminSetting.Source {
        let key = setting.dottedPath
        let domain =
            switch place.scope {
            case .deployment: ""
            case .domain: place.subject
            case .user: place.subject.split(separator: "@").last.map(String.init) ?? ""
            }
        if place.scope == .user, stored.users[place.subject]?[key] != nil { return .user }
        if stored.domains[domain]?[key] != nil { return .domain }
        if stored.deployment[key] != nil { return .stored }
        return layered.keysInFile.contains(key) ? .file : .standard
    }

    /// The place with a prepared subject; it has to exist.
    private func prepared(_ place: AdminSettingPlace) throws -> AdminSettingPlace {
        switch place.scope {
        case .deployment:
            guard place.subject.isEmpty else {
                throw AdminError(.invalid, "values of the deployment have no subject, found \(place.subject)")
            }
            return place
        case .domain:
            let domain = (try? JIDPreparation.domainpart(place.subject)) ?? ""
            guard layered.config.domains.contains(where: { $0.name == domain }) else {
                throw AdminError(.notFound, "\(place.subject) is not a domain of this server")
            }
            return AdminSettingPlace(.domain, domain)
        case .user:
            guard let jid = try? JID(parsing: place.subject), jid.local != nil, jid.isBare,
                layered.config.domains.contains(where: { $0.name == jid.domain })
            else { throw AdminError(.notFound, "\(place.subject) is not an address of a user of this server") }
            return AdminSettingPlace(.user, jid.description)
        }
    }

    func changeSettings(_ change: AdminSettingsChange, by author: AdminAuthor) async throws -> AdminSettingsOutcome {
        guard 1...AdminSettingsChange.limit ~= change.entries.count else {
            throw AdminError(.invalid, "a change has 1 … \(AdminSettingsChange.limit) values")
        }
        guard change.note.count <= 500 else { throw AdminError(.invalid, "a note has at most 500 characters") }
        var seen: Set<String> = []
        var wishes: [Wish] = []
        for entry in change.entries {
            let place = try prepared(entry.place)
            guard seen.insert("\(place.scope.rawValue) \(place.subject) \(entry.key)").inserted else {
                throw AdminError(.invalid, "\(entry.key) is given twice")
            }
            let setting = StoredSetting(scope: place.scope.rawValue, subject: place.subject, key: entry.key)
            wishes.append(Wish(setting: setting, value: entry.value))
        }
        let users = wishes.filter { $0.setting.scope == "user" }.map(\.setting.subject)
        try await requireAccounts(Set(users))
        let final = wishes
        return try await self.change(
            { _ in final }, by: Author(name: author.name, origin: author.origin, note: change.note),
            expectedVersion: change.expectedVersion, isDryRun: change.isDryRun)
    }

    /// A user's own choice: only settings that users own, only for himself.
    ///
    /// - Parameter value: nil to go back to what the administrator decided.
    func chooseForUser(_ user: JID, _ key: String, _ value: SettingValue?) async throws -> AdminSettingsOutcome {
        guard let setting = Setting.byKey[key], setting.isOwnedByUser else {
            throw AdminError(.invalid, "\(key) is not for users to choose")
        }
        let wish = StoredSetting(scope: "user", subject: user.bare.description, key: key)
        return try await change(
            { _ in [Wish(setting: wish, value: value)] },
            by: Author(name: user.bare.description, origin: "client", note: ""),
            isDryRun: false)
    }

    private func requireAccounts(_ users: Set<String>) async throws {
        guard !users.isEmpty else { return }
        let missing = try await accountsMissing(users)
        if let user = missing.first { throw AdminError(.notFound, "there is no account \(user)") }
    }

    func settingsHistory(_ query: AdminSettingsHistoryQuery) async throws -> [AdminSettingsVersion] {
        guard 1...200 ~= query.limit else { throw AdminError(.invalid, "limit is 1 … 200") }
        return try await versions(query).map { version in
            AdminSettingsVersion(
                version: Int(version.version), at: Timestamp.format(version.at),
                author: AdminAuthor(name: version.actor, origin: version.origin), note: version.note,
                changes: version.changes.map { change in
                    func shown(_ json: String?) -> SettingValue? {
                        guard let value = json.flatMap({ SettingValue(json: $0) }) else { return nil }
                        return Setting.byKey[change.setting.key]?.masked(value) ?? value
                    }
                    return .init(
                        key: change.setting.key, scope: change.setting.scope, subject: change.setting.subject,
                        before: shown(change.before), after: shown(change.after))
                })
        }
    }

    func settingsDifference(from: Int, to: Int) async throws -> [AdminSettingDifference] {
        let (one, other) = (try await storedSettings(after: from), try await storedSettings(after: to))
        let places = one.places.union(other.places).filter { one[$0] != other[$0] }
        let changes = places.map { SettingChange($0, before: nil, after: nil) }
        return Self.differences(
            changes, from: (one, try config(one.deployment)), to: (other, try config(other.deployment)))
    }

    /// With values that were stored once and are not allowed any more left out.
    private func config(_ values: StoredSettings.Values) throws -> ServerConfig {
        var config = layered.file
        for setting in Setting.all {
            if let value = values[setting.dottedPath] { _ = setting.set(value, in: &config) }
        }
        return config
    }

    func rollBackSettings(
        to version: Int, isDryRun: Bool, by author: AdminAuthor
    ) async throws -> AdminSettingsOutcome {
        let target = try await storedSettings(after: version)
        return try await change(
            { current in
                current.places.union(target.places).filter { current[$0] != target[$0] }.map {
                    Wish(setting: $0, value: target[$0])
                }
            }, by: Author(name: author.name, origin: author.origin, note: "back to version \(version)"),
            isDryRun: isDryRun)
    }

    // MARK: Comparing

    static func differences(
        _ changes: [SettingChange], from old: (StoredSettings, ServerConfig), to new: (StoredSettings, ServerConfig)
    ) -> [AdminSettingDifference] {
        changes.compactMap { change -> AdminSettingDifference? in
            guard let setting = Setting.byKey[change.setting.key],
                let scope = Setting.Scope(rawValue: change.setting.scope)
            else { return nil }
            let subject = change.setting.subject
            func config(_ side: (StoredSettings, ServerConfig)) -> ServerConfig {
                switch scope {
                case .deployment: side.1
                case .domain: side.0.config(side.1, domain: subject)
                case .user: side.0.config(side.1, user: subject)
                }
            }
            return AdminSettingDifference(
                key: setting.dottedPath, place: AdminSettingPlace(scope, subject),
                from: setting.shownValue(in: config(old)), to: setting.shownValue(in: config(new)))
        }.sorted { ($0.key, $0.place.subject) < ($1.key, $1.place.subject) }
    }

    static func remarks(_ differences: [AdminSettingDifference]) -> [String] {
        differences.compactMap { difference -> String? in
            switch difference.key {
            case _ where difference.key.hasPrefix("listen."):
                "\(difference.key) moves; connections that are open stay"
            case "domains": "sessions of a domain that is taken away end; others stay"
            case "rooms.subdomain", "rooms.enabled": "whoever is in a room of the old address has to leave it"
            case "files.path": "files in the old folder are not moved and cannot be fetched until the path is back"
            default: nil
            }
        }
    }
}

extension StoredSettings {
    /// Every place that has a value.
    var places: Set<StoredSetting> {
        var result = Set(deployment.keys.map { StoredSetting(scope: "deployment", subject: "", key: $0) })
        for (domain, values) in domains {
            for key in values.keys { result.insert(StoredSetting(scope: "domain", subject: domain, key: key)) }
        }
        for (user, values) in users {
            for key in values.keys { result.insert(StoredSetting(scope: "user", subject: user, key: key)) }
        }
        return result
    }
}
