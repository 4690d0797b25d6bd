import XMLWire

/// What a scene expects to receive: an element whose named attributes, children and text must be there.
///
/// More may be there too. `{any}` stands for any value, `{none}` for an attribute that must be missing, `{name}` for a
/// value that is remembered at its first use and compared later. A child `<not>…</not>` holds what must be missing;
/// `<nothing/>` as the last child says that there is nothing else.
struct StanzaPattern {
    let element: XMLElement

    /// Parses one or more elements written one after the other.
    static func parse(_ text: String) throws -> [StanzaPattern] {
        let bytes = Array("<all>\(text)</all>".utf8)
        do {
            let all = try bytes.withUnsafeBytes {
                try XMLElement(
                    parsing: $0, streamDefaultNamespace: "jabber:client",
                    streamPrefixes: [("stream", "http://etherx.jabber.org/streams")])
            }
            return all.elements.map(StanzaPattern.init)
        } catch {
            throw SceneFailure("the expected stanza is not XML (\(error)): \(text)")
        }
    }

    /// Why `actual` is not what is expected; nil when it is. Values are remembered only on success.
    func mismatch(_ actual: XMLElement, _ variables: inout [String: String]) -> String? {
        var found = variables
        if let reason = Self.compare(element, actual, &found) { return reason }
        variables = found
        return nil
    }

    private static let conditionNamespaces = [
        "urn:ietf:params:xml:ns:xmpp-stanzas", "urn:ietf:params:xml:ns:xmpp-sasl",
        "urn:ietf:params:xml:ns:xmpp-streams",
    ]

    private static func compare(
        _ wanted: XMLElement, _ actual: XMLElement, _ variables: inout [String: String]
    ) -> String? {
        guard wanted.name == actual.name else { return "<\(actual.name)> is not <\(wanted.name)>" }
        // Conditions of errors are written without their namespace.
        let isCondition = conditionNamespaces.contains(actual.namespace)
        guard wanted.namespace == actual.namespace || isCondition else {
            return "<\(actual.name)> is in '\(actual.namespace)', not in '\(wanted.namespace)'"
        }
        for attribute in wanted.attributes {
            let value = actual[attribute.name]
            if attribute.value == "{none}" {
                if let value { return "\(actual.name) has \(attribute.name)='\(value)'" }
                continue
            }
            guard let value else { return "\(actual.name) has no \(attribute.name)" }
            guard accepts(attribute.value, value, &variables) else {
                return "\(attribute.name)='\(value)' of \(actual.name) is not '\(attribute.value)'"
            }
        }
        let text = wanted.text.filter { !$0.isWhitespace }
        if !text.isEmpty, !accepts(trim(wanted.text), trim(actual.text), &variables) {
            return "the text of \(actual.name) is '\(actual.text)', not '\(trim(wanted.text))'"
        }
        return compareChildren(wanted, actual, &variables)
    }

    private static func compareChildren(
        _ wanted: XMLElement, _ actual: XMLElement, _ variables: inout [String: String]
    ) -> String? {
        var left = actual.elements
        for child in wanted.elements {
            if child.name == "not" {
                for unwanted in child.elements {
                    var ignored = variables
                    if left.contains(where: { compare(unwanted, $0, &ignored) == nil }) {
                        return "\(actual.name) has a <\(unwanted.name)> that it must not have"
                    }
                }
                continue
            }
            if child.name == "nothing" {
                guard left.isEmpty else { return "\(actual.name) also has <\(left[0].name)>" }
                continue
            }
            var reasons: [String] = []
            let index = left.firstIndex { candidate in
                var found = variables
                guard let reason = compare(child, candidate, &found) else {
                    variables = found
                    return true
                }
                if candidate.name == child.name { reasons.append(reason) }
                return false
            }
            guard let index else {
                return reasons.first ?? "\(actual.name) has no <\(child.name)> in '\(child.namespace)'"
            }
            left.remove(at: index)
        }
        return nil
    }

    private static func accepts(_ wanted: String, _ value: String, _ variables: inout [String: String]) -> Bool {
        if wanted == "{any}" { return true }
        guard wanted.hasPrefix("{"), wanted.hasSuffix("}") else { return wanted == value }
        let name = String(wanted.dropFirst().dropLast())
        if let known = variables[name] { return known == value }
        variables[name] = value
        return true
    }

    private static func trim(_ text: String) -> String {
        var part = text[...]
        while let first = part.first, first.isWhitespace { part.removeFirst() }
        while let last = part.last, last.isWhitespace { part.removeLast() }
        return String(part)
    }
}
