import NIOCore

extension XMLElement {
    /// Appends the element as XML.
    ///
    /// Elements are written without prefixes and with `xmlns` only where the namespace changes. Prefixed attributes
    /// keep their prefix, declared where they stand; one whose namespace is nil is left out, since its prefix could not
    /// be declared. Text is escaped; characters that XML does not allow become U+FFFD.
    ///
    /// - Parameter inheritedNamespace: the default namespace in force where the element will stand.
    public func write(into buffer: inout [UInt8], inheritedNamespace: String) {
        write(to: &buffer, inheritedNamespace: inheritedNamespace)
    }

    /// Appends the element as XML to a buffer, as `write(into:inheritedNamespace:)` for arrays does.
    public func write(into buffer: inout ByteBuffer, inheritedNamespace: String) {
        write(to: &buffer, inheritedNamespace: inheritedNamespace)
    }

    private func write<Sink: ByteSink>(to sink: inout Sink, inheritedNamespace: String) {
        // The xml namespace may not be declared as the default; its prefix needs no declaration.
        let isXML = namespace == Self.xmlNamespace
        let tagName = isXML ? "xml:" + name : name
        let innerNamespace = isXML ? inheritedNamespace : namespace
        sink.append(literal: "<")
        sink.append(string: tagName)
        if !innerNamespace.utf8.elementsEqual(inheritedNamespace.utf8) {
            write(attribute: "xmlns", value: namespace, to: &sink)
        }
        var declared: [(prefix: String, uri: String)] = []
        for attribute in attributes { write(attribute, declared: &declared, to: &sink) }
        if children.isEmpty {
            sink.append(literal: "/>")
            return
        }
        sink.append(literal: ">")
        for child in children {
            switch child {
            case .element(let element): element.write(to: &sink, inheritedNamespace: innerNamespace)
            case .text(let text): XMLEscape.append(text, isAttribute: false, to: &sink)
            }
        }
        sink.append(literal: "</")
        sink.append(string: tagName)
        sink.append(literal: ">")
    }

    /// Writes one attribute; `declared` holds the prefixes this tag has declared so far.
    private func write<Sink: ByteSink>(
        _ attribute: Attribute, declared: inout [(prefix: String, uri: String)], to sink: inout Sink
    ) {
        let parts = attribute.name.utf8.split(separator: 0x3A, maxSplits: 1)
        guard let uri = attribute.namespace else {
            if parts.count == 1 { write(attribute: attribute.name, value: attribute.value, to: &sink) }
            return
        }
        guard let last = parts.last else { return }
        let local = String(Substring(last))
        if uri == Self.xmlNamespace {
            write(attribute: "xml:" + local, value: attribute.value, to: &sink)
            return
        }
        guard !uri.isEmpty else { return }
        var prefix = parts.count == 2 ? String(Substring(parts[0])) : "ns1"
        if let known = declared.first(where: { $0.uri.utf8.elementsEqual(uri.utf8) }) {
            prefix = known.prefix
        } else {
            var number = 1
            while declared.contains(where: { $0.prefix == prefix }) || prefix == "xml" || prefix == "xmlns" {
                number += 1
                prefix = "ns\(number)"
            }
            declared.append((prefix, uri))
            write(attribute: "xmlns:" + prefix, value: uri, to: &sink)
        }
        write(attribute: prefix + ":" + local, value: attribute.value, to: &sink)
    }

    private func write<Sink: ByteSink>(attribute name: String, value: String, to sink: inout Sink) {
        sink.append(literal: " ")
        sink.append(string: name)
        sink.append(literal: "='")
        XMLEscape.append(value, isAttribute: true, to: &sink)
        sink.append(literal: "'")
    }
}
