import IMCore
import XMLWire
import XMPPWire

/// Ad-hoc commands of the server (XEP-0050): the list in service discovery, and running them.
extension XMPPFeature {
    static var adHoc: XMPPFeature {
        XMPPFeature(
            "ad-hoc",
            [
                Standard("XEP-0050", "Ad-Hoc Commands", "1.3.0"),
                Standard("XEP-0004", "Data Forms", "2.13.1"),
                Standard("XEP-0068", "Field Standardization for Data Forms", "1.3.0"),
                Standard(
                    "XEP-0122", "Data Forms Validation", "1.0.2", .partial("no regular expressions, no list ranges")),
            ],
            requests: [
                Request(name: "command", namespace: CommandEngine.namespace, scopes: [.server], handle: handleCommand)
            ],
            serverFeatures: [CommandEngine.namespace, DataForm.namespace],
            nodes: Nodes(scopes: [.server], answer: answerCommandNode))
    }

    private static func handleCommand(_ request: IQRequest) {
        guard request.isSet else { return request.refuse(.badRequest("a command is set")) }
        // Components have no account that a command could be about.
        guard let session = request.session else { return request.refuse(.commandForbidden) }
        let caller = CommandCaller(session: session, home: request.home)
        request.server.commands.handle(request.payload, caller) { answer in
            switch answer {
            case .success(let element): request.reply(element)
            case .failure(let error): request.refuse(error)
            }
        }
    }

    /// XEP-0050 §2.2.
    private static func answerCommandNode(_ request: IQRequest, _ node: String, _ aspect: Discovery.Aspect) -> Bool {
        let engine = request.server.commands
        guard let session = request.session else { return false }
        let caller = CommandCaller(session: session, home: request.home)
        if node == CommandEngine.namespace {
            switch aspect {
            case .information:
                let list = Discovery.Identity(category: "automation", type: "command-list", name: "Commands")
                request.reply(Discovery.information(list, [CommandEngine.namespace], node: node))
            case .items:
                let responder = request.target?.description ?? ""
                let items = engine.available(to: caller).map {
                    "<item jid='\(XMLText.escape(responder))' node='\(XMLText.escape($0.node))'"
                        + " name='\(XMLText.escape($0.name))'/>"
                }
                request.reply(Discovery.items(items.joined(), node: node))
            }
            return true
        }
        guard let command = engine.command(node) else { return false }
        guard command.isAllowed(caller) else {
            request.refuse(.commandForbidden)
            return true
        }
        switch aspect {
        case .information:
            let identity = Discovery.Identity(category: "automation", type: "command-node", name: command.name)
            request.reply(
                Discovery.information(identity, [CommandEngine.namespace, DataForm.namespace], node: node))
        case .items: request.reply(Discovery.items("", node: node))
        }
        return true
    }
}
