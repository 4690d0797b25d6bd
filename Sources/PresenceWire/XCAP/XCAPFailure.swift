import XMLWire

/// Why a request is answered with 409, in the words of the body that tells the client (RFC 4825 §11).
public struct XCAPFailure: Error, Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case notWellFormed
        /// The body is no single element.
        case notXMLFragment
        /// The element or document that should hold what was sent is not there; the address of the nearest one that is.
        case noParent(ancestor: String)
        case schemaValidationError
        case notXMLAttributeValue
        /// What was sent would not be found under the address that it was sent to.
        case cannotInsert
        /// Something else would be found under the address once it is gone.
        case cannotDelete
        /// Addresses, in the document, of what has to be unique and is not.
        case uniquenessFailure(fields: [String])
        /// The server's own rules.
        case constraintFailure
        case notUTF8
    }

    public static let namespace = "urn:ietf:params:xml:ns:xcap-error"
    public static let contentType = "application/xcap-error+xml"

    public var kind: Kind
    /// For people; empty for none.
    public var phrase: String

    public init(_ kind: Kind, _ phrase: String = "") {
        self.kind = kind
        self.phrase = phrase
    }

    public static func schema(_ phrase: String) -> XCAPFailure { XCAPFailure(.schemaValidationError, phrase) }
    public static func constraint(_ phrase: String) -> XCAPFailure { XCAPFailure(.constraintFailure, phrase) }

    /// The body.
    public var element: XMLElement {
        var detail = XMLElement(name, namespace: Self.namespace)
        if !phrase.isEmpty { detail["phrase"] = phrase }
        switch kind {
        case .noParent(let ancestor):
            detail.children = [
                .element(XMLElement("ancestor", namespace: Self.namespace, children: [.text(ancestor)]))
            ]
        case .uniquenessFailure(let fields):
            detail.children = fields.map {
                .element(XMLElement("exists", namespace: Self.namespace, attributes: ["field": $0]))
            }
        default: break
        }
        return XMLElement("xcap-error", namespace: Self.namespace, children: [.element(detail)])
    }

    private var name: String {
        switch kind {
        case .notWellFormed: "not-well-formed"
        case .notXMLFragment: "not-xml-frag"
        case .noParent: "no-parent"
        case .schemaValidationError: "schema-validation-error"
        case .notXMLAttributeValue: "not-xml-att-value"
        case .cannotInsert: "cannot-insert"
        case .cannotDelete: "cannot-delete"
        case .uniquenessFailure: "uniqueness-failure"
        case .constraintFailure: "constraint-failure"
        case .notUTF8: "not-utf-8"
        }
    }
}
