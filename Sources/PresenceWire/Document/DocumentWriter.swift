import XMLWire

/// Writes a document as bytes.
public struct DocumentWriter {
    public var bytes: [UInt8] = []

    public init(capacity: Int = 1_024, declaration: Bool = true) {
        bytes.reserveCapacity(capacity)
        if declaration { raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") }
    }

    /// Markup.
    @inline(__always)
    public mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Markup that was written before.
    public mutating func raw(_ markup: [UInt8]) { bytes += markup }

    public mutating func text(_ text: String) { XMLEscape.append(text: text, to: &bytes) }

    public mutating func text(_ text: [UInt8]) {
        text.withUnsafeBytes { XMLEscape.append(text: $0, to: &bytes) }
    }

    /// ` name="value"`.
    public mutating func attribute(_ name: StaticString, _ value: String) {
        raw(" ")
        raw(name)
        raw("=\"")
        XMLEscape.append(attribute: value, to: &bytes)
        raw("\"")
    }

    public mutating func attribute(_ name: StaticString, _ value: [UInt8]) {
        raw(" ")
        raw(name)
        raw("=\"")
        value.withUnsafeBytes { XMLEscape.append(attribute: $0, to: &bytes) }
        raw("\"")
    }

    public mutating func attribute(_ name: StaticString, _ value: Int) {
        raw(" ")
        raw(name)
        raw("=\"")
        number(value)
        raw("\"")
    }

    public mutating func number(_ value: Int) { bytes += Array(String(value).utf8) }

    /// `<name>text</name>`.
    public mutating func element(_ name: StaticString, _ content: String) {
        raw("<")
        raw(name)
        raw(">")
        text(content)
        raw("</")
        raw(name)
        raw(">")
    }

    public mutating func element(_ tree: XMLElement, inside namespace: String) {
        tree.write(into: &bytes, inheritedNamespace: namespace)
    }
}

extension XMLElement {
    /// White space around the text of values does not count (XML Schema, `collapse`).
    var value: String {
        let text = text
        guard let first = text.utf8.first, let last = text.utf8.last else { return "" }
        guard first <= 32 || last <= 32 else { return text }
        var rest = Array(text.utf8)[...]
        while let byte = rest.first, byte <= 32 { rest = rest.dropFirst() }
        while let byte = rest.last, byte <= 32 { rest = rest.dropLast() }
        return String(decoding: rest, as: UTF8.self)
    }

    func integer(_ attribute: String) -> Int? { self[attribute].flatMap { Int($0) } }
}
