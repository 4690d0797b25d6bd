import Foundation
import Yams

/// A value of a setting as the HTTP API, the store and the command line write it: JSON.
public enum SettingValue: Sendable, Equatable {
    case boolean(Bool)
    case integer(Int)
    case text(String)
    case list([SettingValue])
    case group([String: SettingValue])

    /// On one line, keys in order.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// - Returns: nil when the text is not JSON of this kind.
    public init?(json: String) {
        guard let value = try? JSONDecoder().decode(Self.self, from: Data(json.utf8)) else { return nil }
        self = value
    }

    /// For people: `on`, `200`, `[a, b]`.
    public var shown: String {
        switch self {
        case .boolean(let value): value ? "on" : "off"
        case .integer(let value): String(value)
        case .text(let value): value
        case .list(let values): "[" + values.map(\.shown).joined(separator: ", ") + "]"
        case .group(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.shown)" }.joined(separator: ", ") + "}"
        }
    }

    /// As the file would say it.
    var node: Node {
        switch self {
        case .boolean(let value): Node(value ? "on" : "off")
        case .integer(let value): Node(String(value))
        case .text(let value): Node(value, .implicit, .doubleQuoted)
        case .list(let values): Node(values.map(\.node))
        case .group(let values):
            Node(values.sorted { $0.key < $1.key }.map { (Node($0.key), $0.value.node) })
        }
    }
}

extension SettingValue: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([SettingValue].self) {
            self = .list(value)
        } else {
            self = .group(try container.decode([String: SettingValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .group(let value): try container.encode(value)
        }
    }
}
