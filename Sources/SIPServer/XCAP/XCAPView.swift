import IMCore
import PresenceWire
import XMLWire

/// How a change of a document ended.
enum XCAPOutcome {
    case done
    /// Some of it may have been done: the document says what.
    case refused(XCAPFailure)
    /// The store does not answer; the client may try again.
    case unavailable
}

/// One document of each user, made of what the core keeps. Confined to the loop of the router.
protocol XCAPView: AnyObject {
    var application: String { get }
    /// Its name in the user's tree.
    var document: String { get }
    var contentType: String { get }
    /// Of unprefixed names in node selectors.
    var defaultNamespace: String { get }
    /// Prefixes that parts of the document may use without declaring them.
    var prefixes: [(prefix: String, uri: String)] { get }
    /// Under which name the client's own part is stored; nil for what clients only read.
    var keptAs: String? { get }

    func render(_ home: UserHome, kept: XMLElement?) -> XMLElement
    /// A document as it came, put into the form that `render` has.
    func settled(_ root: XMLElement) -> XMLElement
    /// Whether it may be put, as far as the document itself tells.
    func check(_ root: XMLElement) throws(XCAPFailure)
    /// Does what the document says. `then` is called once, when all is durable.
    func apply(_ root: XMLElement, _ home: UserHome, then: @escaping (XCAPOutcome) -> Void)
    /// What of it the core does not keep; nil for nothing.
    func remainder(_ root: XMLElement) -> XMLElement?
}

extension XCAPView {
    var document: String { "index" }
    var prefixes: [(prefix: String, uri: String)] { [] }
    var keptAs: String? { application }
    func settled(_ root: XMLElement) -> XMLElement { root }
    func check(_ root: XMLElement) throws(XCAPFailure) {}
    func apply(_ root: XMLElement, _ home: UserHome, then: @escaping (XCAPOutcome) -> Void) { then(.done) }
    func remainder(_ root: XMLElement) -> XMLElement? { nil }
}

/// The services that a user may subscribe to: the whole contact list under the user's own address (RFC 4826 §4). Read
/// only, since there is one.
final class ServicesView: XCAPView {
    let application = ResourceLists.Services.application
    let contentType = ResourceLists.Services.contentType
    let defaultNamespace = ResourceLists.Services.namespace
    let keptAs: String? = nil

    func render(_ home: UserHome, kept: XMLElement?) -> XMLElement {
        let address = XCAPAddress.uri(home.jid)
        return ResourceLists.Services.element(
            uri: address, list: "/xcap-root/\(ResourceLists.application)/users/\(address)/index/~~/resource-lists",
            packages: ["presence"])
    }
}
