/// A type whose JSON is not what its stored properties say.
public protocol SchemaDescribed: Decodable {
    static var schema: JSONSchema { get }
    /// Any value, needed while the schema of a type with such a property is recorded.
    static var placeholder: Self { get }
}

/// A type that says more about its properties than their Swift types do.
public protocol FieldDescribed: Decodable {
    /// By the name in JSON.
    static var fields: [String: FieldNote] { get }
}

/// What is known of a property beyond its type.
public struct FieldNote: Sendable {
    public var summary: String
    public var range: ClosedRange<Int>?
    public var allowed: [String]
    public var format: String?

    /// - Parameter range: of an integer its value, of a string its length, of a list its count.
    public init(
        _ summary: String, range: ClosedRange<Int>? = nil, allowed: [String] = [], format: String? = nil
    ) {
        self.summary = summary
        self.range = range
        self.allowed = allowed
        self.format = format
    }
}

extension JSONValue: SchemaDescribed {
    public static var schema: JSONSchema { .any }
    public static var placeholder: JSONValue { .null }
}

extension JSONSchema {
    /// The schema of a type, found by letting its `init(from:)` ask for its properties.
    ///
    /// Synthesised conformances of structs, enums with string raw values that are `CaseIterable`, lists, dictionaries
    /// with string keys and optionals are understood; any other type must be `SchemaDescribed`.
    public static func of(_ type: any Decodable.Type) -> JSONSchema {
        switch type {
        case let type as any SchemaDescribed.Type: return type.schema
        case let type as any OptionalShape.Type:
            var schema = of(type.wrapped)
            schema.isNullable = true
            return schema
        case let type as any ListShape.Type: return JSONSchema(.array(of(type.element)))
        case let type as any MapShape.Type: return JSONSchema(.object([], additional: of(type.element)))
        case is String.Type: return .string
        case is Bool.Type: return .boolean
        case is Double.Type, is Float.Type: return JSONSchema(.number)
        case is any FixedWidthInteger.Type: return .integer
        case let type as any CaseIterable.Type: return .words(rawValues(type))
        default: return recorded(type)
        }
    }

    private static func rawValues(_ type: (some CaseIterable).Type) -> [String] {
        type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    }

    private static func recorded(_ type: any Decodable.Type) -> JSONSchema {
        let recorder = SchemaRecorder()
        // What fails has asked for what it needs before.
        _ = try? type.init(from: recorder)
        var properties = recorder.properties
        if let notes = (type as? any FieldDescribed.Type)?.fields {
            for index in properties.indices {
                guard let note = notes[properties[index].name] else { continue }
                properties[index].schema.take(note)
            }
        }
        return JSONSchema(.object(properties, additional: nil), name: componentName(type))
    }

    private mutating func take(_ note: FieldNote) {
        // A reference says nothing of its own.
        guard name == nil else { return }
        summary = note.summary
        if let range = note.range { (minimum, maximum) = (range.lowerBound, range.upperBound) }
        if !note.allowed.isEmpty { allowed = note.allowed }
        format = note.format ?? format
    }

    /// `AdminPage<AdminUser>` → `PageOfUser`, `AdminPortableBatch.User` → `PortableBatch.User`.
    static func componentName(_ type: Any.Type) -> String {
        let full = String(reflecting: type).split(separator: "<", maxSplits: 1).map { part in
            let name = part.filter { $0 != ">" }.split(separator: ".").dropFirst().joined(separator: ".")
            return name.hasPrefix("Admin") ? String(name.dropFirst(5)) : name
        }
        return full.joined(separator: "Of")
    }
}

private protocol OptionalShape { static var wrapped: any Decodable.Type { get } }
private protocol ListShape {
    static var element: any Decodable.Type { get }
    static var empty: Self { get }
}
private protocol MapShape {
    static var element: any Decodable.Type { get }
    static var empty: Self { get }
}

