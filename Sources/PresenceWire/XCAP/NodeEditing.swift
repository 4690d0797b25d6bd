import XMLWire

/// Reads, puts and deletes what a node selector names (RFC 4825 §7, §8).
extension NodeSelector {
    /// Places of children on the way from the root; empty for the root itself.
    typealias Path = [Int]

    /// What was found under an address.
    public enum Node: Sendable, Equatable {
        case element(XMLElement)
        case attribute(String)
        /// The empty element with the namespaces in force at it.
        case namespaces(XMLElement)

        /// Media type of the answer (RFC 4825 §15.2).
        public var contentType: String {
            switch self {
            case .element: NodeSelector.elementType
            case .attribute: NodeSelector.attributeType
            case .namespaces: "application/xcap-ns+xml"
            }
        }

        public var bytes: [UInt8] {
            switch self {
            case .element(let element), .namespaces(let element): return XCAPDocument.elementBytes(element)
            case .attribute(let value):
                var bytes: [UInt8] = []
                XMLEscape.append(attribute: value, to: &bytes)
                return bytes
            }
        }
    }

    public static let elementType = "application/xcap-el+xml"
    public static let attributeType = "application/xcap-att+xml"

    // MARK: Reading

    /// What the selector names; nil when that is nothing, or more than one element: 404.
    public func node(in root: XMLElement) -> Node? {
        guard let path = path(steps, in: root) else { return nil }
        let element = root.element(at: path)
        switch terminal {
        case .element: return .element(element)
        case .attribute(let name): return element.value(of: name).map { .attribute($0) }
        case .namespaces:
            var bare = element
            bare.children = []
            // Those that are bound to prefixes are written with the attributes that need them.
            bare.attributes = element.attributes.filter { $0.namespace != nil }
            return .namespaces(bare)
        }
    }

    /// The one element that the steps lead to.
    private func path(_ steps: [Step], in root: XMLElement) -> Path? {
        guard let first = steps.first, first.fits(root), first.position ?? 1 == 1, first.hasAttribute(root) else {
            return nil
        }
        var path: Path = []
        var element = root
        for step in steps.dropFirst() {
            let places = Self.places(step, in: element)
            guard places.count == 1, case .element(let next) = element.children[places[0]] else { return nil }
            path.append(places[0])
            element = next
        }
        return path
    }

    /// Where in its children the step finds elements.
    private static func places(_ step: Step, in element: XMLElement) -> [Int] {
        var places: [Int] = []
        for (place, child) in element.children.enumerated() {
            if case .element(let child) = child, step.fits(child) { places.append(place) }
        }
        if let position = step.position { places = position <= places.count ? [places[position - 1]] : [] }
        return places.filter { place in
            if case .element(let child) = element.children[place] { step.hasAttribute(child) } else { false }
        }
    }

    // MARK: Putting

    /// Where the body of a PUT would stand: the namespace that its unprefixed names are in.
    public func surroundingNamespace(in root: XMLElement) -> String {
        path(Array(steps.dropLast()), in: root).map { root.element(at: $0).namespace }
            ?? steps.last?.name?.namespace ?? root.namespace
    }

    /// Puts an element in place of the one that the selector names, or inserts it (§8.2.3).
    ///
    /// - Returns: whether it is new.
    /// - Throws: `no-parent`, `cannot-insert`.
    public func put(_ element: XMLElement, into root: inout XMLElement) throws(XCAPFailure) -> Bool {
        if let found = path(steps, in: root) {
            var changed = root
            changed.replace(at: found, with: element)
            guard path(steps, in: changed) == found else { throw XCAPFailure(.cannotInsert) }
            root = changed
            return false
        }
        let above = Array(steps.dropLast())
        guard let last = steps.last, !above.isEmpty else { throw XCAPFailure(.cannotInsert) }
        guard let parent = path(above, in: root) else { throw noParent(in: root) }
        let place = try Self.place(for: last, in: root.element(at: parent))
        var changed = root
        changed.edit(at: parent) { $0.children.insert(.element(element), at: place) }
        guard path(steps, in: changed) == parent + [place] else { throw XCAPFailure(.cannotInsert) }
        root = changed
        return true
    }

