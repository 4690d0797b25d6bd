import IMCore
import NIOCore
import XMPPWire

/// A setting as the user whom it concerns sees it.
public struct UserSetting: Sendable, Equatable {
    public enum Kind: String, Sendable { case toggle, integer, choice, text }

    /// `presence.sharing`
    public var key: String
    /// English name and explanation.
    public var title: String
    public var help: String
    public var kind: Kind
    /// In force; `on` and `off` for a toggle.
    public var value: String
    /// What the administrator has decided: in force where the user has chosen nothing.
    public var standard: String
    /// What is allowed, in words.
    public var allowed: String
    /// Words of a choice.
    public var choices: [String]
    public var minimum: Int?
    public var maximum: Int?
    /// Meaning of 0 where it lies outside of the range; nil where it is not allowed.
    public var zeroMeans: String?
    /// Whether the user may choose.
    public var isChangeable: Bool
    /// There is a value for this user alone.
    public var isChosen: Bool

    public init(
        key: String, title: String, help: String, kind: Kind, value: String, standard: String, allowed: String,
        choices: [String] = [], minimum: Int? = nil, maximum: Int? = nil, zeroMeans: String? = nil,
        isChangeable: Bool, isChosen: Bool
    ) {
        self.key = key
        self.title = title
        self.help = help
        self.kind = kind
        self.value = value
        self.standard = standard
        self.allowed = allowed
        self.choices = choices
        self.minimum = minimum
        self.maximum = maximum
        self.zeroMeans = zeroMeans
        self.isChangeable = isChangeable
        self.isChosen = isChosen
    }
}

/// What a user chooses for one setting.
public struct UserChoice: Sendable, Equatable {
    public var key: String
    /// Nil to go back to what the administrator has decided.
    public var value: String?

    public init(_ key: String, _ value: String?) {
        self.key = key
        self.value = value
    }
}

/// Why a choice is refused; the text is for the user.
public struct UserSettingProblem: Error, Sendable, Equatable {
    public enum Reason: Sendable { case unknown, notAllowed, invalid, unavailable }

    public var reason: Reason
    public var text: String

    public init(_ reason: Reason, _ text: String) {
        self.reason = reason
        self.text = text
    }
}

/// The settings of users, as the composition keeps them. Every function may be called from any task.
public protocol UserSettings: Sendable {
    /// Those that the user may choose or should know, in the order of the reference.
    func settings(of user: JID) async throws -> [UserSetting]
    /// Stores choices and takes them into use: all of them or none.
    ///
    /// - Throws: `UserSettingProblem`.
    func choose(_ choices: [UserChoice], of user: JID) async throws
}

extension C2SServer {
    /// Changes that one user may make in a minute: each is a version of the settings.
    static let choicesPerMinute = 20

    /// Asks for the settings of a user; nil when there are none here, or they cannot be had.
    func readSettings(of user: JID, then: @escaping ([UserSetting]?) -> Void) {
        guard let userSettings else { return then(nil) }
        onLoopAfter({ try await userSettings.settings(of: user) }) { result in then(try? result.get()) }
    }

    /// Stores choices of a user, who may not do that too often.
    func choose(_ choices: [UserChoice], of user: JID, then: @escaping (StanzaError?) -> Void) {
        guard let userSettings else { return then(.serviceUnavailable) }
        guard choiceRate.allows(user.bare.description, uptime: time.uptime) else {
            return then(
                StanzaError(.wait, .policyViolation, "at most \(Self.choicesPerMinute) changes of settings a minute"))
        }
        choiceRate.failed(user.bare.description, uptime: time.uptime)
        onLoopAfter({ try await userSettings.choose(choices, of: user) }) { (result: Result<Void, any Error>) in
            guard case .failure(let error) = result else { return then(nil) }
            guard let problem = error as? UserSettingProblem else {
                return then(StanzaError(.wait, .internalServerError))
            }
            switch problem.reason {
            case .unknown: then(StanzaError(.cancel, .itemNotFound, problem.text))
            case .notAllowed: then(StanzaError(.auth, .forbidden, problem.text))
            case .invalid: then(StanzaError(.modify, .notAcceptable, problem.text))
            case .unavailable: then(StanzaError(.wait, .resourceConstraint, problem.text))
            }
        }
    }

    private func onLoopAfter<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value, then: @escaping (Result<Value, any Error>) -> Void
    ) {
        let eventLoop = loop.nonisolated()
        let finish = NIOLoopBound(then, eventLoop: eventLoop)
        Task {
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            let final = result
            eventLoop.execute { finish.value(final) }
        }
    }
}
