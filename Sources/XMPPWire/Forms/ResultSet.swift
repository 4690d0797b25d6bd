import XMLWire

/// Which part of a large result is wanted (XEP-0059 §2).
public struct ResultSetRequest: Sendable, Equatable {
    /// Where the page lies. Ids are opaque to the asker.
    public enum Position: Sendable, Equatable {
        case first
        case last
        /// The items right after the one with this id.
        case after(String)
        /// The items right before it.
        case before(String)
        /// Beginning with the item of this number, from zero.
        case index(Int)
    }

    public var position: Position
    /// Items wanted at most; nil for as many as the server gives. Zero asks for the count alone (§2.6).
    public var maximum: Int?

    public init(_ position: Position = .first, maximum: Int? = nil) {
        self.position = position
        self.maximum = maximum
    }

    /// Reads a `<set/>`.
    /// - Throws: `bad-request` for numbers that are none and for two positions at once.
    public init(_ element: XMLElement) throws(StanzaError) {
        self.init()
        var positions = 0
        for child in element.elements where child.namespace == ResultSet.namespace {
            switch child.name {
            case "max":
                guard let number = Int(child.text), number >= 0 else { throw .badRequest("max is not a number") }
                maximum = number
            case "index":
                guard let number = Int(child.text), number >= 0 else { throw .badRequest("index is not a number") }
                position = .index(number)
                positions += 1
            case "after":
                position = child.text.isEmpty ? .first : .after(child.text)
                positions += 1
            case "before":
                position = child.text.isEmpty ? .last : .before(child.text)
                positions += 1
            default: break
            }
        }
        guard positions < 2 else { throw .badRequest("a page is either after, before or at an index") }
    }

    /// Reads the `<set/>` inside an element; nil when there is none.
    public init?(in wrapper: XMLElement) throws(StanzaError) {
        guard let element = wrapper.child("set", namespace: ResultSet.namespace) else { return nil }
        try self.init(element)
    }

    /// The page out of a result whose ids are all at hand, in order.
    ///
    /// - Parameter limit: items of a page at most, whatever was asked for.
    /// - Throws: `item-not-found` when the page is to be next to an item that is not there, or beyond the end (§2.2,
    ///   §2.5).
    public func page(of ids: [String], limit: Int) throws(StanzaError) -> Range<Int> {
        let size = min(maximum ?? limit, limit)
        switch position {
        case .first: return 0..<min(size, ids.count)
        case .last: return max(0, ids.count - size)..<ids.count
        case .index(let index):
            guard index < ids.count || (index == 0 && ids.isEmpty) else { throw .itemNotFound }
            return index..<min(index + size, ids.count)
        case .after(let id):
            guard let place = ids.firstIndex(of: id) else { throw .itemNotFound }
            return place + 1..<min(place + 1 + size, ids.count)
        case .before(let id):
            guard let place = ids.firstIndex(of: id) else { throw .itemNotFound }
            return max(0, place - size)..<place
        }
    }
}

/// What a page of a large result is (XEP-0059 §2).
public struct ResultSet: Sendable, Equatable {
    public static let namespace = "http://jabber.org/protocol/rsm"

    /// Ids of the first and last item; nil for an empty page.
    public var first: String?
    public var last: String?
    /// Number of the first item in the whole result, from zero; nil when that is too dear to tell.
    public var index: Int?
    /// Items of the whole result; nil when that is too dear to tell.
    public var count: Int?

    public init(first: String? = nil, last: String? = nil, index: Int? = nil, count: Int? = nil) {
        self.first = first
        self.last = last
        self.index = index
        self.count = count
    }

    /// Describes the page that `ResultSetRequest.page` chose.
    public init(_ range: Range<Int>, of ids: [String]) {
        self.init(count: ids.count)
        guard !range.isEmpty else { return }
        first = ids[range.lowerBound]
        last = ids[range.upperBound - 1]
        index = range.lowerBound
    }

    public var element: XMLElement {
        var element = XMLElement("set", namespace: Self.namespace)
        if let first, let last {
            element.append("first", first)
            if let index, case .element(var child) = element.children[0] {
                child["index"] = String(index)
                element.children[0] = .element(child)
            }
            element.append("last", last)
        }
        if let count { element.append("count", String(count)) }
        return element
    }

    /// The `<set/>` element, serialised with its own namespace declaration.
    public var xml: String {
        var bytes: [UInt8] = []
        element.write(into: &bytes, inheritedNamespace: "")
        return String(decoding: bytes, as: UTF8.self)
    }
}
