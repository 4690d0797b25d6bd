import IMCore
import XMPPWire

/// A command that users run through forms (XEP-0050). One value a command; the list is `AdHocCommands.all`.
///
/// A command is a chain of stages: each asks with a form, its `submit` takes the checked answers and says what is next.
/// The engine keeps the sessions, checks actions and answers, and goes back.
struct AdHocCommand {
    /// Unique within the responder.
    let node: String
    /// What a menu shows.
    let name: String
    /// Who may run it; others do not see it in the list.
    let isAllowed: (CommandCaller) -> Bool
    /// What to ask first, or the result when nothing has to be asked. Continues exactly once, now or later.
    let begin: (CommandCaller, @escaping (CommandStep) -> Void) -> Void
}

/// Who runs a command, at each of its stages.
struct CommandCaller {
    let session: C2SSession
    let home: UserHome

    var server: C2SServer { session.server }
    var router: Router { session.server.router }
}

/// One form of a command and what to do with its answers.
struct CommandStage {
    /// Of kind `form`; also what the answers are checked against.
    let form: DataForm
    /// No other form can follow: the action is `complete`, not `next`.
    let isLast: Bool
    /// Continues exactly once, now or later.
    let submit: (CommandCaller, FormAnswers, @escaping (CommandStep) -> Void) -> Void
}

/// How a command goes on.
enum CommandStep {
    case ask(CommandStage)
    /// Over, with a form of kind `result`, or a note, or both.
    case done(DataForm?, CommandNote?)
    /// The answers cannot be used: the stage stays (`bad-payload`).
    case refuse(String)
    /// Cannot go on; the session ends.
    case fail(StanzaError)

    static func done(_ note: String) -> CommandStep { .done(nil, CommandNote(.info, note)) }
    static func failed(_ note: String) -> CommandStep { .done(nil, CommandNote(.error, note)) }
}

/// XEP-0050 §4.3. A command that completes without success has one of kind `error` (§3.6).
struct CommandNote {
    enum Kind: String { case info, warn, error }

    let kind: Kind
    let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }
}

/// XEP-0050 §4.4.
extension StanzaError {
    static let commandNamespace = "http://jabber.org/protocol/commands"

    private static func command(_ condition: String, _ text: String) -> StanzaError {
        StanzaError(.modify, .badRequest, text, extra: "<\(condition) xmlns='\(commandNamespace)'/>")
    }

    static let malformedAction = command("malformed-action", "the action is unknown")
    static func badAction(_ text: String) -> StanzaError { command("bad-action", text) }
    static let badLocale = command("bad-locale", "the language tag is malformed")
    static func badPayload(_ text: String) -> StanzaError { command("bad-payload", text) }
    static let badSessionID = command("bad-sessionid", "there was no such session of this client and command")
    static let sessionExpired = StanzaError(
        .cancel, .notAllowed, "the session is over", extra: "<session-expired xmlns='\(commandNamespace)'/>")
    static let commandForbidden = StanzaError(.cancel, .forbidden, "the command is not for this account")
}
