/// Which documents of an XCAP server are different (RFC 5874), without what is different in them.
public struct XCAPDiff: Sendable, Equatable {
    public static let namespace = "urn:ietf:params:xml:ns:xcap-diff"
    public static let mediaType = "application/xcap-diff+xml"

    public struct Document: Sendable, Equatable {
        /// Below the root: `resource-lists/users/sip:anna@example.org/index`.
        public var selector: String
        /// Entity tags; empty for none.
        public var previous: String
        public var new: String

        public init(selector: String, previous: String = "", new: String) {
            (self.selector, self.previous, self.new) = (selector, previous, new)
        }
    }

    /// URI, with a slash at its end.
    public var root: String
    public var documents: [Document]

    public init(root: String, documents: [Document]) { (self.root, self.documents) = (root, documents) }

    public var bytes: [UInt8] {
        var writer = DocumentWriter()
        writer.raw("<xcap-diff xmlns=\"urn:ietf:params:xml:ns:xcap-diff\"")
        writer.attribute("xcap-root", root)
        writer.raw(">")
        for document in documents {
            writer.raw("<document")
            writer.attribute("sel", document.selector)
            if !document.previous.isEmpty { writer.attribute("previous-etag", document.previous) }
            if !document.new.isEmpty { writer.attribute("new-etag", document.new) }
            writer.raw("/>")
        }
        writer.raw("</xcap-diff>\n")
        return writer.bytes
    }

    public init(parsing body: some Sequence<UInt8>) throws(DocumentFault) {
        let tree = try XMLDocument.parse(body)
        guard tree.name == "xcap-diff", tree.namespace == Self.namespace, let root = tree["xcap-root"] else {
            throw .malformed("not an xcap-diff document")
        }
        self.init(root: root, documents: [])
        for child in tree.elements where child.name == "document" && child.namespace == Self.namespace {
            guard let selector = child["sel"] else { throw .malformed("a document without sel") }
            documents.append(
                .init(selector: selector, previous: child["previous-etag"] ?? "", new: child["new-etag"] ?? ""))
        }
    }
}
