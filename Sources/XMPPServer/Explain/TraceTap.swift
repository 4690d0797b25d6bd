import Ground
import IMCore
import XMLWire
import XMPPWire

/// One stanza on its way, as somebody who traces sees it.
public struct TraceEvent: Sendable, Equatable {
    public enum Direction: String, Sendable { case received, sent }

    /// Milliseconds since 1970.
    public var at: Int64
    /// Seen from the server.
    public var direction: Direction
    /// Full address of the client.
    public var client: String
    /// `message`, `presence`, `iq`.
    public var kind: String
    /// As it passed, with what is secret left out; at most `TraceTap.bytes`.
    public var stanza: String
}

/// Shows stanzas of clients to those who trace. Nil on the server while nobody does, so that it costs a pointer test.
/// Confined to the loop.
public final class TraceTap {
    private struct Watcher {
        var filter: JID
        var showsBodies: Bool
        /// Every kind when empty.
        var kinds: Set<String>
        var send: (TraceEvent) -> Void
    }

    /// Bytes of a stanza that are shown.
    public static let bytes = 8_192
    /// Traces at a time.
    public static let limit = 16

    private let time: any TimeSource
    private var watchers: [Int: Watcher] = [:]
    private var last = 0

    init(time: any TimeSource) { self.time = time }

    var isEmpty: Bool { watchers.isEmpty }

    /// - Parameter filter: a full address for one client, a bare one for an account, a domain for everybody there.
    /// - Returns: nil when there are too many.
    func add(
        _ filter: JID, kinds: Set<String>, showsBodies: Bool, send: @escaping (TraceEvent) -> Void
    ) -> Int? {
        guard watchers.count < Self.limit else { return nil }
        last += 1
        watchers[last] = Watcher(filter: filter, showsBodies: showsBodies, kinds: kinds, send: send)
        return last
    }

    func remove(_ id: Int) { watchers[id] = nil }

    func passed(_ bytes: UnsafeRawBufferPointer, _ direction: TraceEvent.Direction, _ session: C2SSession) {
        guard let home = session.home else { return }
        var element: XMLElement?
        for watcher in watchers.values where Self.matches(watcher.filter, home.jid, session.resource) {
            if element == nil {
                element = try? XMLElement(
                    parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
            }
            guard let element, watcher.kinds.isEmpty || watcher.kinds.contains(element.name) else { continue }
            let shown = TraceRedaction.redacted(element, showsBodies: watcher.showsBodies).stanzaBytes
            watcher.send(
                TraceEvent(
                    at: time.now, direction: direction,
                    client: String(decoding: session.address, as: UTF8.self), kind: element.name,
                    stanza: String(decoding: shown.prefix(Self.bytes), as: UTF8.self)
                        + (shown.count > Self.bytes ? "…" : "")))
        }
    }

    private static func matches(_ filter: JID, _ account: JID, _ resource: String) -> Bool {
        guard filter.domain == account.domain else { return false }
        guard filter.local != nil else { return true }
        return filter.local == account.local && (filter.resource == nil || filter.resource == resource)
    }
}

extension C2SServer {
    /// Begins to trace; nil when too many traces run already.
    public func trace(
        _ filter: JID, kinds: Set<String> = [], showsBodies: Bool, send: @escaping (TraceEvent) -> Void
    ) -> Int? {
        let tap = tap ?? TraceTap(time: time)
        guard let id = tap.add(filter, kinds: kinds, showsBodies: showsBodies, send: send) else { return nil }
        self.tap = tap
        return id
    }

    public func endTrace(_ id: Int) {
        tap?.remove(id)
        if tap?.isEmpty == true { tap = nil }
    }
}

extension C2SSession {
    func traced(_ bytes: [UInt8], _ tap: TraceTap) {
        bytes.withUnsafeBytes { tap.passed($0, .sent, self) }
    }
}

/// What a trace does not show. By default no text that people write; passwords and tokens never.
enum TraceRedaction {
    /// Payloads that hold secrets.
    private static let secret: Set<String> = [
        "jabber:iq:register", "jabber:iq:auth", "urn:xmpp:sasl:2", "urn:xmpp:fast:0", "urn:xmpp:extdisco:2",
        "urn:xmpp:http:upload:0",
    ]
    private static let secretAttributes: Set<String> = ["password", "secret", "token", "url", "key"]

    static func redacted(_ element: XMLElement, showsBodies: Bool) -> XMLElement {
        cover(element, hides: !showsBodies, isSecret: false)
    }

    private static func cover(_ element: XMLElement, hides: Bool, isSecret: Bool) -> XMLElement {
        // Any field of a form may be a password: submissions do not say what kind a field is.
        let isSecret =
            isSecret || secret.contains(element.namespace)
            || element.namespace == StanzaError.commandNamespace && element.name == "command"
        var result = element
        if isSecret || hides {
            for index in result.attributes.indices where secretAttributes.contains(result.attributes[index].name) {
                // The key of a setting is none.
                if element.namespace == UserPolicies.namespace { continue }
                result.attributes[index].value = "…"
            }
        }
        result.children = element.children.map { child in
            switch child {
            case .element(let child): return .element(cover(child, hides: hides, isSecret: isSecret))
            case .text(let text):
                let isBlank = text.allSatisfy(\.isWhitespace)
                // What presence shows is no secret of the conversation.
                let isState = ["show", "priority"].contains(element.name)
                guard isSecret || hides && !isState, !isBlank else { return .text(text) }
                return .text("… \(text.count) characters")
            }
        }
        return result
    }
}
