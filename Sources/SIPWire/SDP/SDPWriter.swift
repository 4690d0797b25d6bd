/// Writes the descriptions that Roost offers and answers with.
public struct SDPWriter: Sendable {
    public private(set) var text: String

    /// - Parameters:
    ///   - address: of the media; an IPv6 address without brackets.
    ///   - session: a number that names the session, and its version.
    public init(address: String, session: UInt64, version: UInt64) {
        let kind = address.contains(":") ? "IP6" : "IP4"
        text = "v=0\r\no=- \(session) \(version) IN \(kind) \(address)\r\ns=-\r\nc=IN \(kind) \(address)\r\nt=0 0\r\n"
    }

    /// `m=message … TCP/MSRP *` with its attributes (RFC 4975 §8).
    ///
    /// - Parameter fingerprint: of our certificate, for TLS (§14.4).
    public mutating func addMSRP(
        port: UInt16, isTLS: Bool, path: MSRPURI, acceptTypes: String, acceptWrappedTypes: String?, setup: String?,
        maxSize: Int?, fingerprint: String? = nil
    ) {
        text += "m=message \(port) \(isTLS ? "TCP/TLS/MSRP" : "TCP/MSRP") *\r\n"
        text += "a=accept-types:\(acceptTypes)\r\n"
        if let acceptWrappedTypes { text += "a=accept-wrapped-types:\(acceptWrappedTypes)\r\n" }
        text += "a=path:\(path.text)\r\n"
        if let maxSize { text += "a=max-size:\(maxSize)\r\n" }
        if let setup { text += "a=setup:\(setup)\r\n" }
        if isTLS, let fingerprint { text += "a=fingerprint:\(fingerprint)\r\n" }
    }

    /// `m=message 5060 sip null`: the messages go through the dialog.
    public mutating func addMicrosoftForm(kind: String, port: UInt16, acceptTypes: String) {
        text += "m=\(kind) \(port) sip null\r\na=accept-types:\(acceptTypes)\r\n"
    }

    /// A medium of the offer that is not taken: it stands with port 0 (RFC 3264 §6).
    public mutating func addRefused(_ media: SDPSession.Media) {
        text += "m=\(media.kind) 0 \(media.transport) \(media.formats.map(\.string).joined(separator: " "))\r\n"
    }

    public var bytes: SIPBytes { SIPBytes(text) }
}
