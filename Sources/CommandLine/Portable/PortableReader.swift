import IMCore
import XMLWire

/// Cuts a portable file (XEP-0227) as its bytes come in: into accounts and their elements, in bounded memory.
///
/// What contains much (`<offline-messages/>`, `<archive/>`, `<pubsub/>`, `<items/>`) is gone into; every other element
/// is handed out whole. Comments and processing instructions between elements are skipped. The root is `<server-data/>`,
/// or a `<host/>`, as in the parts that ejabberd writes.
struct PortableReader {
    enum Event: Equatable {
        case userStart(line: Int, jid: String, password: String?)
        case record(PortableRecord)
        case userEnd
        /// An element outside of accounts that means nothing here.
        case leftOut(line: Int, what: String)
    }

    /// Why the file cannot be read on.
    struct Fault: Error, Equatable {
        var line: Int
        var reason: String
    }

    /// Bytes of the largest element that is handed out whole.
    static let elementBytes = 8 * 1_048_576
    /// Bytes of the longest start tag, comment or the like between elements.
    private static let tagBytes = 65_536

    private enum Kind: Equatable {
        case serverData, host, user, offline, archive, nodes, pubsub, items

        var place: PortableRecord.Place? {
            switch self {
            case .serverData, .host, .pubsub: nil
            case .user: .user
            case .offline: .offline
            case .archive: .archive
            case .nodes: .nodes
            case .items: .items
            }
        }
    }

    /// An element that is open.
    private struct Level {
        var kind: Kind
        var node = ""
        var scanner: XMLStreamScanner
        var defaultNamespace: String
        var prefixes: [(prefix: String, uri: String)]
    }

    private var buffer: [UInt8] = []
    private var position = 0
    private(set) var line = 1
    private var levels: [Level] = []
    private let frame = ElementFrame()
    private var host = ""
    private var isEnded = false

    /// Takes the next bytes of the file.
    mutating func feed(_ bytes: some Sequence<UInt8>, emit: (Event) throws -> Void) throws {
        if position > 0 {
            buffer.removeFirst(position)
            position = 0
        }
        buffer += bytes
        while try step(emit) {}
    }

    /// The file is at its end.
    func finish() throws(Fault) {
        guard isEnded else {
            throw Fault(
                line: line, reason: levels.isEmpty && buffer.isEmpty ? "the file is empty" : "the file ends too early")
        }
    }

    // MARK: Steps

    private var rest: ArraySlice<UInt8> { buffer[position...] }

    private mutating func consume(_ length: Int) {
        for byte in buffer[position..<position + length] where byte == 10 { line += 1 }
        position += length
    }

    private func fault(_ reason: String) -> Fault { Fault(line: line, reason: reason) }

    /// False when more bytes are needed.
    private mutating func step(_ emit: (Event) throws -> Void) throws -> Bool {
        guard let first = rest.first else { return false }
        if levels.isEmpty || isEnded { return try stepOutside(first, emit) }
        if frame.isInProgress { return try scan(emit) }
        guard first == 0x3C else { return try scan(emit) }
        guard rest.count > 1 else { return false }
        switch rest[position + 1] {
        case UInt8(ascii: "!"), UInt8(ascii: "?"): return try skipMarkup()
        case UInt8(ascii: "/"): return try scan(emit)
        default: return try startTag(emit)
        }
    }

    /// Before the root, and after it.
    private mutating func stepOutside(_ first: UInt8, _ emit: (Event) throws -> Void) throws -> Bool {
        if first <= 32 {
            consume(1)
            return true
        }
        if first == 0xEF, position == 0, line == 1 {
            guard rest.count > 2 else { return false }
            guard Array(rest.prefix(3)) == [0xEF, 0xBB, 0xBF] else { throw fault("not XML") }
            consume(3)
            return true
        }
        guard first == 0x3C else { throw fault(isEnded ? "text after the end" : "not XML in UTF-8") }
        guard rest.count > 1 else { return false }
        switch rest[position + 1] {
        case UInt8(ascii: "!"), UInt8(ascii: "?"): return try skipMarkup()
        default:
            guard !isEnded else { throw fault("an element after the end") }
            return try startTag(emit)
        }
    }

