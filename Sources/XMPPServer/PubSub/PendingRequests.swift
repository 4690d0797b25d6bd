import IMCore
import XMLWire
import XMPPWire

/// The command with which owners look through requests for subscription that wait for them (XEP-0060 §8.7).
final class PendingRequests {
    static let node = PubSubNamespace.pubsub + "#get-pending"
    private static let nodeField = "pubsub#node"
    private static let information = "http://jabber.org/protocol/disco#info"
    private static let items = "http://jabber.org/protocol/disco#items"

    private let service: PubSubAddress
    private unowned let server: C2SServer
    private let commands: CommandEngine

    init(service: PubSubAddress, server: C2SServer) {
        self.service = service
        self.server = server
        commands = CommandEngine([Self.command(service)])
    }

    /// Answers what concerns the command; false for any other request.
    func receive(_ payload: XMLElement, isSet: Bool, _ stanza: RoutedStanza) -> Bool {
        switch (payload.namespace, payload.name) {
        case (CommandEngine.namespace, "command"): run(payload, isSet: isSet, stanza)
        case (Self.information, "query") where payload["node"] == CommandEngine.namespace && !isSet:
            let list = Discovery.Identity(category: "automation", type: "command-list", name: "Commands")
            stanza.replyAndSettle(Discovery.information(list, [CommandEngine.namespace], node: CommandEngine.namespace))
        case (Self.information, "query") where payload["node"] == Self.node && !isSet:
            let identity = Discovery.Identity(category: "automation", type: "command-node", name: Self.title)
            stanza.replyAndSettle(
                Discovery.information(identity, [CommandEngine.namespace, DataForm.namespace], node: Self.node))
        case (Self.items, "query") where payload["node"] == CommandEngine.namespace && !isSet:
            let item =
                "<item jid='\(XMLText.escape(service.jid.description))' node='\(Self.node)' name='\(Self.title)'/>"
            stanza.replyAndSettle(Discovery.items(item, node: CommandEngine.namespace))
        default: return false
        }
        return true
    }

    private func run(_ payload: XMLElement, isSet: Bool, _ stanza: RoutedStanza) {
        guard isSet else { return stanza.refuseAndSettle(.badRequest("a command is set")) }
        guard let session = stanza.source as? C2SSession, let home = session.home else {
            return stanza.refuseAndSettle(.commandForbidden)
        }
        commands.tick(server.time.uptime)
        commands.handle(payload, CommandCaller(session: session, home: home)) { answer in
            switch answer {
            case .success(let element):
                stanza.reply([element])
                stanza.settle()
            case .failure(let error): stanza.refuseAndSettle(error)
            }
        }
    }

    // MARK: The command

    private static let title = "Pending subscription requests"

    private static func command(_ service: PubSubAddress) -> AdHocCommand {
        AdHocCommand(node: node, name: title, isAllowed: { _ in true }) { caller, then in
            // The names of the nodes come out of the transaction one a line: no name has a line feed.
            caller.router.pubsub(service, requester(caller)) {
                try $0.nodesWithPending().joined(separator: "\n")
            } then: { result in
                switch result {
                case .failure(let error): then(.fail(error))
                case .success(let names) where names.isEmpty: then(.done("Nobody waits for an answer."))
                case .success(let names): then(.ask(stage(service, names.split(separator: "\n").map(String.init))))
                }
            }
        }
    }

    private static func stage(_ service: PubSubAddress, _ names: [String]) -> CommandStage {
        let form = DataForm(
            .form, type: PubSubNamespace.subscribeAuthorization, title: title,
            fields: [
                FormField(
                    nodeField, .listSingle, label: "Node", options: names.map { FormField.Option($0) },
                    rule: FormRule("xs:string", isOpen: true))
            ])
        return CommandStage(form: form, isLast: true) { caller, answers, then in
            let name = answers.text(nodeField)
            caller.router.pubsub(service, requester(caller)) {
                try $0.repeatRequests(name)
                return ""
            } then: { result in
                switch result {
                case .success: then(.done(nil, nil))
                case .failure(let error): then(.fail(error))
                }
            }
        }
    }

    private static func requester(_ caller: CommandCaller) -> PubSubRequester {
        let account = caller.home.jid
        return PubSubRequester(
            JID(preparedLocal: account.local, domain: account.domain, resource: caller.session.resource))
    }
}
