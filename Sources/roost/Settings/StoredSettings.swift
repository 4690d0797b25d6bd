import IMCore
import Settings
import Storage

/// Stored values of settings by place, and what follows from them; a value.
struct StoredSettings: Sendable {
    typealias Values = [String: SettingValue]

    var deployment: Values = [:]
    /// By prepared domain.
    var domains: [String: Values] = [:]
    /// By bare address.
    var users: [String: Values] = [:]
    var version: Int64 = 0

    init() {}

    init(in transaction: any Transaction) throws {
        version = try SettingsStore.lastVersion(in: transaction)
        for (setting, text) in try SettingsStore.load(in: transaction) {
            self[setting] = SettingValue(json: text)
        }
    }

    subscript(_ setting: StoredSetting) -> SettingValue? {
        get {
            switch setting.scope {
            case "domain": domains[setting.subject]?[setting.key]
            case "user": users[setting.subject]?[setting.key]
            default: deployment[setting.key]
            }
        }
        set {
            switch setting.scope {
            case "domain":
                domains[setting.subject, default: [:]][setting.key] = newValue
                if domains[setting.subject]?.isEmpty ?? false { domains[setting.subject] = nil }
            case "user":
                users[setting.subject, default: [:]][setting.key] = newValue
                if users[setting.subject]?.isEmpty ?? false { users[setting.subject] = nil }
            default: deployment[setting.key] = newValue
            }
        }
    }

    // MARK: What is in force in a place

    /// The configuration with the values of a domain over it.
    func config(_ base: ServerConfig, domain: String) -> ServerConfig { applied(domains[domain], .domain, to: base) }

    /// The configuration with the values of a user and the user's domain over it.
    func config(_ base: ServerConfig, user: String) -> ServerConfig {
        let domain = user.split(separator: "@").last.map(String.init) ?? ""
        return applied(users[user], .user, to: config(base, domain: domain))
    }

    private func applied(_ values: Values?, _ scope: Setting.Scope, to base: ServerConfig) -> ServerConfig {
        guard let values else { return base }
        var config = base
        for (key, value) in values {
            // One that is no longer allowed counts as not there.
            guard let setting = Setting.byKey[key], setting.scopes.contains(scope) else { continue }
            _ = setting.set(value, in: &config)
        }
        return config
    }

    /// Everybody's policies. Those that did not change stay the same objects.
    ///
    /// - Parameter touched: users whose values may differ from what `old` was made of; nil for everybody.
    func policies(_ base: ServerConfig, old: PolicyTable, touched: Set<String>?) -> PolicyTable {
        func policy(_ config: ServerConfig, _ old: UserPolicy?, within domain: UserPolicy? = nil) -> UserPolicy {
            var values = UserPolicy.Values(config)
            if let domain { values = UserPolicy.values(values, within: domain.values) }
            if let old, old.values == values { return old }
            return UserPolicy(values)
        }
        var table = old
        if touched == nil {
            table.deployment = policy(base, old.deployment)
            table.domains = Dictionary(
                uniqueKeysWithValues: domains.keys.map { domain in
                    (domain, policy(config(base, domain: domain), old.domains[domain]))
                })
            table.users = [:]
        }
        for user in touched ?? Set(users.keys) {
            guard users[user] != nil else {
                table.users[user] = nil
                continue
            }
            let domain = table.policy(ofDomain: user.split(separator: "@").last.map(String.init) ?? "")
            table.users[user] = policy(config(base, user: user), old.users[user], within: domain)
        }
        return table
    }
}
