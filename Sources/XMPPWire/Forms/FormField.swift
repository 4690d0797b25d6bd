import XMLWire

/// One field of a data form (XEP-0004 §3.2), or a column of reported results.
public struct FormField: Sendable, Equatable {
    /// XEP-0004 §3.3. A field of unknown type counts as `text-single`.
    public enum Kind: String, Sendable {
        case boolean
        case fixed
        case hidden
        case jidMulti = "jid-multi"
        case jidSingle = "jid-single"
        case listMulti = "list-multi"
        case listSingle = "list-single"
        case textMulti = "text-multi"
        case textPrivate = "text-private"
        case textSingle = "text-single"

        /// Whether more than one value makes sense.
        public var isMultiple: Bool { self == .jidMulti || self == .listMulti || self == .textMulti }
    }

    public struct Option: Sendable, Equatable {
        public var label: String?
        public var value: String

        public init(_ value: String, label: String? = nil) {
            self.value = value
            self.label = label
        }
    }

    /// `var`; empty only for fixed fields.
    public var name: String
    /// Nil when not said, as in most submissions.
    public var kind: Kind?
    public var label: String?
    public var description: String?
    public var isRequired: Bool
    public var values: [String]
    public var options: [Option]
    /// What the values must look like (XEP-0122).
    public var rule: FormRule?

    public init(
        _ name: String, _ kind: Kind? = nil, label: String? = nil, description: String? = nil,
        isRequired: Bool = false, values: [String] = [], options: [Option] = [], rule: FormRule? = nil
    ) {
        self.name = name
        self.kind = kind
        self.label = label
        self.description = description
        self.isRequired = isRequired
        self.values = values
        self.options = options
        self.rule = rule
    }

    public init(_ name: String, _ kind: Kind? = nil, label: String? = nil, isRequired: Bool = false, value: String) {
        self.init(name, kind, label: label, isRequired: isRequired, values: [value])
    }

    public init(_ name: String, label: String? = nil, value: Bool) {
        self.init(name, .boolean, label: label, values: [value ? "1" : "0"])
    }

    /// The first value.
    public var value: String? { values.first }

    /// The value of a boolean field (XEP-0004 §3.3: `1` and `true`, `0` and `false`); nil for anything else.
    public var isTrue: Bool? {
        switch value {
        case "1", "true": true
        case "0", "false": false
        default: nil
        }
    }
}

extension FormField {
    /// Reads a `<field/>`; nil when it has no name and is not fixed.
    init?(_ element: XMLElement) {
        let kind = element["type"].map { Kind(rawValue: $0) ?? .textSingle }
        guard let name = element["var"] ?? (kind == .fixed ? "" : nil) else { return nil }
        self.init(name, kind, label: element["label"])
        for child in element.elements {
            if child.namespace == FormRule.namespace, child.name == "validate" { rule = FormRule(child) }
            guard child.namespace == DataForm.namespace else { continue }
            switch child.name {
            case "value": values.append(child.text)
            case "required": isRequired = true
            case "desc": description = child.text
            case "option":
                guard let value = child.child("value", namespace: DataForm.namespace)?.text else { continue }
                options.append(Option(value, label: child["label"]))
            default: break
            }
        }
    }

    var element: XMLElement {
        var element = XMLElement("field", namespace: DataForm.namespace)
        if !name.isEmpty { element["var"] = name }
        if let kind { element["type"] = kind.rawValue }
        if let label { element["label"] = label }
        if let description { element.append("desc", description) }
        if isRequired { element.append(XMLElement("required", namespace: DataForm.namespace)) }
        if let rule { element.append(rule.element) }
        for value in values { element.append("value", value) }
        for option in options {
            var child = XMLElement("option", namespace: DataForm.namespace)
            if let label = option.label { child["label"] = label }
            child.append("value", option.value)
            element.append(child)
        }
        return element
    }
}

extension XMLElement {
    public mutating func append(_ child: XMLElement) { children.append(.element(child)) }

    /// Appends a child of the same namespace that holds text.
    public mutating func append(_ name: String, _ text: String) {
        let content: [Node] = text.isEmpty ? [] : [.text(text)]
        children.append(.element(XMLElement(name, namespace: namespace, children: content)))
    }
}
