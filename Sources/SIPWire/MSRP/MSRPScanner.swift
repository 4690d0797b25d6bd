import Ground

/// Cuts the bytes of an MSRP connection into frames (RFC 4975 §7.3.1, §9).
///
/// Nothing is looked at twice but the last bytes of what is unfinished.
public struct MSRPScanner: Sendable {
    public var limits: MSRPLimits
    /// Where the search for the end line goes on.
    private var searched = 0
    /// Length of the header, with its empty line; 0 before it is complete.
    private var headerEnd = 0

    public init(limits: MSRPLimits = MSRPLimits()) { self.limits = limits }

    /// - Parameter bytes: from the first unconsumed byte on.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> MSRPEvent {
        guard bytes.count >= 5 else { return .needMoreBytes }
        guard bytes[0] == 0x4D, bytes[1] == 0x53, bytes[2] == 0x52, bytes[3] == 0x50, bytes[4] == 0x20 else {
            return .fault
        }
        guard let lineEnd = Self.find("\r\n", in: bytes, from: 0, to: min(bytes.count, limits.headerBytes)) else {
            return bytes.count < limits.headerBytes ? .needMoreBytes : .fault
        }
        let transactionEnd = bytes[5..<lineEnd].firstIndex(of: 0x20) ?? lineEnd
        let transaction = bytes.part(5, transactionEnd)
        // ident = ALPHANUM 3*31ident-char (§9)
        guard transaction.count >= 4, transaction.count <= 32, transaction.allSatisfy(Self.isIdentifier),
            transactionEnd + 4 <= lineEnd
        else { return .fault }
        guard let end = endLine(bytes, transaction, from: lineEnd) else {
            let bound = limits.headerBytes + limits.chunkBytes + 64
            return bytes.count < bound ? .needMoreBytes : .fault
        }
        searched = 0
        let length = end + 7 + transaction.count + 3
        guard end - lineEnd <= limits.headerBytes + limits.chunkBytes,
            let frame = MSRPGrammar.frame(
                SIPBytes(bytes.part(0, length)), transactionEnd: transactionEnd, lineEnd: lineEnd, end: end,
                limits: limits)
        else { return .fault }
        return .frame(frame, length: length)
    }

    /// Where `-------` and the transaction begin a line that ends with a continuation flag.
    private mutating func endLine(
        _ bytes: UnsafeRawBufferPointer, _ transaction: UnsafeRawBufferPointer, from lineEnd: Int
    ) -> Int? {
        let tail = 7 + transaction.count + 3
        var index = max(searched, lineEnd)
        while let line = Self.find("\r\n-------", in: bytes, from: index, to: bytes.count) {
            let start = line + 2
            guard start + tail <= bytes.count else {
                searched = line
                return nil
            }
            let flag = bytes[start + 7 + transaction.count]
            if ByteHash.equal(bytes.part(start + 7, start + 7 + transaction.count), transaction),
                flag == 0x24 || flag == 0x2B || flag == 0x23, bytes[start + tail - 2] == 0x0D,
                bytes[start + tail - 1] == 0x0A
            {
                return start
            }
            index = line + 1
        }
        searched = max(lineEnd, bytes.count - 9)
        return nil
    }

    private static func isIdentifier(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x2D, 0x2B, 0x25, 0x3D: true
        default: false
        }
    }

    private static func find(
        _ literal: StaticString, in bytes: UnsafeRawBufferPointer, from: Int, to: Int
    ) -> Int? {
        let count = literal.utf8CodeUnitCount
        var index = from
        while index + count <= to {
            if bytes[index] == literal.utf8Start[0],
                ByteCompare.same(bytes.baseAddress! + index, literal.utf8Start, count)
            {
                return index
            }
            index += 1
        }
        return nil
    }
}

