import NIOCore

/// Writes a response: the status line, then what RFC 3261 §8.2.6.2 takes over from the request as it stands there.
public struct SIPResponseBuilder: SIPBuilder, Sendable {
    public var writer: SIPWriter

    /// - Parameters:
    ///   - toTag: put on To when it has none; nil for 100 (§8.2.6.2) and for stateless elements that make their own.
    ///   - reason: the phrase; nil for the usual one.
    ///   - splice: what the server that received the request puts into its topmost Via.
    public init(
        to request: SIPMessage, status: SIPStatus, reason: StaticString? = nil, toTag: SIPBytes? = nil,
        splice: SIPSplice? = nil,
        into buffer: ByteBuffer = ByteBufferAllocator().buffer(capacity: 1_024)
    ) {
        writer = SIPWriter(buffer)
        writer.raw("SIP/2.0 ")
        writer.decimal(Int(status.rawValue))
        writer.byte(0x20)
        writer.raw(reason ?? status.reason)
        writer.endLine()
        let lacksTag = request.toTagRange.isNone
        var index = 0
        while index < request.fieldCount {
            let header = request.fields[index].header
            switch header {
            case .recordRoute where status.rawValue >= 300: break
            case .via, .from, .callID, .cseq, .recordRoute, .timestamp:
                let from = index
                index += 1
                while index < request.fieldCount, Self.isCopied(request.fields[index].header) { index += 1 }
                writer.lines(of: request, from, index, splice)
                continue
            case .to:
                if lacksTag, let toTag {
                    writer.raw(request.part(request.lineStart(index), Int(request.fields[index].valueEnd)))
                    writer.raw(";tag=")
                    writer.raw(toTag)
                    writer.endLine()
                } else {
                    writer.raw(request.part(request.lineStart(index), request.lineStart(index + 1)))
                }
            default: break
            }
            index += 1
        }
    }

    private static func isCopied(_ header: SIPHeader) -> Bool {
        switch header {
        case .via, .from, .callID, .cseq: true
        default: false
        }
    }
}
