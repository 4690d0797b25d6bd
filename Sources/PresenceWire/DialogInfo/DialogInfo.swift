import XMLWire

/// The calls of somebody (RFC 4235, `application/dialog-info+xml`).
public struct DialogInfo: Sendable, Equatable {
    public static let namespace = "urn:ietf:params:xml:ns:dialog-info"
    public static let mediaType = "application/dialog-info+xml"

    public enum State: String, Sendable { case trying, proceeding, early, confirmed, terminated }

    public struct Dialog: Sendable, Equatable {
        public var id: String
        /// Empty where it is not told.
        public var callID = ""
        public var localTag = ""
        public var remoteTag = ""
        /// True for whoever called; nil where it is not told.
        public var isInitiator: Bool?
        public var state: State
        /// Seconds.
        public var duration: Int?
        /// URI of the other end; empty where it is not told.
        public var remote = ""

        public init(id: String, state: State) {
            self.id = id
            self.state = state
        }
    }

    public var version: Int
    public var isFull: Bool
    public var entity: String
    public var dialogs: [Dialog]

    public init(version: Int, isFull: Bool = true, entity: String, dialogs: [Dialog]) {
        self.version = version
        self.isFull = isFull
        self.entity = entity
        self.dialogs = dialogs
    }

    /// On the phone: a call is established. Ringing: one is on its way in or out.
    public var isOnThePhone: Bool { dialogs.contains { $0.state == .confirmed } }
    public var isRinging: Bool { dialogs.contains { $0.state != .confirmed && $0.state != .terminated } }

    public init(parsing body: some Sequence<UInt8>, limits: DocumentLimits = .standard) throws(DocumentFault) {
        let root = try XMLDocument.parse(body, limits: limits)
        guard root.name == "dialog-info", root.namespace == Self.namespace, let entity = root["entity"] else {
            throw .malformed("not a dialog-info document")
        }
        self.init(
            version: root.integer("version") ?? 0, isFull: root["state"] != "partial", entity: entity, dialogs: [])
        for child in root.elements where child.name == "dialog" && child.namespace == Self.namespace {
            guard let id = child["id"],
                let state = child.child("state", namespace: Self.namespace).flatMap({ State(rawValue: $0.value) })
            else { throw .malformed("a dialog without id or state") }
            var dialog = Dialog(id: id, state: state)
            dialog.callID = child["call-id"] ?? ""
            dialog.localTag = child["local-tag"] ?? ""
            dialog.remoteTag = child["remote-tag"] ?? ""
            dialog.isInitiator = child["direction"].map { $0 == "initiator" }
            dialog.duration = child.child("duration", namespace: Self.namespace).flatMap { Int($0.value) }
            dialog.remote =
                child.child("remote", namespace: Self.namespace)?.child("identity", namespace: Self.namespace)?.value
                ?? ""
            dialogs.append(dialog)
        }
    }

    public var bytes: [UInt8] {
        var writer = DocumentWriter()
        writer.raw("<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\"")
        writer.attribute("version", version)
        writer.raw(isFull ? " state=\"full\"" : " state=\"partial\"")
        writer.attribute("entity", entity)
        writer.raw(">")
        for dialog in dialogs {
            writer.raw("<dialog")
            writer.attribute("id", dialog.id)
            if !dialog.callID.isEmpty { writer.attribute("call-id", dialog.callID) }
            if !dialog.localTag.isEmpty { writer.attribute("local-tag", dialog.localTag) }
            if !dialog.remoteTag.isEmpty { writer.attribute("remote-tag", dialog.remoteTag) }
            if let isInitiator = dialog.isInitiator {
                writer.raw(isInitiator ? " direction=\"initiator\"" : " direction=\"recipient\"")
            }
            writer.raw("><state>")
            writer.text(dialog.state.rawValue)
            writer.raw("</state>")
            if let duration = dialog.duration { writer.element("duration", String(duration)) }
            if !dialog.remote.isEmpty {
                writer.raw("<remote>")
                writer.element("identity", dialog.remote)
                writer.raw("</remote>")
            }
            writer.raw("</dialog>")
        }
        writer.raw("</dialog-info>\n")
        return writer.bytes
    }
}
