import XMLWire

/// What the server understands, the document `xcap-caps/global/index` (RFC 4825 §12).
public struct XCAPCapabilities: Sendable {
    public static let application = "xcap-caps"
    public static let namespace = "urn:ietf:params:xml:ns:xcap-caps"
    public static let contentType = "application/xcap-caps+xml"

    public var applications: [String]
    public var namespaces: [String]

    public init(applications: [String], namespaces: [String]) {
        self.applications = applications
        self.namespaces = namespaces
    }

    public var element: XMLElement {
        func list(_ name: String, _ item: String, _ values: [String]) -> XMLElement.Node {
            .element(
                XMLElement(
                    name, namespace: Self.namespace,
                    children: values.map {
                        .element(XMLElement(item, namespace: Self.namespace, children: [.text($0)]))
                    }))
        }
        return XMLElement(
            "xcap-caps", namespace: Self.namespace,
            children: [
                list("auids", "auid", applications), list("extensions", "extension", []),
                list("namespaces", "namespace", namespaces),
            ])
    }
}
