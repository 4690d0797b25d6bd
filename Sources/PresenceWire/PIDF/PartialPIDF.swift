import XMLWire

/// Presence as what has changed since the last document (RFC 5262, with the patch operations of RFC 5261).
///
/// Written as version 0; whoever sends it puts the number of its subscription there (RFC 5263 §4.4).
public enum PartialPIDF {
    public static let namespace = "urn:ietf:params:xml:ns:pidf-diff"
    public static let mediaType = "application/pidf-diff+xml"

    /// The whole state, as `<pidf-full/>`.
    ///
    /// - Parameter document: `<presence/>`.
    public static func full(_ document: XMLElement) -> [UInt8] {
        var writer = DocumentWriter()
        open("pidf-full", document["entity"] ?? "", &writer)
        for element in document.elements { writer.element(element, inside: PIDF.namespace) }
        writer.raw("</p:pidf-full>\n")
        return writer.bytes
    }

    /// What makes one document the other, as `<pidf-diff/>`: tuples, persons and devices, each as a whole.
    ///
    /// - Returns: nil where it cannot be said so: the full state is sent then.
    public static func difference(from old: XMLElement, to new: XMLElement) -> [UInt8]? {
        guard let before = Parts(old), let after = Parts(new), before.rest == after.rest, old["entity"] == new["entity"]
        else { return nil }
        var writer = DocumentWriter()
        open("pidf-diff", new["entity"] ?? "", &writer)
        // Behind the last one that is there: tuples come before everything else (RFC 3863 §4.1).
        var lastTuple = before.named.last { $0.name.isTuple }?.name
        for part in after.named where before[part.name] == nil {
            if !part.name.isTuple {
                writer.raw("<p:add sel=\"*\">")
            } else if let lastTuple {
                writer.raw("<p:add")
                lastTuple.select(&writer)
                writer.raw(" pos=\"after\">")
            } else {
                writer.raw("<p:add sel=\"*\" pos=\"prepend\">")
            }
            writer.element(part.element, inside: PIDF.namespace)
            writer.raw("</p:add>")
            if part.name.isTuple { lastTuple = part.name }
        }
        for part in after.named {
            guard let known = before[part.name], known != part.element else { continue }
            writer.raw("<p:replace")
            part.name.select(&writer)
            writer.raw(">")
            writer.element(part.element, inside: PIDF.namespace)
            writer.raw("</p:replace>")
        }
        for part in before.named where after[part.name] == nil {
            writer.raw("<p:remove")
            part.name.select(&writer)
            writer.raw("/>")
        }
        writer.raw("</p:pidf-diff>\n")
        return writer.bytes
    }

    private static func open(_ name: StaticString, _ entity: String, _ writer: inout DocumentWriter) {
        writer.raw("<p:")
        writer.raw(name)
        writer.raw(" version=\"0\" xmlns=\"urn:ietf:params:xml:ns:pidf\"")
        writer.raw(" xmlns:p=\"urn:ietf:params:xml:ns:pidf-diff\"")
        writer.raw(" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\"")
        writer.attribute("entity", entity)
        writer.raw(">")
    }

    /// Names a part of a document.
    private struct Name: Hashable {
        var isTuple: Bool
        /// `tuple`, `dm:person`, `dm:device`.
        var step: String
        var id: String

        /// ` sel="…"`, with apostrophes as they are: ids have no quotes.
        func select(_ writer: inout DocumentWriter) {
            writer.raw(" sel=\"*/")
            writer.text(step)
            writer.raw("[@id='")
            writer.text(id)
            writer.raw("']\"")
        }
    }

    /// The children of a document that have ids, and those that have none.
    private struct Parts {
        var named: [(name: Name, element: XMLElement)] = []
        var rest: [XMLElement] = []
        private var byName: [Name: XMLElement] = [:]

        /// Nil where an id does not name one alone, or cannot stand in a selector.
        init?(_ root: XMLElement) {
            for element in root.elements {
                let step: String
                switch (element.name, element.namespace) {
                case ("tuple", PIDF.namespace): step = "tuple"
                case ("person", Person.namespace): step = "dm:person"
                case ("device", Person.namespace): step = "dm:device"
                default:
                    rest.append(element)
                    continue
                }
                guard let id = element["id"], !id.isEmpty, !id.utf8.contains(where: { $0 == 0x22 || $0 == 0x27 }) else {
                    return nil
                }
                let name = Name(isTuple: step == "tuple", step: step, id: id)
                guard byName.updateValue(element, forKey: name) == nil else { return nil }
                named.append((name, element))
            }
        }

        subscript(name: Name) -> XMLElement? { byName[name] }
    }
}