/// The lines of one frame.
enum MSRPGrammar {
    /// - Parameters:
    ///   - text: the whole frame.
    ///   - end: where the end line begins.
    /// - Returns: nil when it breaks the grammar so that its sender cannot be answered.
    static func frame(
        _ text: SIPBytes, transactionEnd: Int, lineEnd: Int, end: Int, limits: MSRPLimits
    ) -> MSRPFrame? {
        let transaction = text.part(5, transactionEnd)
        guard let kind = kind(text.part(transactionEnd + 1, lineEnd)) else { return nil }
        var frame = MSRPFrame(kind: kind, transaction: transaction)
        guard let flag = MSRPFrame.Continuation(rawValue: text[end + 7 + transaction.count]) else { return nil }
        frame.continuation = flag
        var index = lineEnd + 2
        var lines = 0
        while index < end {
            if text[index] == 0x0D {
                // The empty line before a body; the CRLF before the end line belongs to the end line.
                let bodyStart = index + 2
                guard bodyStart <= end else { return nil }
                frame.body = text.part(bodyStart, max(bodyStart, end - 2))
                break
            }
            guard let lineStop = text.firstIndex(of: 0x0D, from: index), lineStop + 1 < text.count,
                text[lineStop + 1] == 0x0A, lineStop < end, lines < 64,
                let colon = text.firstIndex(of: 0x3A, from: index), colon < lineStop
            else { return nil }
            lines += 1
            guard header(text.part(index, colon), text.part(colon + 1, lineStop).trimmed, &frame) else { return nil }
            index = lineStop + 2
        }
        if let body = frame.body, body.count > limits.chunkBytes { return nil }
        guard !frame.toPath.isEmpty, !frame.fromPath.isEmpty else { return nil }
        return frame
    }

    private static func kind(_ text: SIPBytes) -> MSRPFrame.Kind? {
        if text.equals("SEND") { return .send }
        if text.equals("REPORT") { return .report }
        if text.count >= 3, let code = text.part(0, 3).integer(Int.self) {
            return text.count == 3 || text[3] == 0x20 ? .response(code) : nil
        }
        return Lexical.all(text, Lexical.letter) ? .other : nil
    }

    private static func header(_ name: SIPBytes, _ value: SIPBytes, _ frame: inout MSRPFrame) -> Bool {
        if name.matches("to-path") {
            guard let path = path(value) else { return false }
            frame.toPath = path
        } else if name.matches("from-path") {
            guard let path = path(value) else { return false }
            frame.fromPath = path
        } else if name.matches("message-id") {
            frame.messageID = value
        } else if name.matches("byte-range") {
            guard let range = range(value) else { return false }
            frame.range = range
        } else if name.matches("success-report") {
            frame.wantsSuccessReport = value.matches("yes")
        } else if name.matches("failure-report") {
            frame.failureReport = value.matches("no") ? .no : value.matches("partial") ? .partial : .yes
        } else if name.matches("status") {
            // namespace SP code SP comment
            guard let blank = value.firstIndex(of: 0x20) else { return false }
            frame.status = value.part(blank + 1, blank + 4).integer(Int.self)
        } else if name.matches("content-type") {
            frame.contentType = value
        }
        return true
    }

    private static func path(_ text: SIPBytes) -> [MSRPURI]? {
        var uris: [MSRPURI] = []
        var index = 0
        while index < text.count {
            while index < text.count, text[index] == 0x20 { index += 1 }
            let from = index
            while index < text.count, text[index] != 0x20 { index += 1 }
            guard index > from else { break }
            guard uris.count < 8, let uri = MSRPURI(text.part(from, index)) else { return nil }
            uris.append(uri)
        }
        return uris.isEmpty ? nil : uris
    }

    /// `1-5/9`, with `*` for what is not known.
    private static func range(_ text: SIPBytes) -> (start: Int, end: Int?, total: Int?)? {
        guard let dash = text.firstIndex(of: 0x2D), let slash = text.firstIndex(of: 0x2F, from: dash),
            let start = text.part(0, dash).integer(Int.self), start > 0
        else { return nil }
        func number(_ text: SIPBytes) -> Int?? {
            if text.equals("*") { return .some(nil) }
            guard let value = text.integer(Int.self) else { return nil }
            return value
        }
        guard let end = number(text.part(dash + 1, slash)), let total = number(text.part(slash + 1, text.count)) else {
            return nil
        }
        return (start, end, total)
    }
}
