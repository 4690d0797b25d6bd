import Ground
import IMCore
import XMPPWire

/// Every command of the server: the one list to add to.
enum AdHocCommands {
    static var all: [AdHocCommand] { [.account, .status, .settings, .changePassword, .sessions, .endSessions, .watch] }
}

/// What users do for themselves.
extension AdHocCommand {
    /// What the server keeps of the account.
    static var account: AdHocCommand {
        AdHocCommand(node: "account", name: "Show my account", isAllowed: { _ in true }, begin: showAccount)
    }

    private static func showAccount(_ caller: CommandCaller, _ then: @escaping (CommandStep) -> Void) {
        let (home, server) = (caller.home, caller.server)
        let (id, address) = (home.id, home.jid.description)
        let (created, sessions) = (home.account.createdAt, home.sessionCount)
        server.router.journal.perform({ try AccountStore.holdings(id, in: $0) }) { result in
            guard case .success(let holdings) = result else {
                return then(.fail(StanzaError(.wait, .internalServerError)))
            }
            then(
                .done(
                    DataForm(
                        .result, title: "Account",
                        fields: [
                            FormField("jid", .jidSingle, label: "Address", value: address),
                            FormField("created", .textSingle, label: "Created", value: Timestamp.format(created)),
                            FormField("sessions", .textSingle, label: "Sessions", value: String(sessions)),
                            FormField(
                                "stored-messages", .textSingle, label: "Messages that wait for you",
                                value: String(holdings.storedMessages)),
                            FormField(
                                "roster-items", .textSingle, label: "Contacts", value: String(holdings.rosterItems)),
                            FormField(
                                "blocked", .textSingle, label: "Blocked addresses",
                                value: String(holdings.blockedItems)),
                        ]), nil))
        }
    }

    /// Never over a stream that others can read.
    static var changePassword: AdHocCommand {
        AdHocCommand(node: "change-password", name: "Change my password", isAllowed: { $0.session.isSecure }) {
            _, then in
            let form = DataForm(
                .form, title: "Change password",
                instructions: ["Other devices keep their sessions unless you sign them out."],
                fields: [
                    FormField("password", .textPrivate, label: "New password", isRequired: true),
                    FormField("repeated", .textPrivate, label: "New password again", isRequired: true),
                    FormField("sign-out", label: "Sign out my other devices", value: false),
                ])
            then(.ask(CommandStage(form: form, isLast: true, submit: storePassword)))
        }
    }

    private static func storePassword(
        _ caller: CommandCaller, _ answers: FormAnswers, _ then: @escaping (CommandStep) -> Void
    ) {
        guard answers.text("password") == answers.text("repeated") else {
            return then(.refuse("the passwords are not the same"))
        }
        guard let password = try? JIDPreparation.password(answers.text("password") ?? ""), !password.isEmpty else {
            return then(.refuse("the password is empty or has characters that are not allowed"))
        }
        let jid = caller.home.jid
        let signsOut = answers.isTrue("sign-out") == true
        caller.server.authentication.derive(password, of: jid) { credentials in
            guard let credentials else { return then(.fail(StanzaError(.wait, .resourceConstraint))) }
            caller.router.journal.perform({ try AccountStore.setCredentials(credentials, of: jid, in: $0) }) { result in
                guard case .success(true) = result else {
                    return then(.fail(StanzaError(.wait, .internalServerError)))
                }
                caller.router.passwordChanged(jid)
                caller.server.logger.info("password changed by its owner", metadata: ["jid": "\(jid)"])
                if signsOut {
                    for other in caller.home.sessions where other !== caller.session {
                        other.end(StreamError(.notAuthorized, "the password was changed"))
                    }
                }
                then(.done("The password has been changed."))
            }
        }
    }

    /// Who is signed in to the account.
    static var sessions: AdHocCommand {
        AdHocCommand(node: "sessions", name: "Show my sessions", isAllowed: { _ in true }, begin: listSessions)
    }

    private static func listSessions(_ caller: CommandCaller, _ then: @escaping (CommandStep) -> Void) {
        let rows = caller.home.endpoints.compactMap { $0 as? C2SSession }.map { session in
            [
                FormField("resource", value: session.resource),
                FormField("presence", value: session.availability?.show ?? "unavailable"),
                FormField("address", value: session.remoteAddress),
                FormField("since", value: Timestamp.format(session.boundAt)),
                FormField("state", value: session.isHibernating ? "resumable" : "connected"),
            ]
        }
        then(
            .done(
                DataForm(
                    .result, title: "Sessions",
                    reported: [
                        FormField("resource", .textSingle, label: "Resource"),
                        FormField("presence", .textSingle, label: "Presence"),
                        FormField("address", .textSingle, label: "Address"),
                        FormField("since", .textSingle, label: "Since"),
                        FormField("state", .textSingle, label: "State"),
                    ], items: rows), nil))
    }

    /// Ends other sessions of the account, after a question.
    static var endSessions: AdHocCommand {
        AdHocCommand(
            node: "end-sessions", name: "End my other sessions", isAllowed: { _ in true }, begin: chooseSessions)
    }

    private static func chooseSessions(_ caller: CommandCaller, _ then: @escaping (CommandStep) -> Void) {
        let others = caller.home.sessions.filter { $0 !== caller.session }
        guard !others.isEmpty else { return then(.done("There are no other sessions.")) }
        let options = others.map { other in
            FormField.Option(
                other.resource, label: "\(other.resource) (\(other.availability?.show ?? "unavailable"))")
        }
        then(
            .ask(
                CommandStage(
                    form: DataForm(
                        .form, title: "End sessions", instructions: ["Choose the sessions to end."],
                        fields: [
                            FormField("resources", .listMulti, label: "Sessions", isRequired: true, options: options)
                        ]), isLast: false
                ) { _, answers, then in then(.ask(confirmation(answers["resources"]))) }))
    }

    private static func confirmation(_ resources: [String]) -> CommandStage {
        CommandStage(
            form: DataForm(
                .form, title: "End sessions",
                instructions: ["These sessions end: \(resources.joined(separator: ", "))"],
                fields: [FormField("confirmed", .boolean, label: "End them", isRequired: true, values: ["1"])]),
            isLast: true
        ) { caller, answers, then in
            guard answers.isTrue("confirmed") == true else { return then(.done("No session was ended.")) }
            let chosen = caller.home.sessions.filter { $0 !== caller.session && resources.contains($0.resource) }
            for other in chosen { other.end(StreamError(.notAuthorized, "ended by the owner of the account")) }
            then(.done(chosen.count == 1 ? "1 session was ended." : "\(chosen.count) sessions were ended."))
        }
    }
}
