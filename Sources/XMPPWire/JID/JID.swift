/// An XMPP address: `[localpart@]domainpart[/resourcepart]` (RFC 7622).
///
/// The parts are prepared when the value is made, so equality and hashing compare prepared strings (RFC 7622 §3).
public struct JID: Hashable, Sendable {
    /// Prepared by UsernameCaseMapped; nil for the address of a domain.
    public let local: String?
    /// U-labels in lower case without trailing dot, or an IP literal.
    public let domain: String
    /// Prepared by OpaqueString; nil for a bare address.
    public let resource: String?

    /// Splits, prepares and enforces (RFC 7622 §3).
    ///
    /// - Parameter text: an address without XML escapes, of any length.
    /// - Throws: ``JIDError`` naming the part that is wrong.
    public init(parsing text: String) throws(JIDError) {
        let prepared = Self.preparedSpan(text)
        if let prepared {
            self = prepared
            return
        }
        let slash = text.utf8.firstIndex(of: UInt8(ascii: "/"))
        let bare = text.utf8[..<(slash ?? text.utf8.endIndex)]
        let at = bare.firstIndex(of: UInt8(ascii: "@"))
        // The separators are ASCII, so every cut falls between characters of valid UTF-8.
        let local = at.map { String(Substring(bare[..<$0])) }
        let domain = String(Substring(at.map { bare[bare.index(after: $0)...] } ?? bare))
        let resource = slash.map { String(Substring(text.utf8[text.utf8.index(after: $0)...])) }
        try self.init(local: local, domain: domain, resource: resource)
    }

    /// Prepares and enforces parts that are already apart.
    ///
    /// - Throws: ``JIDError`` naming the part that is wrong.
    public init(local: String?, domain: String, resource: String?) throws(JIDError) {
        if let local {
            self.local = try JIDPreparation.localpart(local)
        } else {
            self.local = nil
        }
        self.domain = try JIDPreparation.domainpart(domain)
        if let resource {
            self.resource = try JIDPreparation.resourcepart(resource)
        } else {
            self.resource = nil
        }
    }

    /// Takes parts that were prepared before, such as values out of the store. Nothing is checked.
    public init(preparedLocal: String?, domain: String, resource: String?) {
        self.local = preparedLocal
        self.domain = domain
        self.resource = resource
    }

    /// This address without resourcepart.
    public var bare: JID { JID(preparedLocal: local, domain: domain, resource: nil) }
    public var isBare: Bool { resource == nil }

    /// This address with another resourcepart, which is prepared here.
    public func withResource(_ resource: String) throws(JIDError) -> JID {
        JID(preparedLocal: local, domain: domain, resource: try JIDPreparation.resourcepart(resource))
    }

    /// The common case: ASCII that preparation leaves unchanged.
    private static func preparedSpan(_ text: String) -> JID? {
        var text = text
        return text.withUTF8 { utf8 -> JID? in
            guard let span = JIDSpan(UnsafeRawBufferPointer(utf8)), span.isPrepared else { return nil }
            func part(_ range: Range<Int>) -> String {
                String(decoding: UnsafeBufferPointer(rebasing: utf8[range]), as: UTF8.self)
            }
            return JID(
                preparedLocal: span.localEnd < 0 ? nil : part(0..<span.localEnd),
                domain: part(span.domainStart..<span.domainEnd),
                resource: span.resourceStart < 0 ? nil : part(span.resourceStart..<utf8.count))
        }
    }
}

extension JID: CustomStringConvertible {
    public var description: String {
        var text = ""
        if let local {
            text += local
            text += "@"
        }
        text += domain
        if let resource {
            text += "/"
            text += resource
        }
        return text
    }
}
