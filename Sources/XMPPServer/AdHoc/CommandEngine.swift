import IMCore
import XMLWire
import XMPPWire

/// Runs commands: finds the session, checks action and answers, says what is next (XEP-0050 §2.4, §3).
final class CommandEngine {
    static let namespace = StanzaError.commandNamespace

    private let commands: [String: AdHocCommand]
    private let order: [String]
    private var sessions = CommandSessions()

    init(_ commands: [AdHocCommand]) {
        self.commands = Dictionary(commands.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
        order = commands.map(\.node)
    }

    /// What that caller may run, in the order of the list.
    func available(to caller: CommandCaller) -> [AdHocCommand] {
        order.compactMap { commands[$0] }.filter { $0.isAllowed(caller) }
    }

    func command(_ node: String) -> AdHocCommand? { commands[node] }

    func tick(_ uptime: Int64) { if sessions.count > 0 { sessions.expire(uptime: uptime) } }

    private enum Action: String { case execute, cancel, prev, next, complete }

    /// Answers one `<command/>`.
    func handle(
        _ element: XMLElement, _ caller: CommandCaller, answer: @escaping (Result<XMLElement, StanzaError>) -> Void
    ) {
        guard let node = element["node"], !node.isEmpty else {
            return answer(.failure(.badRequest("a command has a node")))
        }
        guard let action = Action(rawValue: element["action"] ?? "execute") else {
            return answer(.failure(.malformedAction))
        }
        // DEVIATION XEP-0050 §3.7: every language is answered in English rather than with bad-locale, or most users
        // could run nothing.
        if let language = element["xml:lang"], !Self.isLanguageTag(language) { return answer(.failure(.badLocale)) }
        guard let command = commands[node] else { return answer(.failure(.itemNotFound)) }
        guard command.isAllowed(caller) else { return answer(.failure(.commandForbidden)) }
        guard let id = element["sessionid"] else {
            guard action == .execute else {
                return answer(.failure(.badAction("a command begins with the action execute")))
            }
            return begin(command, caller, answer)
        }
        switch sessions.find(id, owner: caller.session.address, uptime: caller.server.time.uptime) {
        case .unknown: answer(.failure(.badSessionID))
        case .expired: answer(.failure(.sessionExpired))
        case .active(let session):
            guard session.command.node == node else { return answer(.failure(.badSessionID)) }
            go(on: session, action, element, caller, answer)
        }
    }

    private func begin(
        _ command: AdHocCommand, _ caller: CommandCaller,
        _ answer: @escaping (Result<XMLElement, StanzaError>) -> Void
    ) {
        let session = sessions.open(command, owner: caller.session.address, uptime: caller.server.time.uptime)
        session.isBusy = true
        command.begin(caller) { [self] step in answer(take(step, session)) }
    }

    private func go(
        on session: CommandSession, _ action: Action, _ element: XMLElement, _ caller: CommandCaller,
        _ answer: @escaping (Result<XMLElement, StanzaError>) -> Void
    ) {
        if action == .cancel {
            sessions.close(session.id)
            return answer(.success(Self.element(session, "canceled")))
        }
        guard !session.isBusy, let stage = session.stages.last else {
            return answer(.failure(.badAction("the command is still at work")))
        }
        switch action {
        case .prev:
            guard session.stages.count > 1 else { return answer(.failure(.badAction("this is the first stage"))) }
            session.stages.removeLast()
            return answer(.success(Self.show(session)))
        case .next where stage.isLast: return answer(.failure(.badAction("this is the last stage")))
        case .complete where !stage.isLast: return answer(.failure(.badAction("this is not the last stage")))
        case .execute, .next, .complete, .cancel: break
        }
        let answers: FormAnswers
        switch Self.read(element, stage) {
        case .success(let read): answers = read
        case .failure(let error): return answer(.failure(error))
        }
        session.isBusy = true
        stage.submit(caller, answers) { [self] step in answer(take(step, session)) }
    }

    /// The answers in the payload. A form of type `cancel` counts as submitted (§3.5.1).
    private static func read(_ element: XMLElement, _ stage: CommandStage) -> Result<FormAnswers, StanzaError> {
        var submission = DataForm(.submit)
        if let payload = element.child("x", namespace: DataForm.namespace) {
            guard let form = DataForm(payload) else { return .failure(.badPayload("the form cannot be read")) }
            submission = form
            if form.kind == .cancel { submission.kind = .submit }
        }
        do {
            return .success(try stage.form.answers(in: submission))
        } catch {
            return .failure(.badPayload(error.description))
        }
    }

    private func take(_ step: CommandStep, _ session: CommandSession) -> Result<XMLElement, StanzaError> {
        session.isBusy = false
        // Canceled or pushed out meanwhile: what has been done is done, but nothing is asked any more.
        let isActive = sessions.isActive(session)
        switch step {
        case .ask(let stage):
            guard isActive else { return .failure(.sessionExpired) }
            session.stages.append(stage)
            return .success(Self.show(session))
        case .done(let form, let note):
            sessions.close(session.id)
            var element = Self.element(session, "completed")
            if let note {
                element.children.append(
                    .element(
                        XMLElement(
                            "note", namespace: Self.namespace, attributes: ["type": note.kind.rawValue],
                            children: [.text(note.text)])))
            }
            if let form { element.children.append(.element(form.element)) }
            return .success(element)
        case .refuse(let reason): return .failure(.badPayload(reason))
        case .fail(let error):
            sessions.close(session.id)
            return .failure(error)
        }
    }

    private static func show(_ session: CommandSession) -> XMLElement {
        var element = element(session, "executing")
        guard let stage = session.stages.last else { return element }
        let forward = stage.isLast ? "complete" : "next"
        var actions = XMLElement("actions", namespace: namespace, attributes: ["execute": forward])
        let allowed = session.stages.count > 1 ? ["prev", forward] : [forward]
        actions.children = allowed.map { .element(XMLElement($0, namespace: namespace)) }
        element.children = [.element(actions), .element(stage.form.element)]
        return element
    }

    private static func element(_ session: CommandSession, _ status: String) -> XMLElement {
        XMLElement(
            "command", namespace: namespace,
            attributes: [
                "sessionid": session.id, "node": session.command.node, "status": status, "xml:lang": "en",
            ])
    }

    /// RFC 5646, loosely: subtags of one to eight letters and digits.
    private static func isLanguageTag(_ text: String) -> Bool {
        text.utf8.split(separator: 45, omittingEmptySubsequences: false).allSatisfy { part in
            (1...8).contains(part.count)
                && part.allSatisfy { (48...57).contains($0) || (97...122).contains($0 | 0x20) }
        }
    }
}