    /// A comment, a processing instruction or the XML declaration.
    private mutating func skipMarkup() throws -> Bool {
        let isComment = rest.starts(with: Array("<!--".utf8))
        guard isComment || rest[position + 1] == UInt8(ascii: "?") || rest.count < 4 else {
            throw fault("document types and character data are not allowed here")
        }
        let end = Array((isComment ? "-->" : "?>").utf8)
        guard rest.count >= 4, let length = Self.index(of: end, in: rest.dropFirst(isComment ? 4 : 2)) else {
            guard rest.count <= Self.tagBytes else { throw fault("a comment or the like without end") }
            return false
        }
        consume(length - position + end.count)
        return true
    }

    private static func index(of pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        return (bytes.startIndex...bytes.endIndex - pattern.count).first { bytes[$0...].starts(with: pattern) }
    }

    /// Lets the scanner of the innermost open element go on.
    private mutating func scan(_ emit: (Event) throws -> Void) throws -> Bool {
        let index = levels.count - 1
        let event = rest.withUnsafeBytes { levels[index].scanner.next($0, frame: frame) }
        switch event {
        case .needMoreBytes: return false
        case .whitespace(let length): consume(length)
        case .element(let length):
            try take(length, emit)
            consume(length)
        case .streamClose(let length):
            consume(length)
            let level = levels.removeLast()
            if level.kind == .user { try emit(.userEnd) }
            if levels.isEmpty { isEnded = true }
        case .streamOpen: throw fault("not as expected")
        case .fault(let reason): throw fault(Self.text(of: reason))
        }
        return true
    }

    private static func text(of fault: XMLFault) -> String {
        switch fault {
        case .notWellFormed(let reason): "not well-formed: \(reason)"
        case .badNamespacePrefix: "a prefix is not declared"
        case .restricted(let construct): "\(construct): not allowed inside of an element"
        case .unsupportedEncoding: "not UTF-8"
        case .tooLarge: "an element has more than \(elementBytes) bytes"
        case .tooDeep: "elements are nested too deeply or have too many attributes"
        }
    }

    /// An element that stands whole in the buffer.
    private func take(_ length: Int, _ emit: (Event) throws -> Void) throws {
        guard let level = levels.last else { return }
        let element = try parse(Array(rest.prefix(length)))
        guard let place = level.kind.place else {
            let what = "<\(element.name)/> of \(element.namespace.isEmpty ? "no namespace" : element.namespace)"
            return try emit(.leftOut(line: line, what: what))
        }
        var bytes: [UInt8] = []
        // No namespace is written like this one: a declaration always stands there.
        element.write(into: &bytes, inheritedNamespace: " ")
        try emit(.record(PortableRecord(line: line, place: place, node: level.node, bytes: bytes)))
    }

    private func parse(_ bytes: [UInt8]) throws -> XMLElement {
        do {
            return try bytes.withUnsafeBytes {
                try XMLElement(
                    parsing: $0, streamDefaultNamespace: levels.last?.defaultNamespace ?? "",
                    streamPrefixes: levels.last?.prefixes ?? [])
            }
        } catch let error as XMLFault {
            throw fault(Self.text(of: error))
        }
    }

    // MARK: Start tags

    /// Goes into the element that begins here, or leaves it to the scanner.
    private mutating func startTag(_ emit: (Event) throws -> Void) throws -> Bool {
        guard let length = Self.tagLength(rest) else {
            guard rest.count <= Self.tagBytes else { throw fault("a start tag without end") }
            return false
        }
        let tag = Array(rest.prefix(length))
        let isEmpty = tag[length - 2] == UInt8(ascii: "/")
        let element = try parse(isEmpty ? tag : tag.dropLast() + Array("/>".utf8))
        if element.namespace == PortableNamespace.xinclude {
            throw fault("xi:include is not followed: import the files that are named one by one")
        }
        guard let kind = kind(of: element) else {
            guard !levels.isEmpty else {
                throw fault("<\(element.name)> is not the root of an export (XEP-0227): expected <server-data>")
            }
            return try scan(emit)
        }
        if kind == .host {
            guard let jid = element["jid"] else { throw fault("<host> without jid") }
            host = jid
        }
        if kind == .user {
            guard let name = element["name"] else { throw fault("<user> without name") }
            try emit(.userStart(line: line, jid: "\(name)@\(host)", password: element["password"]))
        }
        if isEmpty {
            if kind == .user { try emit(.userEnd) }
            if levels.isEmpty { isEnded = true }
        } else {
            try enter(kind, element, tag)
        }
        consume(length)
        return true
    }

