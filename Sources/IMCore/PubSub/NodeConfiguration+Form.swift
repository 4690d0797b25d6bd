import XMPPWire

/// The configuration as a data form (XEP-0060 §16.4.4), and as it is stored.
extension NodeConfiguration {
    /// One option: how to show it, write it and read it.
    private struct Option {
        var name: String
        var type: FormField.Kind
        var label: String
        var choices: [String] = []
        var values: (NodeConfiguration) -> [String]
        /// False when the values are not allowed.
        var set: (inout NodeConfiguration, [String], PubSubLimits) -> Bool
    }

    private static func flag(
        _ name: String, _ label: String, _ field: WritableKeyPath<NodeConfiguration, Bool>
    ) -> Option {
        Option(
            name: name, type: .boolean, label: label, values: { [$0[keyPath: field] ? "1" : "0"] },
            set: { configuration, values, _ in
                guard values.count == 1, let value = FormField(name, value: values[0]).isTrue else { return false }
                configuration[keyPath: field] = value
                return true
            })
    }

    private static func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ label: String, _ field: WritableKeyPath<NodeConfiguration, Value>
    ) -> Option {
        Option(
            name: name, type: .listSingle, label: label, choices: Value.allCases.map(\.rawValue),
            values: { [$0[keyPath: field].rawValue] },
            set: { configuration, values, _ in
                guard values.count == 1, let value = Value(rawValue: values[0]) else { return false }
                configuration[keyPath: field] = value
                return true
            })
    }

    private static func text(
        _ name: String, _ label: String, _ field: WritableKeyPath<NodeConfiguration, String>
    ) -> Option {
        Option(
            name: name, type: .textSingle, label: label, values: { [$0[keyPath: field]] },
            set: { configuration, values, _ in
                let value = values.first ?? ""
                guard values.count <= 1, value.utf8.count <= PubSubLimits.nameBytes else { return false }
                configuration[keyPath: field] = value
                return true
            })
    }

    private static func number(
        _ name: String, _ label: String, _ field: WritableKeyPath<NodeConfiguration, Int>,
        _ limit: KeyPath<PubSubLimits, Int>
    ) -> Option {
        Option(
            name: name, type: .textSingle, label: label, values: { [String($0[keyPath: field])] },
            set: { configuration, values, limits in
                guard values.count == 1 else { return false }
                if values[0] == "max", field == \NodeConfiguration.maxItems {
                    configuration[keyPath: field] = limits[keyPath: limit]
                    return true
                }
                guard let value = Int(values[0]), value >= 1, value <= limits[keyPath: limit] else { return false }
                configuration[keyPath: field] = value
                return true
            })
    }

    private static var options: [Option] {
        [
            text("pubsub#title", "A short name for the node", \.title),
            text("pubsub#description", "A description of the node", \.description),
            text("pubsub#type", "Namespace of the payloads", \.type),
            text("pubsub#language", "Language of the node", \.language),
            choice("pubsub#access_model", "Who may subscribe and retrieve items", \.accessModel),
            choice("pubsub#publish_model", "Who may publish", \.publishModel),
            Option(
                name: "pubsub#roster_groups_allowed", type: .textMulti,
                label: "Roster groups that may subscribe and retrieve items", values: \.rosterGroups,
                set: { configuration, values, _ in
                    guard values.count <= PubSubLimits.rosterGroups,
                        values.allSatisfy({ $0.utf8.count <= PubSubLimits.nameBytes })
                    else { return false }
                    configuration.rosterGroups = values
                    return true
                }),
            flag("pubsub#deliver_notifications", "Deliver event notifications", \.deliversNotifications),
            flag("pubsub#deliver_payloads", "Deliver payloads with event notifications", \.deliversPayloads),
            flag("pubsub#notify_config", "Notify subscribers of configuration changes", \.notifiesConfiguration),
            flag("pubsub#notify_delete", "Notify subscribers when the node is deleted", \.notifiesDeletion),
            flag("pubsub#notify_retract", "Notify subscribers when items are removed", \.notifiesRetraction),
            flag("pubsub#persist_items", "Persist items", \.persistsItems),
            number("pubsub#max_items", "Most items to persist, or max", \.maxItems, \.items),
            number("pubsub#max_payload_size", "Most bytes of a payload", \.maxPayloadBytes, \.itemBytes),
            choice("pubsub#send_last_published_item", "When to send the last published item", \.sendLastItem),
            flag("pubsub#subscribe", "Allow subscriptions", \.allowsSubscriptions),
            Option(
                name: "pubsub#notification_type", type: .listSingle, label: "Message type of event notifications",
                choices: ["normal", "chat", "headline"], values: { [$0.notificationType.rawValue] },
                set: { configuration, values, _ in
                    guard values.count == 1, ["normal", "chat", "headline"].contains(values[0]),
                        let type = MessageType(rawValue: values[0])
                    else { return false }
                    configuration.notificationType = type
                    return true
                }),
        ]
    }

    /// Options of the registry (XEP-0060 §16.4.4) that change nothing here and are taken without complaint.
    private static let ignored: Set<String> = [
        "FORM_TYPE", "pubsub#collection", "pubsub#contact", "pubsub#item_expire", "pubsub#itemreply",
        "pubsub#presence_based_delivery", "pubsub#purge_offline", "pubsub#tempsub", "pubsub#notify_sub",
        "pubsub#body_xslt", "pubsub#dataform_xslt", "pubsub#owner", "pubsub#publisher", "pubsub#creator",
        "pubsub#creation_date", "pubsub#num_subscribers", "pubsub#rsm", "pubsub#children",
    ]

    /// The form that shows this configuration.
    public func form(_ kind: DataForm.Kind = .form) -> DataForm {
        DataForm(
            kind, type: PubSubNamespace.nodeConfiguration,
            fields: Self.options.map {
                FormField(
                    $0.name, $0.type, label: $0.label, values: $0.values(self),
                    options: $0.choices.map { FormField.Option($0) })
            })
    }

    /// Takes what a submitted form says.
    /// - Throws: `not-acceptable` naming the field that is unknown or has a value that is not allowed (§8.2.5).
    public mutating func apply(_ form: DataForm, _ limits: PubSubLimits) throws(StanzaError) {
        let options = Self.options
        for field in form.fields where !Self.ignored.contains(field.name) {
            if field.name == "pubsub#node_type" {
                guard field.values == ["leaf"] else { throw .unsupported("collections") }
                continue
            }
            guard let option = options.first(where: { $0.name == field.name }) else {
                throw StanzaError(.modify, .notAcceptable, "'\(field.name)' is not an option of a node")
            }
            guard option.set(&self, field.values, limits) else {
                throw StanzaError(.modify, .notAcceptable, "'\(field.name)' does not allow that value")
            }
        }
    }

    /// Whether the node is as the form demands (§7.1.5): a value that is not allowed, or an option that does not
    /// exist, is a demand that is not met.
    public func meets(_ form: DataForm, _ limits: PubSubLimits) -> Bool {
        var wanted = self
        do { try wanted.apply(form, limits) } catch { return false }
        return wanted == self
    }

    // MARK: Stored

    /// `name US value US value RS name …`: separators that XML cannot carry, so no value has them.
    var stored: String {
        Self.options.map { ([$0.name] + $0.values(self)).joined(separator: "\u{1F}") }.joined(separator: "\u{1E}")
    }

    init(stored: String) {
        self.init()
        // What was allowed when it was stored stays, whatever the limits are now.
        var limits = PubSubLimits()
        limits.items = .max
        limits.itemBytes = .max
        let options = Self.options
        for record in stored.split(separator: "\u{1E}") {
            let parts = record.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
            guard let option = options.first(where: { $0.name == parts[0] }) else { continue }
            _ = option.set(&self, Array(parts.dropFirst()), limits)
        }
    }
}
