import XMLWire

/// What the values of a field must look like (XEP-0122): a datatype and, for numbers, a range.
///
/// Regular expressions and list ranges of the specification are not offered and not read.
public struct FormRule: Sendable, Equatable {
    public static let namespace = "http://jabber.org/protocol/xdata-validate"

    /// `xs:string`, `xs:integer`, …
    public var datatype: String
    /// Bounds of an integer, both included; nil for none.
    public var minimum: Int?
    public var maximum: Int?
    /// Values besides the options of a list are welcome (§3.2.2).
    public var isOpen: Bool

    public init(_ datatype: String, minimum: Int? = nil, maximum: Int? = nil, isOpen: Bool = false) {
        self.datatype = datatype
        self.minimum = minimum
        self.maximum = maximum
        self.isOpen = isOpen
    }

    public static func integer(_ range: ClosedRange<Int>) -> FormRule {
        FormRule("xs:integer", minimum: range.lowerBound, maximum: range.upperBound)
    }

    init(_ element: XMLElement) {
        self.init(element["datatype"] ?? "xs:string")
        isOpen = element.child("open", namespace: Self.namespace) != nil
        if let range = element.child("range", namespace: Self.namespace) {
            minimum = range["min"].flatMap { Int($0) }
            maximum = range["max"].flatMap { Int($0) }
        }
    }

    var element: XMLElement {
        var element = XMLElement("validate", namespace: Self.namespace, attributes: ["datatype": datatype])
        if isOpen {
            element.append(XMLElement("open", namespace: Self.namespace))
        } else if minimum != nil || maximum != nil {
            var range = XMLElement("range", namespace: Self.namespace)
            if let minimum { range["min"] = String(minimum) }
            if let maximum { range["max"] = String(maximum) }
            element.append(range)
        }
        return element
    }

    private static let integers: Set<String> = [
        "xs:integer", "xs:int", "xs:long", "xs:short", "xs:byte", "xs:nonNegativeInteger", "xs:positiveInteger",
        "xs:unsignedInt", "xs:unsignedLong",
    ]

    func allows(_ value: String) -> Bool {
        guard Self.integers.contains(datatype) else { return true }
        guard let number = Int(value) else { return false }
        return number >= minimum ?? .min && number <= maximum ?? .max
    }

    /// What a refused field is told.
    var expectation: String {
        switch (minimum, maximum) {
        case (let minimum?, let maximum?): "is not a number from \(minimum) to \(maximum)"
        case (let minimum?, nil): "is not a number of at least \(minimum)"
        case (nil, let maximum?): "is not a number of at most \(maximum)"
        case (nil, nil): "is not a number"
        }
    }
}
