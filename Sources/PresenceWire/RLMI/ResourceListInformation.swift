import XMLWire

/// State of the resources of a list (RFC 4662, `application/rlmi+xml`), the root of a `multipart/related` body whose other parts
/// are the documents of the resources.
public struct ResourceListInformation: Sendable, Equatable {
    public static let namespace = "urn:ietf:params:xml:ns:rlmi"
    public static let mediaType = "application/rlmi+xml"

    public enum State: String, Sendable { case pending, active, terminated }

    /// A subscription to one resource (§5.5).
    public struct Instance: Sendable, Equatable {
        public var id: String
        public var state: State
        /// Of a terminated one; empty for none.
        public var reason: String
        /// Content-ID of the part with the document, without brackets; empty for none.
        public var contentID: String

        public init(id: String, state: State, reason: String = "", contentID: String = "") {
            self.id = id
            self.state = state
            self.reason = reason
            self.contentID = contentID
        }
    }

    public struct Resource: Sendable, Equatable {
        public var uri: String
        /// Empty for none.
        public var name: String
        public var instances: [Instance]

        public init(uri: String, name: String = "", instances: [Instance]) {
            self.uri = uri
            self.name = name
            self.instances = instances
        }
    }

    public var uri: String
    public var version: Int
    public var isFull: Bool
    public var resources: [Resource]

    public init(uri: String, version: Int, isFull: Bool, resources: [Resource]) {
        self.uri = uri
        self.version = version
        self.isFull = isFull
        self.resources = resources
    }

    public init(parsing body: some Sequence<UInt8>, limits: DocumentLimits = .standard) throws(DocumentFault) {
        let root = try XMLDocument.parse(body, limits: limits)
        guard root.name == "list", root.namespace == Self.namespace, let uri = root["uri"],
            let version = root.integer("version")
        else { throw .malformed("not an rlmi document") }
        self.init(uri: uri, version: version, isFull: root["fullState"] == "true", resources: [])
        for child in root.elements where child.name == "resource" && child.namespace == Self.namespace {
            guard let uri = child["uri"] else { throw .malformed("a resource without uri") }
            var instances: [Instance] = []
            for item in child.elements where item.name == "instance" {
                guard let id = item["id"], let state = item["state"].flatMap(State.init(rawValue:)) else {
                    throw .malformed("an instance without id or state")
                }
                instances.append(
                    Instance(id: id, state: state, reason: item["reason"] ?? "", contentID: item["cid"] ?? ""))
            }
            resources.append(
                Resource(
                    uri: uri, name: child.child("name", namespace: Self.namespace)?.value ?? "", instances: instances))
        }
    }

    public var bytes: [UInt8] {
        var writer = DocumentWriter()
        writer.raw("<list xmlns=\"urn:ietf:params:xml:ns:rlmi\"")
        writer.attribute("uri", uri)
        writer.attribute("version", version)
        writer.raw(isFull ? " fullState=\"true\">" : " fullState=\"false\">")
        for resource in resources {
            writer.raw("<resource")
            writer.attribute("uri", resource.uri)
            writer.raw(">")
            if !resource.name.isEmpty { writer.element("name", resource.name) }
            for instance in resource.instances {
                writer.raw("<instance")
                writer.attribute("id", instance.id)
                writer.attribute("state", instance.state.rawValue)
                if !instance.reason.isEmpty { writer.attribute("reason", instance.reason) }
                if !instance.contentID.isEmpty { writer.attribute("cid", instance.contentID) }
                writer.raw("/>")
            }
            writer.raw("</resource>")
        }
        writer.raw("</list>\n")
        return writer.bytes
    }
}
