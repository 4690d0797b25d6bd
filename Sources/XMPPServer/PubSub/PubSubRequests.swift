import IMCore
import XMLWire
import XMPPWire

/// Reads `<pubsub/>` requests (XEP-0060) and has them done. Runs inside the transaction of the engine.
enum PubSubRequests {
    /// - Returns: the serialised content of the result.
    /// - Throws: `StanzaError`.
    static func run(_ payload: XMLElement, isSet: Bool, _ engine: inout PubSubEngine) throws -> String {
        let isOwner = payload.namespace == PubSubNamespace.owner
        let children = payload.elements.filter { $0.namespace == payload.namespace }
        guard let first = children.first else { throw StanzaError.badRequest("the request asks for nothing") }
        // What is asked for need not come first.
        let asked = children.first { !["configure", "options", "publish-options"].contains($0.name) } ?? first
        switch (isOwner, isSet) {
        case (false, false): return try get(asked, payload, &engine)
        case (false, true): return try set(asked, payload, &engine)
        case (true, false): return try ownerGet(asked, &engine)
        case (true, true): return try ownerSet(asked, &engine)
        }
    }

    private static let unknown = StanzaError(
        .cancel, .featureNotImplemented, "publish-subscribe has no such request")

    private static func get(
        _ asked: XMLElement, _ payload: XMLElement, _ engine: inout PubSubEngine
    ) throws -> String {
        let node = node(of: asked)
        switch asked.name {
        case "items":
            var maxItems: Int?
            if let text = asked["max_items"] {
                guard let number = Int(text), number > 0 else {
                    throw StanzaError.badRequest("max_items is not a positive number")
                }
                maxItems = number
            }
            if let subID = asked["subid"], !subID.isEmpty { throw StanzaError.invalidSubID }
            return try engine.items(
                node, ids: named("item", in: asked).map { $0["id"] }, maxItems: maxItems,
                page: try ResultSetRequest(in: payload))
        case "subscriptions": return try engine.subscriptions(node)
        case "affiliations": return try engine.affiliations(node)
        case "options": return try engine.options(node, jid: asked["jid"], subID: asked["subid"])
        case "default": return try engine.defaultOptions(node)
        default: throw unknown
        }
    }

    private static func set(
        _ asked: XMLElement, _ payload: XMLElement, _ engine: inout PubSubEngine
    ) throws -> String {
        let node = node(of: asked)
        switch asked.name {
        case "create":
            return try engine.create(node, try form(in: try configure(in: payload)))
        case "publish":
            let options = payload.child("publish-options", namespace: payload.namespace)
            return try engine.publish(node, named("item", in: asked), options: try form(in: options))
        case "retract":
            let notify = asked["notify"].map { $0 == "1" || $0 == "true" } ?? false
            try engine.retract(node, named("item", in: asked).map { $0["id"] }, notify: notify)
        case "subscribe":
            let options = payload.child("options", namespace: payload.namespace)
            return try engine.subscribe(node, jid: asked["jid"], options: try form(in: options))
        case "unsubscribe": try engine.unsubscribe(node, jid: asked["jid"])
        case "options":
            try engine.setOptions(node, jid: asked["jid"], subID: asked["subid"], try form(in: asked))
        default: throw unknown
        }
        return ""
    }

    private static func ownerGet(_ asked: XMLElement, _ engine: inout PubSubEngine) throws -> String {
        let node = node(of: asked)
        switch asked.name {
        case "configure": return try engine.configuration(node)
        case "default": return engine.defaults()
        case "subscriptions": return try engine.subscribers(node)
        case "affiliations": return try engine.affiliates(node)
        default: throw unknown
        }
    }

    private static func ownerSet(_ asked: XMLElement, _ engine: inout PubSubEngine) throws -> String {
        let node = node(of: asked)
        switch asked.name {
        case "configure": try engine.configure(node, try form(in: asked))
        case "delete":
            try engine.delete(node, redirect: named("redirect", in: asked).first?["uri"])
        case "purge": try engine.purge(node)
        case "subscriptions":
            try engine.setSubscribers(
                node, named("subscription", in: asked).map { ($0["jid"], $0["subscription"]) })
        case "affiliations":
            try engine.setAffiliates(
                node, named("affiliation", in: asked).map { ($0["jid"], $0["affiliation"]) })
        default: throw unknown
        }
        return ""
    }

    /// An empty name is none.
    private static func node(of asked: XMLElement) -> String? {
        asked["node"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func named(_ name: String, in element: XMLElement) -> [XMLElement] {
        element.elements.filter { $0.name == name && $0.namespace == element.namespace }
    }

    /// The configuration that goes with a `<create/>` (§8.1.3).
    private static func configure(in payload: XMLElement) throws -> XMLElement? {
        let children = payload.elements
        guard let place = children.firstIndex(where: { $0.name == "configure" && $0.namespace == payload.namespace })
        else { return nil }
        guard children[..<place].contains(where: { $0.name == "create" }), children[place]["node"] == nil else {
            throw StanzaError.badRequest("configure follows create and names no node")
        }
        return children[place]
    }

    /// The form inside a wrapper; nil when there is neither.
    private static func form(in wrapper: XMLElement?) throws -> DataForm? {
        guard var element = wrapper?.child("x", namespace: DataForm.namespace) else { return nil }
        // Many clients leave the type of a submission out.
        if element["type"] == nil { element["type"] = DataForm.Kind.submit.rawValue }
        guard let form = DataForm(element) else { throw StanzaError.badRequest("the data form is malformed") }
        return form
    }
}
