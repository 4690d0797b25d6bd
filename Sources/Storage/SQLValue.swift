/// A value that every engine can store.
public enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    public static func optional(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
    public static func optional(_ bytes: [UInt8]?) -> SQLValue { bytes.map { .blob($0) } ?? .null }
    public static func bool(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
}

/// One row of an answer; columns by position, in the order of the SELECT.
public struct Row: Sendable {
    public let values: [SQLValue]

    public init(_ values: [SQLValue]) { self.values = values }

    /// Zero when the column is not an integer.
    public func integer(_ column: Int) -> Int64 {
        if case .integer(let value) = values[column] { return value }
        return 0
    }

    public func optionalInteger(_ column: Int) -> Int64? {
        if case .integer(let value) = values[column] { return value }
        return nil
    }

    /// Empty when the column is not text.
    public func text(_ column: Int) -> String { optionalText(column) ?? "" }

    public func optionalText(_ column: Int) -> String? {
        if case .text(let value) = values[column] { return value }
        return nil
    }

    /// Empty when the column holds no bytes.
    public func blob(_ column: Int) -> [UInt8] { optionalBlob(column) ?? [] }

    public func optionalBlob(_ column: Int) -> [UInt8]? {
        if case .blob(let value) = values[column] { return value }
        return nil
    }

    public func bool(_ column: Int) -> Bool { integer(column) != 0 }
}
