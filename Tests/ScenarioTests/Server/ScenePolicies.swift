import IMCore
import XMPPWire

/// What the administrator of a scene has decided: for everybody, for a domain, for a user. The narrower one wins.
struct ScenePolicies: Sendable {
    private struct Decision: Sendable {
        var name: String
        var value: Int
        /// A domain or a bare address; nil for everybody.
        var subject: String?
    }

    private var decisions: [Decision] = []

    /// - Returns: false for a name that is none of a policy.
    mutating func decide(_ name: String, _ value: Int, for subject: String? = nil) -> Bool {
        var trial = UserPolicy.Values()
        guard Self.set(name, value, in: &trial) else { return false }
        decisions.append(Decision(name: name, value: value, subject: subject))
        return true
    }

    var table: PolicyTable {
        var table = PolicyTable()
        table.deployment = UserPolicy(values(for: []))
        for subject in Set(decisions.compactMap(\.subject)) {
            guard let at = subject.firstIndex(of: "@") else {
                table.domains[subject] = UserPolicy(values(for: [subject]))
                continue
            }
            let domain = String(subject[subject.index(after: at)...])
            table.users[subject] = UserPolicy(
                UserPolicy.values(values(for: [domain, subject]), within: values(for: [domain])))
        }
        return table
    }

    private func values(for subjects: [String]) -> UserPolicy.Values {
        var values = UserPolicy.Values()
        for subject in [nil] + subjects.map({ Optional($0) }) {
            for decision in decisions where decision.subject == subject {
                _ = Self.set(decision.name, decision.value, in: &values)
            }
        }
        return values
    }

    private static func set(_ name: String, _ value: Int, in values: inout UserPolicy.Values) -> Bool {
        switch name {
        case "messaging": values.messaging.isEnabled = value != 0
        case "suppress-offline": values.messaging.suppressesOffline = value != 0
        case "allow-history": values.messaging.allowsHistory = value != 0
        case "allow-cut-paste": values.messaging.allowsCutPaste = value != 0
        case "fork-lock": values.messaging.locksForks = value != 0
        case "multiple-devices": values.messaging.copiesToDevices = value != 0
        case "sessions-per-user": values.messaging.sessionsPerUser = value
        case "broadcast": values.messaging.broadcasting = [.users, .administrators, .off][min(max(value, 0), 2)]
        case "refuse-sessions": values.messaging.eviction = value != 0 ? .refuse : .oldest
        case "sharing": values.presence.sharing = value != 0
        case "auto-authorize": values.presence.autoAuthorizes = value != 0
        case "inside-block": values.presence.insideRequests = value != 0 ? .block : .prompt
        case "outside-block": values.presence.outsideRequests = value != 0 ? .block : .prompt
        case "contacts": values.presence.contacts = value
        case "watchers": values.presence.watchers = value
        case "adhoc": values.presence.adHoc = value != 0
        case "adhoc-watches": values.presence.adHocWatches = value
        case "adhoc-seconds": values.presence.adHocSeconds = value
        default: return false
        }
        return true
    }
}
