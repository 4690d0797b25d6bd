import Ground
import XMLWire
import XMPPWire

/// A domain that an external component answers for (XEP-0114), as the administrator configured it.
public struct ComponentAccount: Sendable, Equatable {
    /// What happens when a component connects for a domain that one is connected for already.
    public enum Conflict: String, Sendable, CaseIterable {
        /// The one that comes is refused with `conflict`.
        case refuse
        /// The one that is there is ended with `conflict`.
        case replace
    }

    /// Prepared.
    public var domain: String
    public var secret: String
    /// What service discovery calls it.
    public var title: String
    public var conflict: Conflict

    public init(domain: String, secret: String, title: String, conflict: Conflict) {
        self.domain = domain
        self.secret = secret
        self.title = title
        self.conflict = conflict
    }
}

/// Stanzas between the namespace of clients, which is the one inside the server, and that of component streams.
enum ComponentNamespace {
    static let accept = "jabber:component:accept"

    /// A stanza of a component, read with `jabber:client` as the stream's namespace: what names the component
    /// namespace itself is renamed too, at any depth.
    static func toClient(_ element: XMLElement) -> XMLElement {
        var element = element
        if element.namespace == accept { element.namespace = XMPPNamespace.client }
        for index in element.children.indices {
            if case .element(let child) = element.children[index] {
                element.children[index] = .element(toClient(child))
            }
        }
        return element
    }

    /// The bytes of a stanza on a component stream. Stanzas inside other elements (forwarded ones) stay what they are.
    static func bytes(of stanza: XMLElement) -> [UInt8] {
        var bytes: [UInt8] = []
        fromClient(stanza).write(into: &bytes, inheritedNamespace: accept)
        return bytes
    }

    /// The same for bytes of a client stream. Most inherit their namespace, and fit as they are.
    static func bytes(of stanza: [UInt8]) -> [UInt8] {
        guard stanza.withUnsafeBytes({ ByteCompare.contains($0, "jabber:client") }) else { return stanza }
        let element = stanza.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
        }
        return element.map { bytes(of: $0) } ?? []
    }

    private static func fromClient(_ element: XMLElement) -> XMLElement {
        guard element.namespace == XMPPNamespace.client else { return element }
        var element = element
        element.namespace = accept
        for index in element.children.indices {
            if case .element(let child) = element.children[index] {
                element.children[index] = .element(fromClient(child))
            }
        }
        return element
    }
}
