import NIOCore

/// What carries a client's stream: a TCP connection, a WebSocket or the requests of BOSH.
///
/// A session reads and writes the bytes of one XML stream (RFC 6120 §4), whatever carries it. A link whose protocol
/// has no such stream makes one: it turns what comes in into stream header, elements and closing tag, and cuts what
/// goes out (`StreamCutter`). Once resumed (XEP-0198 §5) a link belongs to an older session; it only points at one.
protocol StreamLink: AnyObject {
    var session: C2SSession { get set }
    /// TLS can be negotiated in the stream (RFC 6120 §5).
    var negotiatesTLS: Bool { get }
    /// `TLSv1.3`, `TLSv1.2`, `proxy` for TLS that ends at a trusted proxy, or `none`.
    var tlsVersion: String { get }
    /// Data of the channel binding `tls-server-end-point` (RFC 5929 §4); nil where TLS does not end here.
    var serverEndPoint: [UInt8]? { get }
    /// Certificates that the client has shown, its own first, not verified; nil where TLS does not end here.
    var peerCertificates: [[UInt8]]? { get }

    /// Bytes taken that have not left the server yet.
    var bytesWaiting: Int { get }
    /// Few enough bytes wait that more may be written.
    var isWritable: Bool { get }
    /// Takes whole elements, a stream header or a closing tag.
    func write(_ bytes: ByteBuffer)
    /// Bytes wait, and `count` journalled messages are among what was written: calls `settleWritten` of the session,
    /// or `settle(first:)`, once they are out.
    func notifyWhenWritten(_ count: Int)

    /// Whether what the client sends is taken; its own network slows it down otherwise.
    func setReading(_ reads: Bool)
    /// What comes next is TLS (RFC 6120 §5.4.3).
    func startTLS()
    /// Our side of the stream has ended; the client has a moment to end its own (RFC 6120 §4.4).
    func closeGracefully()
    func closeNow()
}

extension StreamLink {
    var peerCertificates: [[UInt8]]? { nil }
}