    /// Where a new element goes: to the position that the step names, otherwise behind its siblings of that name,
    /// otherwise to the end.
    private static func place(for step: Step, in parent: XMLElement) throws(XCAPFailure) -> Int {
        var siblings: [Int] = []
        for (place, child) in parent.children.enumerated() {
            if case .element(let child) = child, step.fits(child) { siblings.append(place) }
        }
        let end = parent.children.lastIndex { if case .element = $0 { true } else { false } }.map { $0 + 1 }
        guard let position = step.position else { return siblings.last.map { $0 + 1 } ?? end ?? 0 }
        guard position <= siblings.count + 1 else { throw XCAPFailure(.cannotInsert) }
        // §8.2.3: one that stands there moves on.
        if position <= siblings.count { return siblings[position - 1] }
        return siblings.last.map { $0 + 1 } ?? end ?? 0
    }

    /// Sets an attribute. Its element has to be there.
    ///
    /// - Returns: whether it is new.
    public func put(attribute value: String, into root: inout XMLElement) throws(XCAPFailure) -> Bool {
        guard case .attribute(let name) = terminal else { throw XCAPFailure(.cannotInsert) }
        guard let found = path(steps, in: root) else { throw noParent(in: root) }
        var changed = root
        var isNew = false
        let prefix = prefixes.last { $0.uri == name.namespace }?.prefix
        changed.edit(at: found) { element in
            if let index = element.index(of: name) {
                element.attributes[index].value = value
                return
            }
            isNew = true
            let isXML = name.namespace == XMLElement.xmlNamespace
            let qualified =
                name.namespace.isEmpty ? name.local : "\(isXML ? "xml" : prefix ?? "ns1"):\(name.local)"
            element.attributes.append(
                .init(name: qualified, namespace: name.namespace.isEmpty ? nil : name.namespace, value: value))
        }
        guard path(steps, in: changed) == found else { throw XCAPFailure(.cannotInsert) }
        root = changed
        return isNew
    }

    private func noParent(in root: XMLElement) -> XCAPFailure {
        // The longest part of the way that is there.
        for count in stride(from: steps.count - 1, through: 1, by: -1)
        where path(Array(steps.prefix(count)), in: root) != nil {
            return XCAPFailure(.noParent(ancestor: Self.text(Array(steps.prefix(count)))))
        }
        return XCAPFailure(.noParent(ancestor: ""))
    }

    // MARK: Deleting

    /// - Returns: false when there is nothing to delete: 404.
    /// - Throws: `cannot-delete` when the same address would then name something else, or for the root.
    public func delete(from root: inout XMLElement) throws(XCAPFailure) -> Bool {
        guard let found = path(steps, in: root) else { return false }
        var changed = root
        switch terminal {
        case .namespaces: return false
        case .attribute(let name):
            guard let index = root.element(at: found).index(of: name) else { return false }
            changed.edit(at: found) { $0.attributes.remove(at: index) }
        case .element:
            guard let place = found.last else {
                throw XCAPFailure(.cannotDelete, "a document has a root; delete the document")
            }
            changed.edit(at: Array(found.dropLast())) { $0.children.remove(at: place) }
            guard Self.places(in: changed, steps).isEmpty else { throw XCAPFailure(.cannotDelete) }
        }
        root = changed
        return true
    }

    /// Whatever the last step finds, be it one or more.
    private static func places(in root: XMLElement, _ steps: [Step]) -> [Int] {
        let selector = NodeSelector(steps: Array(steps.dropLast()))
        guard let last = steps.last, let parent = selector.path(selector.steps, in: root) else { return [] }
        return places(last, in: root.element(at: parent))
    }

    private init(steps: [Step]) {
        self.steps = steps
        terminal = .element
        prefixes = []
    }

    /// Steps as a client writes them, without prefixes.
    private static func text(_ steps: [Step]) -> String {
        steps.map { step in
            var text = step.name?.local ?? "*"
            if let position = step.position { text += "[\(position)]" }
            if let attribute = step.attribute, let value = step.value {
                var escaped: [UInt8] = []
                XMLEscape.append(attribute: value, to: &escaped)
                text += "[@\(attribute.local)=\"\(String(decoding: escaped, as: UTF8.self))\"]"
            }
            return text
        }.joined(separator: "/")
    }
}

extension XMLElement {
    fileprivate func element(at path: [Int]) -> XMLElement {
        var element = self
        for place in path { if case .element(let child) = element.children[place] { element = child } }
        return element
    }

    fileprivate mutating func edit(at path: [Int], _ body: (inout XMLElement) -> Void) {
        guard let place = path.first else { return body(&self) }
        guard case .element(var child) = children[place] else { return }
        child.edit(at: Array(path.dropFirst()), body)
        children[place] = .element(child)
    }

    fileprivate mutating func replace(at path: [Int], with element: XMLElement) {
        edit(at: path) { $0 = element }
    }
}
