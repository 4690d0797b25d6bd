import Settings

/// Settings over the API: read, change, look back, go back.
enum SettingsOperations {
    private static let key = AdminOperation.Parameter.path(
        "key", "Key of the setting, as in docs/OPTIONS.md.", .string(1...128))
    private static let place: [AdminOperation.Parameter] = [
        .query("scope", "For whom: deployment, domain or user.", .words(Setting.Scope.allCases.map(\.rawValue))),
        .query("subject", "The domain or the address of the user; nothing for the deployment."),
    ]

    static let all: [AdminOperation] = [
        AdminOperation(
            "settings.list", .get, "/settings", "Every setting with its value, and where that comes from.",
            parameters: place + [.query("group", "Only settings of this group, such as `limits`.")],
            roles: .readers, result: AdminSettingsPage.self
        ) { call in
            let settings = try await call.settings.settings(in: try call.settingPlace)
            return AdminSettingsPage(
                version: try await call.settings.settingsVersion(),
                items: call["group"].map { group in settings.filter { $0.group == group } } ?? settings)
        },
        AdminOperation(
            "settings.get", .get, "/settings/{key}", "One setting.", parameters: [key] + place, roles: .readers,
            isResource: true, result: AdminSetting.self
        ) { call in try await setting(call) },
        AdminOperation(
            "settings.set", .put, "/settings/{key}",
            "Sets a value; it is in force when the answer comes, and no session ends.", parameters: [key] + place,
            body: AdminSettingBody.self, roles: .administrators, result: AdminSettingsOutcome.self
        ) { call, body in
            try await change(
                call, [.init(key: try call.text("key"), place: try call.settingPlace, value: body.value)],
                note: body.note ?? "", isDryRun: body.isDryRun ?? false)
        },
        AdminOperation(
            "settings.reset", .delete, "/settings/{key}",
            "Takes a stored value away: that of the file or the default counts again.", parameters: [key] + place,
            roles: .administrators, status: 200, result: AdminSettingsOutcome.self
        ) { call in
            try await change(
                call, [.init(key: try call.text("key"), place: try call.settingPlace, value: nil)])
        },
        AdminOperation(
            "settings.change", .post, "/settings-changes", "Changes many settings at once: all of them or none.",
            body: AdminSettingsChange.self, roles: .administrators, result: AdminSettingsOutcome.self
        ) { call, body in
            try await change(
                call, body.entries, note: body.note, isDryRun: body.isDryRun, expected: body.expectedVersion)
        },
        AdminOperation(
            "settings.history", .get, "/settings-versions", "Versions of the settings, the newest first.",
            parameters: [
                .query("key", "Only versions that changed this setting."),
                .query("before", "Only versions older than this one.", .integer(0...Int(Int32.max))),
                .query("limit", "Versions at most.", .integer(1...200)),
            ],
            roles: .readers, result: AdminSettingsVersions.self
        ) { call in
            AdminSettingsVersions(
                items: try await call.settings.settingsHistory(
                    .init(key: call["key"], before: call.integer("before"), limit: call.integer("limit") ?? 50)))
        },
        AdminOperation(
            "settings.diff", .get, "/settings-differences", "What differs between two versions.",
            parameters: [
                .query("from", "A version; 0 is before the first.", .integer(0...Int(Int32.max)), isRequired: true),
                .query("to", "A version; the last one when left out.", .integer(0...Int(Int32.max))),
            ],
            roles: .readers, result: AdminSettingDifferences.self
        ) { call in
            let last = try await call.settings.settingsVersion()
            return AdminSettingDifferences(
                items: try await call.settings.settingsDifference(
                    from: call.integer("from") ?? 0, to: call.integer("to") ?? last))
        },
        AdminOperation(
            "settings.rollback", .post, "/settings-rollbacks",
            "Makes the settings what they were after a version, as a new version.",
            body: AdminSettingsRollback.self, roles: .administrators, result: AdminSettingsOutcome.self
        ) { call, body in
            call.note.target = "version \(body.version)"
            let plan = try await call.settings.rollBackSettings(
                to: body.version, isDryRun: true, by: call.author)
            try requireSecretsOf(call, plan.differences.map(\.key))
            guard !(body.isDryRun ?? false) else { return plan }
            let outcome = try await call.settings.rollBackSettings(
                to: body.version, isDryRun: false, by: call.author)
            tell(call, outcome)
            return outcome
        },
    ]

