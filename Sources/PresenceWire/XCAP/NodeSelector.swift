import XMLWire

/// What a node selector names inside of a document (RFC 4825 §6.3).
public struct NodeSelector: Sendable, Equatable {
    public struct Name: Sendable, Equatable {
        /// Empty for none.
        public var namespace: String
        public var local: String

        public init(namespace: String, local: String) {
            self.namespace = namespace
            self.local = local
        }
    }

    public struct Step: Sendable, Equatable {
        /// Nil for `*`.
        public var name: Name?
        /// Among the siblings that the name fits, from 1.
        public var position: Int?
        public var attribute: Name?
        public var value: String?

        func fits(_ element: XMLElement) -> Bool {
            name.map { $0.local == element.name && $0.namespace == element.namespace } ?? true
        }

        func hasAttribute(_ element: XMLElement) -> Bool {
            guard let attribute, let value else { return true }
            return element.value(of: attribute) == value
        }
    }

    public enum Terminal: Sendable, Equatable {
        case element
        case attribute(Name)
        /// `namespace::*`
        case namespaces
    }

    /// Never empty; the first one is about the root.
    public var steps: [Step]
    public var terminal: Terminal
    /// Prefixes that the query of the address declares.
    public var prefixes: [(prefix: String, uri: String)]

    public static func == (left: NodeSelector, right: NodeSelector) -> Bool {
        left.steps == right.steps && left.terminal == right.terminal
    }

    static let maximumSteps = 32

    /// - Parameters:
    ///   - text: what stands behind `~~/`, decoded.
    ///   - query: what stands behind `?`, decoded: `xmlns(prefix=uri)` any number of times.
    ///   - namespace: of unprefixed element names (RFC 4825 §5.2).
    /// - Returns: nil for what is no node selector, or has a prefix that the query does not declare: 400.
    public init?(_ text: String, query: String?, defaultNamespace namespace: String) {
        guard let prefixes = Self.prefixes(query ?? "") else { return nil }
        self.prefixes = prefixes
        steps = []
        terminal = .element
        var reader = Reader(Array(text.utf8))
        repeat {
            guard terminal == .element, steps.count < Self.maximumSteps else { return nil }
            if reader.skip("@") {
                guard !steps.isEmpty, let name = reader.name(prefixes, defaultNamespace: "") else { return nil }
                terminal = .attribute(name)
            } else if reader.skip("namespace::*") {
                guard !steps.isEmpty else { return nil }
                terminal = .namespaces
            } else {
                guard let step = reader.step(prefixes, defaultNamespace: namespace) else { return nil }
                steps.append(step)
            }
        } while reader.skip("/")
        guard reader.isAtEnd else { return nil }
    }

    /// `xmlns()` scheme of XPointer: `^` takes the meaning of a parenthesis away.
    private static func prefixes(_ query: String) -> [(prefix: String, uri: String)]? {
        var result: [(prefix: String, uri: String)] = []
        var rest = Array(query.utf8)[...]
        while true {
            while let byte = rest.first, byte == 32 || byte == 9 || byte == 10 || byte == 13 { rest = rest.dropFirst() }
            guard !rest.isEmpty else { return result }
            guard rest.starts(with: "xmlns(".utf8), result.count < 32 else { return nil }
            rest = rest.dropFirst(6)
            var inside: [UInt8] = []
            var depth = 1
            while let byte = rest.first {
                rest = rest.dropFirst()
                if byte == UInt8(ascii: "^"), let escaped = rest.first {
                    inside.append(escaped)
                    rest = rest.dropFirst()
                    continue
                }
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") {
                    depth -= 1
                    if depth == 0 { break }
                }
                inside.append(byte)
            }
            guard depth == 0, let equals = inside.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let prefix = trimmed(inside[..<equals])
            let uri = trimmed(inside[(equals + 1)...])
            guard !prefix.isEmpty, !uri.isEmpty, prefix != "xml", prefix != "xmlns" else { return nil }
            result.append((prefix, uri))
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        var bytes = bytes
        while bytes.first == 32 { bytes = bytes.dropFirst() }
        while bytes.last == 32 { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension NodeSelector {
    fileprivate struct Reader {
        let bytes: [UInt8]
        var index = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { index == bytes.count }

        mutating func skip(_ text: String) -> Bool {
            guard bytes[index...].starts(with: text.utf8) else { return false }
            index += text.utf8.count
            return true
        }

        mutating func step(
            _ prefixes: [(prefix: String, uri: String)], defaultNamespace: String
        ) -> Step? {
            var step = Step()
            if !skip("*") {
                guard let name = name(prefixes, defaultNamespace: defaultNamespace) else { return nil }
                step.name = name
            }
            while skip("[") {
                if skip("@") {
                    guard step.attribute == nil, let name = name(prefixes, defaultNamespace: ""), skip("="),
                        let value = quoted()
                    else { return nil }
                    (step.attribute, step.value) = (name, value)
                } else {
                    guard step.position == nil, step.attribute == nil, let position = number() else { return nil }
                    step.position = position
                }
                guard skip("]") else { return nil }
            }
            return step
        }

        private mutating func number() -> Int? {
            let start = index
            while index < bytes.count, (48...57).contains(bytes[index]), index - start < 7 { index += 1 }
            let value = Int(String(decoding: bytes[start..<index], as: UTF8.self))
            return value.flatMap { $0 > 0 ? $0 : nil }
        }

        private mutating func quoted() -> String? {
            guard index < bytes.count, bytes[index] == 0x22 || bytes[index] == 0x27 else { return nil }
            let quote = bytes[index]
            let start = index + 1
            guard let end = bytes[start...].firstIndex(of: quote) else { return nil }
            index = end + 1
            return bytes[start..<end].withUnsafeBytes { XMLEscape.unescape(attribute: $0) }
        }

        /// A name with or without prefix.
        mutating func name(
            _ prefixes: [(prefix: String, uri: String)], defaultNamespace: String
        ) -> Name? {
            let start = index
            while index < bytes.count, isNameByte(bytes[index]) { index += 1 }
            let text = String(decoding: bytes[start..<index], as: UTF8.self)
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard let first = parts.first?.utf8.first, !(48...57).contains(first), first != 45, first != 46 else {
                return nil
            }
            if parts.count == 1 { return Name(namespace: defaultNamespace, local: parts[0]) }
            guard parts.count == 2, !parts[1].isEmpty else { return nil }
            if parts[0] == "xml" { return Name(namespace: XMLElement.xmlNamespace, local: parts[1]) }
            guard let uri = prefixes.last(where: { $0.prefix == parts[0] })?.uri else { return nil }
            return Name(namespace: uri, local: parts[1])
        }

        private func isNameByte(_ byte: UInt8) -> Bool {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 58, 95: true
            default: byte >= 0x80
            }
        }
    }
}

extension XMLElement {
    /// The value of an attribute by its expanded name.
    public func value(of name: NodeSelector.Name) -> String? {
        index(of: name).map { attributes[$0].value }
    }

    func index(of name: NodeSelector.Name) -> Int? {
        attributes.firstIndex { attribute in
            let local = attribute.name.split(separator: ":").last.map(String.init) ?? attribute.name
            return local == name.local && (attribute.namespace ?? "") == name.namespace
        }
    }
}
