import IMCore
import NIOCore
import XMPPServer
import XMPPWire

/// Two settings of users in the place of the composition's: one that they may choose, one that they may only read.
actor SceneUserSettings: UserSettings {
    private var policies: ScenePolicies
    private var chosen: [String: String] = [:]
    private let use: @Sendable (PolicyTable) async -> Void

    init(_ policies: ScenePolicies, use: @escaping @Sendable (PolicyTable) async -> Void) {
        self.policies = policies
        self.use = use
    }

    /// The administrator has decided something else.
    func decided(_ policies: ScenePolicies) { self.policies = policies }

    func settings(of user: JID) async throws -> [UserSetting] {
        let address = user.bare.description
        let decided = policies.table.policy(for: user).values.messaging
        let standard = decided.locksForks ? "on" : "off"
        return [
            UserSetting(
                key: "messaging.fork_lock", title: "Lock conversations", help: "Help.", kind: .toggle,
                value: chosen[address] ?? standard, standard: standard, allowed: "one of on, off", isChangeable: true,
                isChosen: chosen[address] != nil),
            UserSetting(
                key: "messaging.allow_history", title: "Allow history", help: "Help.", kind: .toggle,
                value: decided.allowsHistory ? "on" : "off", standard: decided.allowsHistory ? "on" : "off",
                allowed: "one of on, off", isChangeable: false, isChosen: false),
        ]
    }

    func choose(_ choices: [UserChoice], of user: JID) async throws {
        for choice in choices {
            guard choice.key != "messaging.allow_history" else { throw UserSettingProblem(.notAllowed, "not yours") }
            guard choice.key == "messaging.fork_lock" else { throw UserSettingProblem(.unknown, "no such setting") }
            guard [nil, "on", "off"].contains(choice.value) else { throw UserSettingProblem(.invalid, "on or off") }
            chosen[user.bare.description] = choice.value
        }
        var all = policies
        for (address, value) in chosen { _ = all.decide("fork-lock", value == "on" ? 1 : 0, for: address) }
        await use(all.table)
    }
}
