import IMCore
import XMLWire
import XMPPWire

/// What a client says about itself (XEP-0388 §2.3).
struct UserAgent: Equatable {
    /// Stays the same for one installation of a client; a UUID by the standard. Nobody else sees it.
    var id: String?
    var software: String?
    var device: String?

    /// Characters that are kept of a name, and the longest id.
    static let nameLength = 60
    static let idBytes = 100

    /// Nil when the id is empty or too long.
    init?(_ element: XMLElement) {
        id = element["id"]
        if let id, id.isEmpty || id.utf8.count > Self.idBytes { return nil }
        software = Self.name(element, "software")
        device = Self.name(element, "device")
    }

    private static func name(_ element: XMLElement, _ child: String) -> String? {
        guard let text = element.child(child, namespace: XMPPNamespace.sasl2)?.text, !text.isEmpty else { return nil }
        return String(text.prefix(nameLength))
    }

    /// For people: `Gajim on desk`.
    var title: String {
        switch (software, device) {
        case (let software?, let device?): "\(software) on \(device)"
        case (let name?, nil), (nil, let name?): name
        case (nil, nil): ""
        }
    }
}

/// `<authenticate/>` of XEP-0388 with everything that is to happen together with the login.
struct SASL2Request {
    var mechanism: String
    /// Nil when the client leaves it out; an empty one is a response too (§2.2).
    var initialResponse: [UInt8]?
    var userAgent: UserAgent?
    /// XEP-0386.
    var bind: XMLElement?
    /// XEP-0198 §6.
    var resume: XMLElement?
    /// XEP-0484: this login is by token.
    var fast: FastUse?
    /// XEP-0484: the client wants a token for this mechanism.
    var tokenMechanism: HashedTokenMechanism?
    /// The token that has proven the login.
    var usedToken: FastToken?

    init(_ element: XMLElement) throws(SASLFailure) {
        guard let mechanism = element["mechanism"], !mechanism.isEmpty else { throw .invalidMechanism }
        self.mechanism = mechanism
        // No upgrade is announced, so none can be asked for (§2.3).
        guard element["upgrade"] == nil else { throw .invalidMechanism }
        if let initial = element.child("initial-response", namespace: XMPPNamespace.sasl2) {
            let text = Array(initial.text.utf8.drop { $0 <= 32 })
            let end = text.lastIndex { $0 > 32 }.map { $0 + 1 } ?? 0
            guard let bytes = Base64.decode(text[..<end]) else { throw .incorrectEncoding }
            initialResponse = bytes
        }
        if let agent = element.child("user-agent", namespace: XMPPNamespace.sasl2) {
            guard let known = UserAgent(agent) else { throw .malformedRequest }
            userAgent = known
        }
        bind = element.child("bind", namespace: XMPPNamespace.bind2)
        resume = element.child("resume", namespace: XMPPNamespace.streamManagement)
        if let use = element.child("fast", namespace: XMPPNamespace.fast) { fast = try FastUse(use) }
        tokenMechanism = element.child("request-token", namespace: XMPPNamespace.fast)?["mechanism"]
            .flatMap { HashedTokenMechanism(rawValue: $0) }
    }
}

/// `<fast/>` in a request (XEP-0484 §3.4, §3.6).
struct FastUse {
    /// Rises with every use of a token, where the client counts.
    var count: Int64?
    /// The token is void from now on.
    var invalidates: Bool

    init(_ element: XMLElement) throws(SASLFailure) {
        if let text = element["count"] {
            guard let number = Int64(text), number >= 0 else { throw .malformedRequest }
            count = number
        }
        invalidates = ["1", "true"].contains(element["invalidate"] ?? "")
    }
}
