import XMPPWire

/// One option of a node: how to show it, write it and read it (XEP-0060 §16.4.4).
struct NodeOption: Sendable {
    var name: String
    var type: FormField.Kind
    var label: String
    /// What a service with these limits lets one choose from; empty where anything can be typed.
    var choices: @Sendable (PubSubLimits) -> [String] = { _ in [] }
    var values: @Sendable (NodeConfiguration) -> [String]
    /// False when the values are not allowed.
    var set: @Sendable (inout NodeConfiguration, [String], PubSubLimits) -> Bool

    static func flag(
        _ name: String, _ label: String, _ field: WritableKeyPath<NodeConfiguration, Bool> & Sendable
    ) -> NodeOption {
        NodeOption(
            name: name, type: .boolean, label: label, values: { [$0[keyPath: field] ? "1" : "0"] },
            set: { configuration, values, _ in
                guard let value = isTrue(name, values) else { return false }
                configuration[keyPath: field] = value
                return true
            })
    }

    /// An option that can be read, but has one value only.
    static func fixed(_ name: String, _ type: FormField.Kind, _ label: String, _ value: String) -> NodeOption {
        NodeOption(
            name: name, type: type, label: label, choices: { _ in type == .listSingle ? [value] : [] },
            values: { _ in [value] },
            set: { _, values, _ in
                type == .boolean ? isTrue(name, values) == (value == "1") : values == [value]
            })
    }

    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ label: String, _ field: WritableKeyPath<NodeConfiguration, Value> & Sendable,
        _ allowed: (@Sendable (PubSubLimits) -> [Value])? = nil
    ) -> NodeOption {
        let choices: @Sendable (PubSubLimits) -> [String] = { limits in
            (allowed?(limits) ?? Array(Value.allCases)).map(\.rawValue)
        }
        return NodeOption(
            name: name, type: .listSingle, label: label, choices: choices,
            values: { [$0[keyPath: field].rawValue] },
            set: { configuration, values, limits in
                guard values.count == 1, choices(limits).contains(values[0]), let value = Value(rawValue: values[0])
                else { return false }
                configuration[keyPath: field] = value
                return true
            })
    }

    static func text(
        _ name: String, _ type: FormField.Kind, _ label: String,
        _ field: WritableKeyPath<NodeConfiguration, String> & Sendable
    ) -> NodeOption {
        NodeOption(
            name: name, type: type, label: label, values: { [$0[keyPath: field]] },
            set: { configuration, values, _ in
                let value = values.first ?? ""
                guard values.count <= 1, value.utf8.count <= PubSubLimits.nameBytes else { return false }
                configuration[keyPath: field] = value
                return true
            })
    }

    static func list(
        _ name: String, _ type: FormField.Kind, _ label: String,
        _ field: WritableKeyPath<NodeConfiguration, [String]> & Sendable
    ) -> NodeOption {
        NodeOption(
            name: name, type: type, label: label, values: { $0[keyPath: field] },
            set: { configuration, values, _ in
                guard values.count <= PubSubLimits.listedValues,
                    values.allSatisfy({ $0.utf8.count <= PubSubLimits.nameBytes }),
                    type != .jidMulti || values.allSatisfy({ (try? JID(parsing: $0)) != nil })
                else { return false }
                configuration[keyPath: field] = values
                return true
            })
    }

    private static func isTrue(_ name: String, _ values: [String]) -> Bool? {
        values.count == 1 ? FormField(name, value: values[0]).isTrue : nil
    }

    // MARK: Numbers

    /// `max` stays `max`: it follows the limits (§8.2.3).
    private static let maxItems = NodeOption(
        name: "pubsub#max_items", type: .textSingle, label: "Most items to persist, or max",
        values: { [$0.maxItems == .max ? "max" : String($0.maxItems)] },
        set: { configuration, values, limits in
            guard values.count == 1 else { return false }
            let number = values[0] == "max" ? .max : Int(values[0]) ?? 0
            guard number >= 1, number <= limits.items || values[0] == "max" else { return false }
            configuration.maxItems = number
            return true
        })

    private static let maxPayload = NodeOption(
        name: "pubsub#max_payload_size", type: .textSingle, label: "Most bytes of a payload",
        values: { [String($0.maxPayloadBytes)] },
        set: { configuration, values, limits in
            guard values.count == 1, let number = Int(values[0]), number >= 1, number <= limits.itemBytes else {
                return false
            }
            configuration.maxPayloadBytes = number
            return true
        })

    private static let expiry = NodeOption(
        name: "pubsub#item_expire", type: .textSingle, label: "Seconds after which items are removed, or max",
        values: { [$0.itemLifetime.map { String($0) } ?? "max"] },
        set: { configuration, values, _ in
            let text = values.first ?? ""
            guard values.count <= 1 else { return false }
            if text.isEmpty || text == "max" || text == "0" {
                configuration.itemLifetime = nil
                return true
            }
            guard let seconds = Int64(text), seconds >= 1, seconds <= PubSubLimits.itemLifetime else { return false }
            configuration.itemLifetime = seconds
            return true
        })

    private static let notificationType = NodeOption(
        name: "pubsub#notification_type", type: .listSingle, label: "Message type of event notifications",
        choices: { _ in ["normal", "chat", "headline"] }, values: { [$0.notificationType.rawValue] },
        set: { configuration, values, _ in
            guard values.count == 1, ["normal", "chat", "headline"].contains(values[0]),
                let type = MessageType(rawValue: values[0])
            else { return false }
            configuration.notificationType = type
            return true
        })

    // MARK: All

    static let all: [NodeOption] = [
        text("pubsub#title", .textSingle, "A short name for the node", \.title),
        text("pubsub#description", .textSingle, "A description of the node", \.description),
        text("pubsub#type", .textSingle, "Namespace of the payloads", \.type),
        text("pubsub#language", .listSingle, "Language of the node", \.language),
        list("pubsub#contact", .jidMulti, "Addresses of those to contact with questions", \.contacts),
        fixed("pubsub#node_type", .listSingle, "What the node holds", "leaf"),
        choice("pubsub#access_model", "Who may subscribe and retrieve items", \.accessModel) { $0.accessModels },
        choice("pubsub#publish_model", "Who may publish", \.publishModel),
        list(
            "pubsub#roster_groups_allowed", .listMulti, "Roster groups that may subscribe and retrieve items",
            \.rosterGroups),
        flag("pubsub#deliver_notifications", "Deliver event notifications", \.deliversNotifications),
        flag("pubsub#deliver_payloads", "Deliver payloads with event notifications", \.deliversPayloads),
        flag("pubsub#notify_config", "Notify subscribers of configuration changes", \.notifiesConfiguration),
        flag("pubsub#notify_delete", "Notify subscribers when the node is deleted", \.notifiesDeletion),
        flag("pubsub#notify_retract", "Notify subscribers when items are removed", \.notifiesRetraction),
        flag("pubsub#notify_sub", "Notify owners of new and ended subscriptions", \.notifiesSubscriptions),
        flag("pubsub#persist_items", "Persist items", \.persistsItems),
        maxItems,
        expiry,
        maxPayload,
        choice("pubsub#itemreply", "Whose address items carry for replies", \.itemReply),
        choice("pubsub#send_last_published_item", "When to send the last published item", \.sendLastItem),
        flag(
            "pubsub#presence_based_delivery", "Deliver event notifications to available subscribers only",
            \.deliversToAvailable),
        fixed("pubsub#purge_offline", .boolean, "Remove items when their publisher goes offline", "0"),
        fixed("pubsub#tempsub", .boolean, "End subscriptions when the subscriber goes offline", "0"),
        flag("pubsub#subscribe", "Allow subscriptions", \.allowsSubscriptions),
        notificationType,
    ]

    static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}
