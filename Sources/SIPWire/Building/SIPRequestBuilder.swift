import NIOCore

/// Writes a request.
public struct SIPRequestBuilder: SIPBuilder, Sendable {
    public var writer: SIPWriter

    /// The request line alone.
    public init(
        _ method: SIPMethod, _ uri: SIPBytes, into buffer: ByteBuffer = ByteBufferAllocator().buffer(capacity: 1_024)
    ) {
        writer = SIPWriter(buffer)
        writer.raw(method.token)
        writer.byte(0x20)
        writer.raw(uri)
        writer.raw(" SIP/2.0\r\n")
    }

    /// `Via: SIP/2.0/transport sent-by;branch=…`, with `rport` over UDP (RFC 3581).
    public mutating func addVia(transport: SIPTransportName, sentBy: SIPBytes, branch: SIPBytes, rport: Bool = true) {
        writer.raw("Via: SIP/2.0/")
        writer.raw(transport.viaName)
        writer.byte(0x20)
        writer.raw(sentBy)
        writer.raw(";branch=")
        writer.raw(branch)
        if rport { writer.raw(";rport") }
        writer.endLine()
    }

    public mutating func addCSeq(_ number: UInt32, _ method: SIPMethod) {
        writer.raw("CSeq: ")
        writer.decimal(Int(number))
        writer.byte(0x20)
        writer.raw(method.token)
        writer.endLine()
    }

    /// A From or To with an optional tag; the URI is put into brackets.
    public mutating func addParty(_ header: SIPHeader, uri: SIPBytes, tag: SIPBytes?) {
        writer.name(header)
        writer.byte(0x3C)
        writer.raw(uri)
        writer.byte(0x3E)
        if let tag, !tag.isEmpty {
            writer.raw(";tag=")
            writer.raw(tag)
        }
        writer.endLine()
    }
}
