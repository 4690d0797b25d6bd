import NIOCore

/// Writes MSRP frames.
public enum MSRPWriter {
    /// The response to a request; nothing is sent when the request asks for none (§7.2).
    public static func response(to frame: MSRPFrame, code: Int, comment: String, into buffer: inout ByteBuffer) {
        if frame.failureReport == .no { return }
        if frame.failureReport == .partial, code == 200 { return }
        // The hop that sent it, and us (§7.2).
        guard let to = frame.fromPath.first, let from = frame.toPath.first else { return }
        buffer.writeString("MSRP \(frame.transaction) \(code) \(comment)\r\nTo-Path: \(to.text)\r\n")
        buffer.writeString("From-Path: \(from.text)\r\n-------\(frame.transaction)$\r\n")
    }

    /// A success or failure report about a whole message (§7.1.2).
    public static func report(
        of messageID: SIPBytes, bytes: Int, code: Int, comment: String, to: [MSRPURI], from: MSRPURI,
        transaction: String, into buffer: inout ByteBuffer
    ) {
        buffer.writeString("MSRP \(transaction) REPORT\r\nTo-Path: \(joined(to))\r\nFrom-Path: \(from.text)\r\n")
        buffer.writeString("Message-ID: \(messageID)\r\nByte-Range: 1-\(bytes)/\(bytes)\r\n")
        buffer.writeString("Status: 000 \(code) \(comment)\r\n-------\(transaction)$\r\n")
    }

    /// One message in chunks of at most `chunk` bytes.
    ///
    /// - Parameter transaction: makes the names of the chunks, tokens of 4 … 32 characters that stand nowhere in the body.
    /// - Returns: the transactions in order.
    @discardableResult
    public static func send(
        _ body: SIPBytes, type: String, messageID: String, to: [MSRPURI], from: MSRPURI, wantsReport: Bool,
        chunk: Int = 2_048, transaction: () -> String, into buffer: inout ByteBuffer
    ) -> [String] {
        var names: [String] = []
        var start = 0
        repeat {
            let end = min(body.count, start + max(1, chunk))
            let name = transaction()
            names.append(name)
            buffer.writeString("MSRP \(name) SEND\r\nTo-Path: \(joined(to))\r\nFrom-Path: \(from.text)\r\n")
            buffer.writeString("Message-ID: \(messageID)\r\n")
            if wantsReport { buffer.writeString("Success-Report: yes\r\n") }
            buffer.writeString("Byte-Range: \(body.count == 0 ? 1 : start + 1)-\(end)/\(body.count)\r\n")
            buffer.writeString("Content-Type: \(type)\r\n\r\n")
            body.part(start, end).withBytes { _ = buffer.writeBytes($0) }
            buffer.writeString("\r\n-------\(name)\(end == body.count ? "$" : "+")\r\n")
            start = end
        } while start < body.count
        return names
    }

    /// An empty SEND, which shows the passive side who has connected (§5.4) and keeps the connection open.
    public static func empty(
        to: [MSRPURI], from: MSRPURI, transaction: String, messageID: String, into buffer: inout ByteBuffer
    ) {
        buffer.writeString("MSRP \(transaction) SEND\r\nTo-Path: \(joined(to))\r\nFrom-Path: \(from.text)\r\n")
        buffer.writeString("Message-ID: \(messageID)\r\nByte-Range: 1-0/0\r\n-------\(transaction)$\r\n")
    }

    private static func joined(_ path: [MSRPURI]) -> String { path.map(\.text.string).joined(separator: " ") }
}
