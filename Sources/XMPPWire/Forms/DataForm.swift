import XMLWire

/// A data form (XEP-0004): a questionnaire, its answers, or a table of results.
///
/// A form that asks is also the definition against which its answers are checked (`DataForm.answers(in:)`).
public struct DataForm: Sendable, Equatable {
    public static let namespace = "jabber:x:data"
    /// Name of the hidden field that says what the other names mean (XEP-0068).
    public static let formTypeField = "FORM_TYPE"

    /// XEP-0004 §3.1.
    public enum Kind: String, Sendable { case form, submit, cancel, result }

    public var kind: Kind
    public var title: String?
    public var instructions: [String]
    public var fields: [FormField]
    /// Columns of a table of results (§3.4).
    public var reported: [FormField]
    /// Its rows.
    public var items: [[FormField]]

    /// - Parameter formType: becomes the hidden first field (XEP-0068 §3).
    public init(
        _ kind: Kind, type formType: String? = nil, title: String? = nil, instructions: [String] = [],
        fields: [FormField] = [], reported: [FormField] = [], items: [[FormField]] = []
    ) {
        self.kind = kind
        self.title = title
        self.instructions = instructions
        self.fields = formType.map { [FormField(Self.formTypeField, .hidden, value: $0)] + fields } ?? fields
        self.reported = reported
        self.items = items
    }

    /// The field with that name.
    public subscript(name: String) -> FormField? { fields.first { $0.name == name } }

    /// XEP-0068.
    public var formType: String? { self[Self.formTypeField]?.value }
}

extension DataForm {
    /// Reads an `<x xmlns='jabber:x:data'/>`. Nil for another element, an unknown type, or a field without name.
    public init?(_ element: XMLElement) {
        guard element.name == "x", element.namespace == Self.namespace,
            let kind = element["type"].flatMap({ Kind(rawValue: $0) })
        else { return nil }
        self.init(kind)
        for child in element.elements where child.namespace == Self.namespace {
            switch child.name {
            case "title": title = child.text
            case "instructions": instructions.append(child.text)
            case "field":
                guard let field = FormField(child) else { return nil }
                fields.append(field)
            case "reported", "item":
                let row = child.elements.filter { $0.name == "field" && $0.namespace == Self.namespace }
                let read = row.compactMap { FormField($0) }
                guard read.count == row.count else { return nil }
                if child.name == "item" { items.append(read) } else { reported = read }
            default: break
            }
        }
    }

    /// The form inside a wrapper such as `<command/>`; nil when there is none or it cannot be read.
    public init?(in wrapper: XMLElement) {
        guard let element = wrapper.child("x", namespace: Self.namespace) else { return nil }
        self.init(element)
    }

    /// The `<x/>` element.
    public var element: XMLElement {
        var element = XMLElement("x", namespace: Self.namespace, attributes: ["type": kind.rawValue])
        if let title { element.append("title", title) }
        for line in instructions { element.append("instructions", line) }
        for field in fields { element.append(field.element) }
        if !reported.isEmpty { element.append(Self.row("reported", reported)) }
        for item in items { element.append(Self.row("item", item)) }
        return element
    }

    /// The `<x/>` element, serialised with its own namespace declaration.
    public var xml: String {
        var bytes: [UInt8] = []
        element.write(into: &bytes, inheritedNamespace: "")
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func row(_ name: String, _ fields: [FormField]) -> XMLElement {
        XMLElement(name, namespace: namespace, children: fields.map { .element($0.element) })
    }
}
