import XMLWire

/// Words of the portable format (XEP-0227).
public enum PortableNamespace {
    public static let current = "urn:xmpp:pie:0"
    /// What the format was called before version 1.0.
    public static let former = "http://www.xmpp.org/extensions/xep-0227.html#ns"
    public static let scram = "urn:xmpp:pie:0#scram"
    public static let archive = "urn:xmpp:pie:0#mam"
    public static let xinclude = "http://www.w3.org/2001/XInclude"
    /// What the format has no words for: the account's name and whether it administers the server.
    public static let account = "urn:roost:account:0"

    public static func isFormat(_ namespace: String) -> Bool { namespace == current || namespace == former }
}

/// One element of an account in a portable file: all that an import has in memory at a time.
public struct PortableRecord: Sendable, Equatable {
    /// What the element stands in.
    public enum Place: String, Sendable, CaseIterable {
        /// `<user/>` itself.
        case user
        /// `<offline-messages/>`
        case offline
        /// `<archive/>` (XEP-0227 §4.11)
        case archive
        /// `<pubsub/>` of the owner's namespace: configuration, affiliations, subscriptions.
        case nodes
        /// `<items/>` of a node.
        case items
    }

    /// Line of the file on which it begins, from 1.
    public var line: Int
    public var place: Place
    /// Name of the node for items, empty elsewhere.
    public var node: String
    /// The serialised element with its namespace declared.
    public var bytes: [UInt8]

    public init(line: Int, place: Place, node: String = "", bytes: [UInt8]) {
        self.line = line
        self.place = place
        self.node = node
        self.bytes = bytes
    }
}

/// What was wrong with an account of a portable file.
public struct PortableProblem: Error, Sendable, Equatable {
    public var line: Int
    public var reason: String
    /// The account was not taken; otherwise only what is named was left out.
    public var isFatal: Bool

    public init(line: Int, _ reason: String, isFatal: Bool) {
        self.line = line
        self.reason = reason
        self.isFatal = isFatal
    }
}

extension XMLElement {
    /// The element with everything that is in a namespace of the file moved to `jabber:client`: exporters forget to
    /// say the namespace of stanzas.
    func asStanza() -> XMLElement {
        var copy = self
        if PortableNamespace.isFormat(namespace) { copy.namespace = "jabber:client" }
        copy.children = children.map { child in
            if case .element(let element) = child { return .element(element.asStanza()) }
            return child
        }
        return copy
    }

    /// As it is stored and sent: the stream's namespace is understood.
    var stanzaForm: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes, inheritedNamespace: "jabber:client")
        return bytes
    }
}
