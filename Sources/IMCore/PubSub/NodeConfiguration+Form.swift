import XMPPWire

/// The configuration as a data form (XEP-0060 §16.4.4), and as it is stored.
extension NodeConfiguration {
    /// Options of the registry (XEP-0060 §16.4.4) that change nothing here and are taken without complaint.
    private static let ignored: Set<String> = [
        "FORM_TYPE", "pubsub#body_xslt", "pubsub#dataform_xslt", "pubsub#owner", "pubsub#publisher", "pubsub#creator",
        "pubsub#creation_date", "pubsub#num_subscribers", "pubsub#rsm", "pubsub#children",
    ]

    /// The form that shows this configuration.
    /// - Parameter limits: of the service, for what it offers to choose from.
    public func form(_ kind: DataForm.Kind = .form, _ limits: PubSubLimits = PubSubLimits()) -> DataForm {
        DataForm(
            kind, type: PubSubNamespace.nodeConfiguration,
            fields: NodeOption.all.map { option in
                guard kind == .form else { return FormField(option.name, values: option.values(self)) }
                let choices = option.choices(limits).map { FormField.Option($0) }
                // The registry has lists where anything can be typed (XEP-0122 §3.2.2).
                let isOpen = choices.isEmpty && (option.type == .listSingle || option.type == .listMulti)
                return FormField(
                    option.name, option.type, label: option.label, values: option.values(self), options: choices,
                    rule: isOpen ? FormRule("xs:string", isOpen: true) : nil)
            })
    }

    /// Takes what a submitted form says.
    /// - Throws: `not-acceptable` naming the field that is unknown or has a value that is not allowed (§8.2.5), with
    ///   `unsupported-access-model` for that one (§8.1.2), `feature-not-implemented` for collections.
    public mutating func apply(_ form: DataForm, _ limits: PubSubLimits) throws(StanzaError) {
        for field in form.fields where !Self.ignored.contains(field.name) {
            if field.name == "pubsub#collection" {
                guard field.values.allSatisfy(\.isEmpty) else { throw .unsupported("collections") }
                continue
            }
            guard let option = NodeOption.byName[field.name] else {
                throw StanzaError(.modify, .notAcceptable, "'\(field.name)' is not an option of a node")
            }
            if option.set(&self, field.values, limits) { continue }
            switch field.name {
            case "pubsub#node_type": throw .unsupported("collections")
            case "pubsub#access_model": throw .pubsub(.modify, .notAcceptable, "unsupported-access-model")
            default: throw StanzaError(.modify, .notAcceptable, "'\(field.name)' does not allow that value")
            }
        }
    }

    /// Whether the node is as the form demands (§7.1.5): a value that is not allowed, or an option that does not
    /// exist, is a demand that is not met.
    public func meets(_ form: DataForm, _ limits: PubSubLimits) -> Bool {
        var actual = self
        actual.maxItems = itemLimit(limits)
        var wanted = actual
        do { try wanted.apply(form, limits) } catch { return false }
        wanted.maxItems = wanted.itemLimit(limits)
        return wanted == actual
    }

    // MARK: Stored

    /// `name US value US value RS name …`: separators that XML cannot carry, so no value has them.
    var stored: String {
        NodeOption.all.map { ([$0.name] + $0.values(self)).joined(separator: "\u{1F}") }.joined(separator: "\u{1E}")
    }

    init(stored: String) {
        self.init()
        // What was allowed when it was stored stays, whatever the limits are now.
        var limits = PubSubLimits()
        limits.items = .max
        limits.itemBytes = .max
        for record in stored.split(separator: "\u{1E}") {
            let parts = record.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
            _ = NodeOption.byName[parts[0]]?.set(&self, Array(parts.dropFirst()), limits)
        }
    }
}