    private func kind(of element: XMLElement) -> Kind? {
        let isFormat = PortableNamespace.isFormat(element.namespace)
        switch (levels.last?.kind, element.name) {
        case (nil, "server-data") where isFormat: return .serverData
        case (nil, "host") where isFormat, (.serverData, "host") where isFormat: return .host
        case (.host, "user") where isFormat: return .user
        case (.user, "offline-messages") where isFormat: return .offline
        case (.user, "archive") where element.namespace == PortableNamespace.archive: return .archive
        case (.user, "pubsub") where element.namespace == PubSubNamespace.owner: return .nodes
        case (.user, "pubsub") where element.namespace == PubSubNamespace.pubsub: return .pubsub
        case (.pubsub, "items") where element.namespace == PubSubNamespace.pubsub: return .items
        default: return nil
        }
    }

    /// Opens a scanner for what is inside, with the namespaces that are in force there.
    private mutating func enter(_ kind: Kind, _ element: XMLElement, _ tag: [UInt8]) throws {
        var level = Level(
            kind: kind, node: element["node"] ?? "",
            scanner: XMLStreamScanner(limits: XMLLimits(elementBytes: Self.elementBytes, depth: 250, attributes: 250)),
            defaultNamespace: levels.last?.defaultNamespace ?? "", prefixes: levels.last?.prefixes ?? [])
        for (name, uri) in Self.declarations(tag) {
            if name.isEmpty {
                level.defaultNamespace = uri
            } else {
                level.prefixes.removeAll { $0.prefix == name }
                level.prefixes.append((name, uri))
            }
        }
        let name = String(decoding: tag.dropFirst().prefix { !Self.endsName($0) }, as: UTF8.self)
        var header = Array("<\(name) xmlns='".utf8)
        XMLEscape.append(attribute: level.defaultNamespace, to: &header)
        header.append(39)
        for (prefix, uri) in level.prefixes where prefix != "xml" {
            header += Array(" xmlns:\(prefix)='".utf8)
            XMLEscape.append(attribute: uri, to: &header)
            header.append(39)
        }
        header.append(62)
        let event = header.withUnsafeBytes { level.scanner.next($0, frame: frame) }
        guard case .streamOpen = event else {
            if case .fault(let reason) = event { throw fault(Self.text(of: reason)) }
            throw fault("a start tag that cannot be read")
        }
        levels.append(level)
    }

    private static func endsName(_ byte: UInt8) -> Bool { byte <= 32 || byte == 47 || byte == 62 }

    /// Bytes up to the `>` that ends the tag; nil when it has not come.
    private static func tagLength(_ bytes: ArraySlice<UInt8>) -> Int? {
        var quote: UInt8 = 0
        for (offset, byte) in bytes.enumerated() {
            if quote != 0 {
                if byte == quote { quote = 0 }
            } else if byte == 34 || byte == 39 {
                quote = byte
            } else if byte == 62 {
                return offset + 1
            }
        }
        return nil
    }

    /// Namespace declarations of a start tag that has been parsed: prefix, empty for the default, and namespace.
    private static func declarations(_ tag: [UInt8]) -> [(prefix: String, uri: String)] {
        var found: [(prefix: String, uri: String)] = []
        var rest = tag.dropFirst().drop { !endsName($0) }
        while let quote = rest.firstIndex(where: { $0 == 34 || $0 == 39 }) {
            let name = String(
                decoding: rest[..<quote].filter { $0 > 32 && $0 != 61 }, as: UTF8.self)
            let value = rest[(quote + 1)...].prefix { $0 != rest[quote] }
            let uri = Array(value).withUnsafeBytes { XMLEscape.unescape(attribute: $0) } ?? ""
            if name == "xmlns" { found.append(("", uri)) }
            if name.hasPrefix("xmlns:") { found.append((String(name.dropFirst(6)), uri)) }
            rest = rest[min(value.endIndex + 1, rest.endIndex)...]
        }
        return found
    }
}
