import XMLWire

/// Lists of resources (RFC 4826 §3): what a presence client calls its buddy list.
public enum ResourceLists {
    public static let application = "resource-lists"
    public static let namespace = "urn:ietf:params:xml:ns:resource-lists"
    public static let contentType = "application/resource-lists+xml"
    static let maximumDepth = 16

    /// One entry, with the list that it is in.
    public struct Entry: Sendable, Equatable {
        /// As the client wrote it.
        public var uri: String
        /// Empty for none.
        public var name: String
        /// Name of the innermost list that has one; nil outside of named lists.
        public var list: String?

        public init(uri: String, name: String, list: String?) {
            self.uri = uri
            self.name = name
            self.list = list
        }
    }

    /// Checks a document (§3.2, §3.4.5).
    /// - Throws: `schema-validation-error`, `uniqueness-failure`.
    public static func validate(_ root: XMLElement) throws(XCAPFailure) {
        guard root.name == "resource-lists", root.namespace == namespace else {
            throw .schema("the root of the document is resource-lists")
        }
        var names: Set<String> = []
        for child in root.elements where child.namespace == namespace {
            guard child.name == "list" else { throw .schema("\(child.name) cannot stand in resource-lists") }
            try unique(child["name"], &names, "resource-lists/list", "name")
        }
        for child in root.elements where child.namespace == namespace {
            try validate(list: child, at: "resource-lists/" + step(child, "name"), depth: 1)
        }
        try noText(root)
    }

    private static func validate(list: XMLElement, at path: String, depth: Int) throws(XCAPFailure) {
        guard depth <= maximumDepth else { throw .constraint("lists may be nested \(maximumDepth) deep") }
        try noText(list)
        var names: Set<String> = []
        var uris: Set<String> = []
        var references: Set<String> = []
        var anchors: Set<String> = []
        for child in list.elements where child.namespace == namespace {
            switch child.name {
            case "display-name": break
            case "list":
                try unique(child["name"], &names, path + "/list", "name")
                try validate(list: child, at: path + "/" + step(child, "name"), depth: depth + 1)
            case "entry":
                guard let uri = child["uri"], !uri.isEmpty else { throw .schema("an entry has a uri") }
                try unique(uri, &uris, path + "/entry", "uri")
                try onlyName(child)
            case "entry-ref":
                guard let reference = child["ref"], !reference.isEmpty else { throw .schema("an entry-ref has a ref") }
                try unique(reference, &references, path + "/entry-ref", "ref")
                try onlyName(child)
            case "external":
                try unique(child["anchor"], &anchors, path + "/external", "anchor")
                try onlyName(child)
            default: throw .schema("\(child.name) cannot stand in a list")
            }
        }
    }

    private static func onlyName(_ element: XMLElement) throws(XCAPFailure) {
        for child in element.elements where child.namespace == namespace && child.name != "display-name" {
            throw .schema("\(child.name) cannot stand in \(element.name)")
        }
        try noText(element)
    }

    private static func noText(_ element: XMLElement) throws(XCAPFailure) {
        for case .text(let text) in element.children where text.contains(where: { !$0.isWhitespace }) {
            throw .schema("\(element.name) has no text")
        }
    }

    private static func unique(
        _ value: String?, _ known: inout Set<String>, _ path: String, _ attribute: String
    ) throws(XCAPFailure) {
        // One list may have no name: absence is a value like any other here.
        guard known.insert(value ?? "").inserted else {
            let field = value.map { "\(path)[@\(attribute)=\"\($0)\"]/@\(attribute)" } ?? path
            throw XCAPFailure(
                .uniquenessFailure(fields: [field]), "there is one with that \(attribute) already")
        }
    }

    private static func step(_ element: XMLElement, _ attribute: String) -> String {
        element[attribute].map { "\(element.name)[@\(attribute)=\"\($0)\"]" } ?? element.name
    }

    /// Every entry of a valid document, in its order. Those of other lists, `external` and `entry-ref`, are not followed.
    public static func entries(_ root: XMLElement) -> [Entry] {
        var result: [Entry] = []
        func walk(_ element: XMLElement, _ name: String?) {
            for child in element.elements where child.namespace == namespace {
                if child.name == "list" { walk(child, child["name"].flatMap { $0.isEmpty ? nil : $0 } ?? name) }
                if child.name == "entry", let uri = child["uri"] {
                    let label = child.child("display-name", namespace: namespace)?.text ?? ""
                    result.append(Entry(uri: uri, name: trimmed(label), list: name))
                }
            }
        }
        walk(root, nil)
        return result
    }

    public static func entry(uri: String, name: String) -> XMLElement {
        var entry = XMLElement("entry", namespace: namespace, attributes: ["uri": uri])
        entry.setDisplayName(name)
        return entry
    }

    static func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// Services that stand for lists (RFC 4826 §4).
    public enum Services {
        public static let application = "rls-services"
        public static let namespace = "urn:ietf:params:xml:ns:rls-services"
        public static let contentType = "application/rls-services+xml"

        /// A document with one service.
        /// - Parameter list: address of the document that it stands for.
        public static func element(uri: String, list: String, packages: [String]) -> XMLElement {
            func made(_ name: String, _ children: [XMLElement.Node]) -> XMLElement.Node {
                .element(XMLElement(name, namespace: namespace, children: children))
            }
            var service = XMLElement("service", namespace: namespace, attributes: ["uri": uri])
            service.children = [
                made("resource-list", [.text(list)]), made("packages", packages.map { made("package", [.text($0)]) }),
            ]
            return XMLElement("rls-services", namespace: namespace, children: [.element(service)])
        }
    }
}

extension XMLElement {
    /// Puts a display name first, in place of the one that is there; empty takes it away.
    public mutating func setDisplayName(_ name: String) {
        children.removeAll { node in
            if case .element(let child) = node {
                child.name == "display-name" && child.namespace == ResourceLists.namespace
            } else {
                false
            }
        }
        guard !name.isEmpty else { return }
        children.insert(
            .element(XMLElement("display-name", namespace: ResourceLists.namespace, children: [.text(name)])), at: 0)
    }
}
