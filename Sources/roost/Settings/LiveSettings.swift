import AdminServer
import Foundation
import Ground
import IMCore
import Logging
import Settings
import Storage
import XMPPWire

/// The settings of the running server: file, stored values, versions; every change is checked whole, stored, and taken
/// into use without a restart.
///
/// Changes happen one after the other. `Server` is the target that takes them into use.
actor LiveSettings {
    /// What takes a configuration into use.
    protocol Target: Sendable {
        /// Does all that can fail, without effect on anybody: certificates, folders, sockets.
        func prepare(_ config: ServerConfig) async throws -> Listeners.Move
        func commit(_ config: ServerConfig, _ policies: PolicyTable, _ move: Listeners.Move) async
        func undo(_ move: Listeners.Move) async
    }

    nonisolated let live: LiveConfig
    private let path: String
    private let database: any Database
    private let target: any Target
    private let time: any TimeSource
    private let logger: Logger
    private(set) var stored: StoredSettings
    private(set) var layered: LayeredConfig
    private(set) var policies: PolicyTable
    private var fileStamp: FileStamp?
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var observers: [@Sendable (ServerConfig, Set<String>) -> Void] = []

    init(
        path: String, stored: StoredSettings, layered: LayeredConfig, policies: PolicyTable, live: LiveConfig,
        database: any Database, target: any Target, time: any TimeSource, logger: Logger
    ) {
        self.path = path
        self.stored = stored
        self.layered = layered
        self.policies = policies
        self.live = live
        self.database = database
        self.target = target
        self.time = time
        self.logger = logger
        fileStamp = FileStamp(path)
    }

    /// Calls `body` after each change with the configuration in force and the keys that differ.
    func observe(_ body: @escaping @Sendable (ServerConfig, Set<String>) -> Void) { observers.append(body) }

    // MARK: One change at a time

    private func begin() async {
        guard isBusy else {
            isBusy = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func end() {
        if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
    }

    // MARK: Changing

    struct Author: Sendable {
        var name: String
        var origin: String
        var note: String
    }

    /// A stored value, or nil to take it away, for each place.
    struct Wish: Sendable {
        var setting: StoredSetting
        var value: SettingValue?
    }

    /// Checks wishes and, unless it is a dry run, stores them and takes them into use: all or none.
    func change(
        _ wishes: @Sendable (StoredSettings) throws -> [Wish], by author: Author, expectedVersion: Int? = nil,
        isDryRun: Bool
    ) async throws -> AdminSettingsOutcome {
        await begin()
        defer { end() }
        if let expectedVersion, Int64(expectedVersion) != stored.version {
            throw AdminError(
                .conflict, "the settings are at version \(stored.version), not \(expectedVersion): look at them again")
        }
        var next = stored
        var changes: [SettingChange] = []
        for wish in try wishes(stored) {
            let value = try normalised(wish, in: next)
            let before = next[wish.setting]
            guard before != value else { continue }
            next[wish.setting] = value
            changes.append(SettingChange(wish.setting, before: before?.json, after: value?.json))
        }
        let layered = try load(next.deployment, self.layered.text)
        let differences = Self.differences(changes, from: (stored, self.layered.config), to: (next, layered.config))
        let remarks = Self.remarks(differences)
        guard !isDryRun, !changes.isEmpty else {
            return AdminSettingsOutcome(version: Int(stored.version), differences: differences, remarks: remarks)
        }
        next.version += 1
        let version = SettingsVersion(
            version: next.version, at: time.now, actor: author.name, origin: author.origin, note: author.note,
            changes: changes)
        try await takeIntoUse(layered, next, version)
        return AdminSettingsOutcome(version: Int(next.version), differences: differences, remarks: remarks)
    }

    /// The value as it is stored; checked.
    private func normalised(_ wish: Wish, in stored: StoredSettings) throws -> SettingValue? {
        let place = wish.setting
        guard let setting = Setting.byKey[place.key] else {
            throw AdminError(.invalid, "there is no setting \(place.key)")
        }
        guard let scope = Setting.Scope(rawValue: place.scope), setting.scopes.contains(scope) else {
            throw AdminError(.invalid, "\(place.key) has no values for a \(place.scope)")
        }
        guard !setting.isFileOnly else {
            throw AdminError(
                .invalid,
                "\(place.key) stands in the file only and is read at the start: it says where the settings are")
        }
        guard let value = wish.value else { return nil }
        var config =
            switch scope {
            case .deployment: layered.config
            case .domain: stored.config(layered.config, domain: place.subject)
            case .user: stored.config(layered.config, user: place.subject)
            }
        let problems = setting.set(value, in: &config)
        if let problem = problems.first {
            throw AdminError(.invalid, "\(problem.key ?? place.key): \(problem.text)")
        }
        return setting.value(in: config)
    }

    /// - Parameter text: what the file says; the last text that was in order unless the file is to be read again.
    private func load(_ values: StoredSettings.Values, _ text: String?) throws -> LayeredConfig {
        do {
            return try ConfigLoader.load(path: path, text: text, stored: values)
        } catch {
            throw AdminError(
                .invalid,
                error.problems.map { problem in
                    problem.key.map { "\($0): \(problem.text)" } ?? "\(problem.file): \(problem.text)"
                }.joined(separator: "\n"))
        }
    }

    private func takeIntoUse(
        _ layered: LayeredConfig, _ next: StoredSettings, _ version: SettingsVersion
    ) async throws {
        let move: Listeners.Move
        do {
            move = try await target.prepare(layered.config)
        } catch {
            throw AdminError(.invalid, "\(error)")
        }
        do {
            try await database.write { try SettingsStore.record(version, in: $0) }
        } catch {
            await target.undo(move)
            throw AdminError(.unavailable, "the change could not be stored: \(error)")
        }
        let touched = Set(
            version.changes.filter { $0.setting.scope == "user" }.map(\.setting.subject))
        let isForUsersOnly = version.changes.allSatisfy { $0.setting.scope == "user" }
        policies = next.policies(layered.config, old: policies, touched: isForUsersOnly ? touched : nil)
        let before = self.layered.config
        self.layered = layered
        stored = next
        live.exchange(layered.config)
        await target.commit(layered.config, policies, move)
        let keys = Set(version.changes.map(\.setting.key))
        logger.notice(
            "settings changed",
            metadata: ["version": "\(version.version)", "by": "\(version.actor)", "keys": "\(keys.sorted())"])
        if before != layered.config || !keys.isEmpty { for observer in observers { observer(layered.config, keys) } }
    }

    // MARK: The file

    /// Takes up the file when it is another one than at the last look. A file with problems changes nothing.
    func lookAtFile() async {
        let stamp = FileStamp(path)
        guard stamp != nil, stamp != fileStamp else { return }
        await begin()
        defer { end() }
        fileStamp = stamp
        do {
            let layered = try load(stored.deployment, nil)
            let changes = Setting.all.compactMap { setting -> SettingChange? in
                let (before, after) = (setting.value(in: self.layered.file), setting.value(in: layered.file))
                guard before != after else { return nil }
                guard !setting.isFileOnly else {
                    logger.warning(
                        "a setting takes effect at the next start", metadata: ["key": "\(setting.dottedPath)"])
                    return nil
                }
                return SettingChange(
                    StoredSetting(scope: "file", subject: "", key: setting.dottedPath), before: before.json,
                    after: after.json)
            }
            guard !changes.isEmpty else {
                self.layered.keysInFile = layered.keysInFile
                self.layered.text = layered.text
                return
            }
            var next = stored
            next.version += 1
            try await takeIntoUse(
                layered, next,
                SettingsVersion(
                    version: next.version, at: time.now, actor: "file", origin: path, note: "", changes: changes))
        } catch {
            logger.error(
                "the configuration file is not in order and changes nothing", metadata: ["problems": "\(error)"])
        }
    }

    // MARK: The store

    func versions(_ query: AdminSettingsHistoryQuery) async throws -> [SettingsVersion] {
        let before = query.before.map(Int64.init)
        return try await database.read {
            try SettingsStore.versions(before: before, key: query.key, limit: query.limit, in: $0)
        }
    }

    /// What was stored after a version; 0 is before the first.
    func storedSettings(after version: Int) async throws -> StoredSettings {
        var result = stored
        guard 0...result.version ~= Int64(version) else {
            throw AdminError(.notFound, "there is no version \(version); the last one is \(result.version)")
        }
        let last = result.version
        let changes = try await database.read {
            try SettingsStore.changes(after: Int64(version), upTo: last, in: $0)
        }
        for change in changes.reversed() where change.setting.scope != "file" {
            result[change.setting] = change.before.flatMap { SettingValue(json: $0) }
        }
        result.version = Int64(version)
        return result
    }

    func accountsMissing(_ users: Set<String>) async throws -> [String] {
        try await database.read { transaction in
            try users.sorted().filter { user in
                guard let jid = try? JID(parsing: user) else { return true }
                return try AccountStore.account(jid, in: transaction) == nil
            }
        }
    }

    /// An account is gone.
    func forget(user: String) async {
        await begin()
        defer { end() }
        guard stored.users[user] != nil else { return }
        stored.users[user] = nil
        policies.users[user] = nil
        try? await database.write { try SettingsStore.forget(user: user, in: $0) }
    }
}

/// Tells whether a file is another one than before.
struct FileStamp: Equatable {
    private var modified: Date?
    private var size: Int
    private var number: UInt64

    init?(_ path: String) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
        modified = attributes[.modificationDate] as? Date
        size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        number = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
    }
}
