import Ground
import IMCore
import XMLWire
import XMPPWire

/// Flexible offline message retrieval (XEP-0013): stored messages are listed, read and removed like mail.
enum FlexibleOffline {
    static let namespace = "http://jabber.org/protocol/offline"

    /// Names of messages are their ids, which grow with the time of arrival.
    static func node(of id: MessageID) -> String { String(decoding: id.bytes, as: UTF8.self) }

    static func id(ofNode node: String) -> MessageID? {
        guard node.utf8.count == 16, node.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }),
            let value = Int64(node, radix: 16)
        else { return nil }
        return MessageID(value)
    }

    /// What a `<offline/>` asks for.
    enum Command: Equatable {
        /// Nil for all messages (`<fetch/>`, `<purge/>`).
        case view([MessageID]?)
        case remove([MessageID]?)

        /// - Throws: `bad-request` for what the XEP does not know; `item-not-found` for a node that no message can have.
        static func read(_ payload: XMLElement, isSet: Bool) throws(StanzaError) -> Command {
            let elements = payload.elements.filter { $0.namespace == namespace }
            // COMPAT slixmpp: it fetches with set.
            if elements.count == 1, elements[0].name == "fetch" { return .view(nil) }
            if elements.count == 1, elements[0].name == "purge", isSet { return .remove(nil) }
            let action = isSet ? "remove" : "view"
            guard !elements.isEmpty, elements.allSatisfy({ $0.name == "item" && $0["action"] == action }) else {
                throw .badRequest(
                    isSet ? "set takes items to remove, or purge" : "get takes items to view, or fetch")
            }
            var ids: [MessageID] = []
            for element in elements {
                guard let node = element["node"] else { throw .badRequest("an item needs a node") }
                guard let id = id(ofNode: node) else { throw .itemNotFound }
                ids.append(id)
            }
            return isSet ? .remove(ids) : .view(ids)
        }
    }
}

extension XMPPFeature {
    static var flexibleOffline: XMPPFeature {
        XMPPFeature(
            "flexible-offline", [Standard("XEP-0013", "Flexible Offline Message Retrieval", "1.2")],
            requests: [
                Request(
                    name: "offline", namespace: FlexibleOffline.namespace, scopes: [.account, .contact],
                    handle: handleOffline)
            ],
            serverFeatures: [FlexibleOffline.namespace], accountFeatures: [FlexibleOffline.namespace],
            nodes: Nodes(scopes: [.account, .contact], answer: answerOfflineNode))
    }

    /// The client whose own messages are asked for; nil after refusing everybody else (§2.3).
    private static func owner(_ request: IQRequest) -> C2SSession? {
        if let session = request.session, request.target == nil || request.target == request.home.jid { return session }
        request.refuse(StanzaError(.auth, .forbidden, "stored messages are for their owner"))
        return nil
    }

    private static func answerOfflineNode(_ request: IQRequest, _ node: String, _ aspect: Discovery.Aspect) -> Bool {
        guard node == FlexibleOffline.namespace else { return false }
        guard let session = owner(request) else { return true }
        let (router, home) = (request.server.router, request.home)
        // Who asks does not want the flood (§2.2).
        router.retrievesStored(session, home)
        switch aspect {
        case .information:
            router.listStored(home) { result in
                switch result {
                case .failure(let error): request.refuse(error)
                case .success(let ids): request.reply(offlineInformation(ids.count))
                }
            }
        case .items:
            router.listStoredHeaders(home) { result in
                switch result {
                case .failure(let error): request.refuse(error)
                case .success(let headers):
                    let jid = XMLText.escape(home.jid.description)
                    let items = headers.map {
                        "<item jid='\(jid)' node='\(FlexibleOffline.node(of: $0.id))' name='\(XMLText.escape($0.sender))'/>"
                    }
                    request.reply(Discovery.items(items.joined(), node: node))
                }
            }
        }
        return true
    }

    private static func offlineInformation(_ count: Int) -> String {
        let namespace = FlexibleOffline.namespace
        return Discovery.information(
            Discovery.Identity(category: "automation", type: "message-list", name: ""), [namespace], node: namespace,
            form: "<x xmlns='jabber:x:data' type='result'>"
                + "<field var='FORM_TYPE' type='hidden'><value>\(namespace)</value></field>"
                + "<field var='number_of_messages'><value>\(count)</value></field></x>")
    }

    private static func handleOffline(_ request: IQRequest) {
        guard let session = owner(request) else { return }
        let (router, home) = (request.server.router, request.home)
        do throws(StanzaError) {
            let command = try FlexibleOffline.Command.read(request.payload, isSet: request.isSet)
            router.retrievesStored(session, home)
            switch command {
            case .view(let ids):
                router.sendStored(ids, to: session, home, mark: offlineMark) { request.finish($0) }
            case .remove(let ids):
                router.removeStored(ids, home) { request.finish($0) }
            }
        } catch {
            request.refuse(error)
        }
    }

    /// §2.4: each message says which one it is.
    private static func offlineMark(_ id: MessageID) -> [UInt8] {
        Array(
            "<offline xmlns='\(FlexibleOffline.namespace)'><item node='\(FlexibleOffline.node(of: id))'/></offline>"
                .utf8)
    }
}
