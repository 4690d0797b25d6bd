import XMPPWire

/// Namespaces of publish-subscribe (XEP-0060 §15).
public enum PubSubNamespace {
    public static let pubsub = "http://jabber.org/protocol/pubsub"
    public static let owner = pubsub + "#owner"
    public static let event = pubsub + "#event"
    public static let errors = pubsub + "#errors"
    public static let nodeConfiguration = pubsub + "#node_config"
    public static let publishOptions = pubsub + "#publish-options"
    public static let subscribeOptions = pubsub + "#subscribe_options"
    public static let subscribeAuthorization = pubsub + "#subscribe_authorization"
    public static let metadata = pubsub + "#meta-data"
}

/// Errors with the conditions of XEP-0060 §14.
extension StanzaError {
    /// An error with a condition of `http://jabber.org/protocol/pubsub#errors`.
    public static func pubsub(
        _ kind: Kind, _ condition: Condition, _ specific: String, feature: String? = nil, _ text: String? = nil
    ) -> StanzaError {
        let attribute = feature.map { " feature='\($0)'" } ?? ""
        return StanzaError(
            kind, condition, text, extra: "<\(specific) xmlns='\(PubSubNamespace.errors)'\(attribute)/>")
    }

    public static func unsupported(_ feature: String) -> StanzaError {
        pubsub(.cancel, .featureNotImplemented, "unsupported", feature: feature)
    }

    public static let nodeIDRequired = pubsub(.modify, .badRequest, "nodeid-required")
    public static let itemRequired = pubsub(.modify, .badRequest, "item-required")
    public static let notSubscribed = pubsub(.cancel, .unexpectedRequest, "not-subscribed")
    public static let invalidSubID = pubsub(.modify, .notAcceptable, "invalid-subid")
    public static let invalidOptions = pubsub(.modify, .badRequest, "invalid-options")
    public static let preconditionNotMet = pubsub(.cancel, .conflict, "precondition-not-met")
    public static let pubsubForbidden = StanzaError(.auth, .forbidden)

    static func payloadTooBig(_ limit: Int) -> StanzaError {
        pubsub(.modify, .notAcceptable, "payload-too-big", "a payload has at most \(limit) bytes here")
    }
}
