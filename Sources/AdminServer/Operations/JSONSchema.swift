/// The shape of a JSON value, in the part of JSON Schema 2020-12 that the HTTP API uses.
///
/// One value describes a type in the OpenAPI document and checks what callers send.
public struct JSONSchema: Sendable, Equatable {
    public indirect enum Kind: Sendable, Equatable {
        case string, integer, number, boolean, any
        case array(JSONSchema)
        /// `additional` is the schema of members that are not named; nil when there may be none.
        case object([Property], additional: JSONSchema?)
    }

    public struct Property: Sendable, Equatable {
        public var name: String
        public var schema: JSONSchema
        public var isRequired: Bool
    }

    public var kind: Kind
    /// Under which a type stands among the components of the OpenAPI document; nil for what is written out in place.
    public var name: String?
    public var isNullable = false
    public var summary: String?
    /// The words that a string may be; empty for any.
    public var allowed: [String] = []
    /// Bounds: of an integer its value, of a string its length in characters, of an array its count.
    public var minimum: Int?
    public var maximum: Int?
    /// `date-time`, `password`, `uri` …
    public var format: String?
    public var example: JSONValue?

    public init(_ kind: Kind, name: String? = nil) {
        self.kind = kind
        self.name = name
    }

    public static let string = JSONSchema(.string)
    public static let integer = JSONSchema(.integer)
    public static let boolean = JSONSchema(.boolean)
    public static let any = JSONSchema(.any)

    public static func integer(_ range: ClosedRange<Int>) -> JSONSchema {
        var schema = integer
        (schema.minimum, schema.maximum) = (range.lowerBound, range.upperBound)
        return schema
    }

    /// A string of so many characters.
    public static func string(_ length: ClosedRange<Int>) -> JSONSchema {
        var schema = string
        (schema.minimum, schema.maximum) = (length.lowerBound, length.upperBound)
        return schema
    }

    public static func words(_ allowed: [String]) -> JSONSchema {
        var schema = string
        schema.allowed = allowed
        return schema
    }
}

/// One thing that is wrong with a value that a caller sent.
public struct SchemaFault: Codable, Sendable, Equatable {
    /// JSON pointer to the place (RFC 6901); empty for the whole.
    public var pointer: String
    /// What was expected; never what was found, which may be a secret.
    public var detail: String

    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}

extension JSONSchema {
    private static let faultsPerValue = 20

    /// Everything that is wrong with `value`, at most twenty things.
    public func faults(of value: JSONValue) -> [SchemaFault] {
        var faults: [SchemaFault] = []
        check(value, at: "", &faults)
        return faults
    }

    private func check(_ value: JSONValue, at pointer: String, _ faults: inout [SchemaFault]) {
        guard faults.count < Self.faultsPerValue else { return }
        func expect(_ isRight: Bool, _ detail: @autoclosure () -> String) {
            if !isRight { faults.append(SchemaFault(pointer: pointer, detail: detail())) }
        }
        if value == .null, isNullable { return }
        switch (kind, value) {
        case (.any, _), (.boolean, .bool), (.number, .number), (.number, .integer): return
        case (.integer, .integer(let number)):
            expect(number >= minimum ?? .min && number <= maximum ?? .max, "expected \(expectation)")
        case (.string, .string(let text)):
            expect(allowed.isEmpty || allowed.contains(text), "expected \(expectation)")
            guard minimum != nil || maximum != nil else { return }
            let count = text.unicodeScalars.count
            expect(count >= minimum ?? 0 && count <= maximum ?? .max, "expected \(expectation)")
        case (.array(let item), .array(let items)):
            expect(
                items.count >= minimum ?? 0 && items.count <= maximum ?? .max, "expected \(expectation)")
            for (index, element) in items.enumerated() where faults.count < Self.faultsPerValue {
                item.check(element, at: "\(pointer)/\(index)", &faults)
            }
        case (.object(let properties, let additional), .object(let members)):
            for property in properties {
                let place = "\(pointer)/\(Self.escaped(property.name))"
                if let member = members[property.name] {
                    property.schema.check(member, at: place, &faults)
                } else if property.isRequired {
                    faults.append(SchemaFault(pointer: place, detail: "is missing"))
                }
            }
            for (name, member) in members.sorted(by: { $0.key < $1.key })
            where faults.count < Self.faultsPerValue && !properties.contains(where: { $0.name == name }) {
                let place = "\(pointer)/\(Self.escaped(String(name.prefix(64))))"
                guard let additional else {
                    faults.append(SchemaFault(pointer: place, detail: "is not known here"))
                    continue
                }
                additional.check(member, at: place, &faults)
            }
        default: expect(false, "expected \(expectation)")
        }
    }

    /// For people: `a whole number from 1 to 1000`.
    public var expectation: String {
        func bounds(_ unit: String) -> String {
            switch (minimum, maximum) {
            case (nil, nil): ""
            case (let low?, nil): " of at least \(low) \(unit)"
            case (nil, let high?): " of at most \(high) \(unit)"
            case (let low?, let high?): " of \(low) to \(high) \(unit)"
            }
        }
        return switch kind {
        case .any: "any value"
        case .boolean: "true or false"
        case .number: "a number"
        case .integer where minimum == nil && maximum == nil: "a whole number"
        case .integer: "a whole number from \(minimum ?? .min) to \(maximum ?? .max)"
        case .string where !allowed.isEmpty: "one of \(allowed.joined(separator: ", "))"
        case .string: "a text" + bounds("characters")
        case .array: "a list" + bounds("entries")
        case .object: "an object"
        }
    }

    private static func escaped(_ name: String) -> String {
        name.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}

extension JSONSchema {
    /// The schema as JSON; named ones inside become references, and are put into `components`.
    func json(components: inout [String: JSONValue]) -> JSONValue {
        guard let name else { return written(components: &components) }
        if components[name] == nil {
            components[name] = .null
            var bare = self
            bare.isNullable = false
            components[name] = bare.written(components: &components)
        }
        let reference: JSONValue = ["$ref": .string("#/components/schemas/\(name)")]
        return isNullable ? ["oneOf": [reference, ["type": "null"]]] : reference
    }

    private func written(components: inout [String: JSONValue]) -> JSONValue {
        var members: [String: JSONValue] = [:]
        var type: String?
        switch kind {
        case .any: break
        case .boolean: type = "boolean"
        case .number: type = "number"
        case .integer:
            type = "integer"
            members["minimum"] = minimum.map { .integer($0) }
            members["maximum"] = maximum.map { .integer($0) }
        case .string:
            type = "string"
            members["minLength"] = minimum.map { .integer($0) }
            members["maxLength"] = maximum.map { .integer($0) }
            if !allowed.isEmpty {
                members["enum"] = .array(allowed.map { .string($0) } + (isNullable ? [.null] : []))
            }
        case .array(let item):
            type = "array"
            members["items"] = item.json(components: &components)
            members["minItems"] = minimum.map { .integer($0) }
            members["maxItems"] = maximum.map { .integer($0) }
        case .object(let properties, let additional):
            type = "object"
            members["properties"] = .object(
                Dictionary(uniqueKeysWithValues: properties.map { ($0.name, $0.schema.json(components: &components)) }))
            let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
            if !required.isEmpty { members["required"] = .array(required) }
            members["additionalProperties"] = additional?.json(components: &components) ?? false
        }
        if let type { members["type"] = isNullable ? [.string(type), "null"] : .string(type) }
        members["description"] = summary.map { .string($0) }
        members["format"] = format.map { .string($0) }
        if let example { members["examples"] = [example] }
        return .object(members)
    }
}