    private static func setting(_ call: OperationCall) async throws -> AdminSetting {
        let key = try call.text("key")
        let place = try call.settingPlace
        guard let setting = try await call.settings.settings(in: place).first(where: { $0.key == key }) else {
            let exists = Setting.byKey[key] != nil
            throw AdminError(
                .notFound, exists ? "\(key) has no values for a \(place.scope.rawValue)" : "there is no setting \(key)")
        }
        return setting
    }

    private static func change(
        _ call: OperationCall, _ entries: [AdminSettingsChange.Entry], note: String = "", isDryRun: Bool = false,
        expected: Int? = nil
    ) async throws -> AdminSettingsOutcome {
        call.note.target = entries.map(\.key).prefix(20).joined(separator: " ")
        try requireSecretsOf(call, entries.map(\.key))
        let outcome = try await call.settings.changeSettings(
            .init(entries: entries, note: note, isDryRun: isDryRun, expectedVersion: expected), by: call.author)
        tell(call, outcome)
        return outcome
    }

    private static func tell(_ call: OperationCall, _ outcome: AdminSettingsOutcome) {
        func line(_ side: (AdminSettingDifference) -> SettingValue) -> String {
            String(outcome.differences.map { "\($0.key)=\(side($0).shown)" }.joined(separator: " ").prefix(1_000))
        }
        (call.note.before, call.note.after) = (line(\.from), line(\.to))
    }

    /// Secrets and certificates are for superusers.
    private static func requireSecretsOf(_ call: OperationCall, _ keys: [String]) throws {
        guard call.principal.role != .superuser else { return }
        for key in keys {
            guard let setting = Setting.byKey[key] else { continue }
            if setting.holdsSecrets {
                throw AdminError(.forbidden, "\(key) holds secrets: only a superuser changes it")
            }
        }
    }
}

extension OperationCall {
    var settings: any AdminSettings {
        get throws { try part(admin.parts.settings) }
    }

    var author: AdminAuthor { AdminAuthor(name: principal.name, origin: peer) }

    /// A part of the server that tests may leave out.
    func part<Part>(_ part: Part?) throws -> Part {
        guard let part else { throw AdminError(.unavailable, "this server does not offer that") }
        return part
    }

    fileprivate var settingPlace: AdminSettingPlace {
        get throws {
            let scope = self["scope"].flatMap { Setting.Scope(rawValue: $0) } ?? .deployment
            return AdminSettingPlace(scope, self["subject"] ?? "")
        }
    }
}

public struct AdminSettingsPage: Codable, Sendable, Equatable {
    /// The version in force.
    public var version: Int
    public var items: [AdminSetting]
}

public struct AdminSettingBody: Codable, Sendable, Equatable {
    public var value: SettingValue
    public var note: String?
    public var isDryRun: Bool?

    public init(value: SettingValue, note: String? = nil, isDryRun: Bool? = nil) {
        self.value = value
        self.note = note
        self.isDryRun = isDryRun
    }
}

public struct AdminSettingsVersions: Codable, Sendable, Equatable {
    public var items: [AdminSettingsVersion]
}

public struct AdminSettingDifferences: Codable, Sendable, Equatable {
    public var items: [AdminSettingDifference]
}

public struct AdminSettingsRollback: Codable, Sendable, Equatable {
    public var version: Int
    public var isDryRun: Bool?

    public init(version: Int, isDryRun: Bool? = nil) {
        self.version = version
        self.isDryRun = isDryRun
    }
}

extension SettingValue: SchemaDescribed {
    public static var schema: JSONSchema { .any }
    public static var placeholder: SettingValue { .text("") }
}