extension Optional: OptionalShape where Wrapped: Decodable {
    fileprivate static var wrapped: any Decodable.Type { Wrapped.self }
}
extension Array: ListShape where Element: Decodable {
    fileprivate static var element: any Decodable.Type { Element.self }
    fileprivate static var empty: Self { [] }
}
extension Dictionary: MapShape where Key == String, Value: Decodable {
    fileprivate static var element: any Decodable.Type { Value.self }
    fileprivate static var empty: Self { [:] }
}

/// A decoder that has nothing to decode: it notes what it is asked for.
private final class SchemaRecorder: Decoder {
    struct NotRecorded: Error {}

    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    private(set) var properties: [JSONSchema.Property] = []

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(KeyedRecorder<Key>(recorder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NotRecorded() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NotRecorded() }

    func note(_ name: String, _ type: any Decodable.Type, isOptional: Bool) {
        guard !properties.contains(where: { $0.name == name }) else { return }
        var schema = JSONSchema.of(type)
        if isOptional { schema.isNullable = true }
        properties.append(.init(name: name, schema: schema, isRequired: !schema.isNullable))
    }

    /// Any value of the type.
    static func placeholder<T: Decodable>(_ type: T.Type) throws -> T {
        let found: Any? =
            switch type {
            case let type as any SchemaDescribed.Type: type.placeholder
            case let type as any ListShape.Type: type.empty
            case let type as any MapShape.Type: type.empty
            case is String.Type: ""
            case is Bool.Type: false
            case let type as any CaseIterable.Type: first(type)
            default: try type.init(from: SchemaRecorder())
            }
        guard let value = found as? T else { throw NotRecorded() }
        return value
    }

    private static func first<C: CaseIterable>(_ type: C.Type) -> Any? { type.allCases.first }
}

private final class KeyedRecorder<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let codingPath: [any CodingKey] = []
    let allKeys: [Key] = []
    private let recorder: SchemaRecorder
    /// Asked whether it is null: the property may be missing.
    private var optional: Set<String> = []

    init(recorder: SchemaRecorder) { self.recorder = recorder }

    func contains(_ key: Key) -> Bool { true }

    func decodeNil(forKey key: Key) -> Bool {
        optional.insert(key.stringValue)
        return false
    }

    private func note<T: Decodable>(_ type: T.Type, _ key: Key) {
        recorder.note(key.stringValue, type, isOptional: optional.contains(key.stringValue))
    }

    func decode(_ type: Bool.Type, forKey key: Key) -> Bool {
        note(type, key)
        return false
    }
    func decode(_ type: String.Type, forKey key: Key) -> String {
        note(type, key)
        return ""
    }
    func decode(_ type: Double.Type, forKey key: Key) -> Double {
        note(type, key)
        return 0
    }
    func decode(_ type: Float.Type, forKey key: Key) -> Float {
        note(type, key)
        return 0
    }
    private func zero<N: FixedWidthInteger & Decodable>(_ type: N.Type, _ key: Key) -> N {
        note(type, key)
        return 0
    }
    func decode(_ type: Int.Type, forKey key: Key) -> Int { zero(type, key) }
    func decode(_ type: Int8.Type, forKey key: Key) -> Int8 { zero(type, key) }
    func decode(_ type: Int16.Type, forKey key: Key) -> Int16 { zero(type, key) }
    func decode(_ type: Int32.Type, forKey key: Key) -> Int32 { zero(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) -> Int64 { zero(type, key) }
    func decode(_ type: UInt.Type, forKey key: Key) -> UInt { zero(type, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) -> UInt8 { zero(type, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) -> UInt16 { zero(type, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) -> UInt32 { zero(type, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) -> UInt64 { zero(type, key) }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        note(type, key)
        return try SchemaRecorder.placeholder(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw SchemaRecorder.NotRecorded() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw SchemaRecorder.NotRecorded()
    }
    func superDecoder() throws -> any Decoder { throw SchemaRecorder.NotRecorded() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw SchemaRecorder.NotRecorded() }
}
