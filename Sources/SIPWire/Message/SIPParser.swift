import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes messages of bytes (RFC 3261 §7, §18.3).
public enum SIPParser {
    /// What a datagram is.
    public enum Datagram: Equatable, Sendable {
        case message
        /// CRLFs alone, or nothing: nobody is answered over UDP.
        case keepAlive
        /// A STUN message (RFC 5389 §6, RFC 5626 §4.4.2).
        case stun
    }

    /// Tells messages from what keeps flows open.
    public static func classify(_ bytes: UnsafeRawBufferPointer) -> Datagram {
        guard let first = bytes.first else { return .keepAlive }
        if first < 2, bytes.count >= 20, bytes[4] == 0x21, bytes[5] == 0x12, bytes[6] == 0xA4, bytes[7] == 0x42 {
            return .stun
        }
        for byte in bytes where byte != 0x0D && byte != 0x0A && byte != 0 { return .message }
        return .keepAlive
    }

    /// Reads one datagram, or one message that the framer of a stream has cut.
    ///
    /// - Parameter isStream: a Content-Length is needed there (§20.14); without it, and in a datagram, the body goes to the end.
    /// - Throws: what the request is to be answered with, and the message as far as it could be read.
    public static func parse(
        _ datagram: ByteBuffer, limits: SIPLimits = SIPLimits(), isStream: Bool = false
    ) throws(SIPParseError) -> SIPMessage {
        var result: Result<SIPMessage, SIPParseError> = .failure(.garbage)
        datagram.withUnsafeReadableBytes { bytes in
            do throws(SIPParseError) {
                result = .success(try parse(bytes, limits: limits, isStream: isStream))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    public static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: SIPLimits = SIPLimits(), isStream: Bool = false
    ) throws(SIPParseError) -> SIPMessage {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { throw .garbage }
        // Empty lines before the start line are passed over (§7.5).
        var skipped = 0
        while skipped < bytes.count, base[skipped] == 0x0D || base[skipped] == 0x0A { skipped += 1 }
        let count = bytes.count - skipped
        guard count > 0, count <= Int(UInt32.max) else { throw .garbage }
        var outcome: Result<SIPMessage, SIPParseError> = .failure(.garbage)
        // A table of that many fields stands on the stack; few messages have more.
        var isFull = false
        withUnsafeTemporaryAllocation(of: SIPField.self, capacity: min(limits.fields, 64)) { table in
            var scan = SIPScan(base: base + skipped, count: count, limits: limits, table: table)
            outcome = scan.run(isStream: isStream)
            isFull = scan.isFull
        }
        if isFull, limits.fields > 64 {
            withUnsafeTemporaryAllocation(of: SIPField.self, capacity: limits.fields) { table in
                var scan = SIPScan(base: base + skipped, count: count, limits: limits, table: table)
                outcome = scan.run(isStream: isStream)
            }
        }
        let message = try outcome.get()
        return message
    }

    /// A message from text, for tests and tools.
    public static func parse(_ text: String, limits: SIPLimits = SIPLimits()) throws(SIPParseError) -> SIPMessage {
        try parse(ByteBuffer(string: text), limits: limits)
    }
}

extension SIPParseError {
    /// Nothing that could be answered.
    static let garbage = SIPParseError(status: .badRequest, reason: "Bad Request", message: nil)
}

/// One pass over the head of a message, then the checks that every element makes (RFC 3261 §16.3, §8.2).
struct SIPScan {
    let base: UnsafePointer<UInt8>
    let count: Int
    let limits: SIPLimits
    let table: UnsafeMutableBufferPointer<SIPField>
    var head = SIPHead()
    var fieldCount = 0
    var contentLength: Int?
    /// The first thing found wrong.
    var status: SIPStatus?
    var reason: StaticString = "Bad Request"
    var folds = false
    /// The table had no room for a field.
    var isFull = false

    init(base: UnsafePointer<UInt8>, count: Int, limits: SIPLimits, table: UnsafeMutableBufferPointer<SIPField>) {
        self.base = base
        self.count = count
        self.limits = limits
        self.table = table
    }

    mutating func fail(_ code: SIPStatus, _ text: StaticString) {
        if status == nil {
            status = code
            reason = text
        }
    }

    mutating func run(isStream: Bool) -> Result<SIPMessage, SIPParseError> {
        guard let lineEnd = lineEnd(from: 0), startLine(lineEnd) else { return .failure(.garbage) }
        guard let headEnd = headerLines(from: lineEnd + 2) else { return .failure(.garbage) }
        if headEnd > limits.headerBytes { fail(.messageTooLarge, "Header Too Large") }
        var bodyEnd = count
        if let contentLength {
            if contentLength > count - headEnd {
                fail(.badRequest, "Content-Length Larger Than Message")
            } else {
                bodyEnd = headEnd + contentLength
            }
        } else if isStream {
            fail(.badRequest, "Missing Content-Length")
        }
        if bodyEnd > limits.messageBytes { fail(.messageTooLarge, "Message Too Large") }
        if bodyEnd - headEnd > limits.bodyBytes { fail(.requestEntityTooLarge, "Request Entity Too Large") }
        let message = makeMessage(headEnd: headEnd, bodyEnd: bodyEnd)
        SIPChecks.run(message, &self)
        guard let status else { return .success(message) }
        return .failure(SIPParseError(status: status, reason: reason, message: message.isRequest ? message : nil))
    }

    private func makeMessage(headEnd: Int, bodyEnd: Int) -> SIPMessage {
        let storage = SIPMessage.allocate(bytes: bodyEnd, fields: fieldCount)
        storage.update(from: base, count: bodyEnd)
        if folds { unfold(storage, headEnd) }
        var method = SIPMethod.other([])
        if head.isRequest {
            method = SIPMethod(
                SIPBytes(
                    owner: nil, start: base + Int(head.methodRange.start),
                    count: Int(head.methodRange.end - head.methodRange.start)))
        } else if let index = table[..<fieldCount].firstIndex(where: { $0.header == .cseq }) {
            let field = table[index]
            let value = SIPBytes(
                owner: nil, start: storage + Int(field.valueStart), count: Int(field.valueEnd - field.valueStart))
            if let cseq = SIPCSeq(value) { method = cseq.method }
        }
        return SIPMessage(
            storage: storage, count: bodyEnd, fields: UnsafeBufferPointer(rebasing: table[..<fieldCount]), head: head,
            method: method, bodyStart: headEnd, bodyEnd: bodyEnd)
    }

    /// Line ends inside values become blanks, so that a value is one line.
    private func unfold(_ storage: UnsafeMutablePointer<UInt8>, _ headEnd: Int) {
        for index in 0..<fieldCount {
            var place = Int(table[index].nameStart)
            while place < Int(table[index].valueEnd) {
                if storage[place] == 0x0D || storage[place] == 0x0A { storage[place] = 0x20 }
                place += 1
            }
        }
    }

    /// The CR of the line that begins at `from`; nil when no CRLF follows.
    private func lineEnd(from: Int) -> Int? {
        var index = from
        while index < count {
            guard let found = memchr(base + index, 0x0D, count - index) else { return nil }
            index = found.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: base)
            if index + 1 < count, base[index + 1] == 0x0A { return index }
            index += 1
        }
        return nil
    }

    // MARK: Start line

    /// false when it is neither a request nor a response at all.
    private mutating func startLine(_ end: Int) -> Bool {
        if end >= 12, isVersion(at: 0), base[7] == 0x20 { return statusLine(end) }
        var space = 0
        let classes = Lexical.table
        while space < end, classes[Int(base[space])] & Lexical.token != 0 { space += 1 }
        guard space > 0, space < end, base[space] == 0x20, space <= 64 else { return false }
        head.methodRange = SIPRange(start: 0, end: UInt32(space))
        var last = end
        if base[last - 1] == 0x20 || base[last - 1] == 0x09 {
            fail(.badRequest, "White Space At End Of Request-Line")
            while last > space, Lexical.isBlank(base[last - 1]) { last -= 1 }
        }
        var version = last
        while version > space, base[version - 1] != 0x20 { version -= 1 }
        guard last - version >= 5, isLetters(at: version, "sip/") else { return false }
        if !(last - version == 7 && isVersion(at: version)) { fail(.versionNotSupported, "Version Not Supported") }
        let uriStart = space + 1
        let uriEnd = max(uriStart, version - 1)
        head.uri = SIPRange(start: UInt32(uriStart), end: UInt32(uriEnd))
        if uriEnd - uriStart > SIPURI.longest { fail(.requestURITooLong, "Request-URI Too Long") }
        for index in uriStart..<uriEnd where base[index] <= 0x20 || base[index] == 0x3C || base[index] == 0x3E {
            fail(.badRequest, "Malformed Request-URI")
        }
        if uriEnd == uriStart { fail(.badRequest, "Missing Request-URI") }
        return true
    }

    private func isVersion(at index: Int) -> Bool {
        isLetters(at: index, "sip/") && base[index + 4] == 0x32 && base[index + 5] == 0x2E && base[index + 6] == 0x30
    }

    private func isLetters(at index: Int, _ lowered: StaticString) -> Bool {
        index + 7 <= count && Lexical.same(base + index, lowered: lowered.utf8Start, lowered.utf8CodeUnitCount)
    }

    private mutating func statusLine(_ end: Int) -> Bool {
        head.isRequest = false
        var code = 0
        var index = 8
        while index < end, base[index] &- 0x30 < 10, index < 11 {
            code = code * 10 + Int(base[index] - 0x30)
            index += 1
        }
        guard index == 11, code >= 100, code < 700, index == end || base[index] == 0x20 else { return false }
        head.status = UInt16(code)
        head.reason = SIPRange(start: UInt32(min(index + 1, end)), end: UInt32(end))
        return true
    }

    // MARK: Header

    /// Headers that may stand only once (RFC 3261 §7.3.1).
    private static let single: SIPHeaderSet = [
        .callID, .contentLength, .contentType, .contentDisposition, .cseq, .date, .event, .expires, .from,
        .maxForwards, .mimeVersion, .minExpires, .rack, .referTo, .replaces, .rseq, .sessionExpires, .sipETag,
        .sipIfMatch, .subscriptionState, .to,
    ]

    /// Fills the table; where the body begins. nil when no empty line ends the header.
    private mutating func headerLines(from: Int) -> Int? {
        var index = from
        let classes = Lexical.table
        while true {
            guard index + 1 < count else { return nil }
            if base[index] == 0x0D, base[index + 1] == 0x0A { return index + 2 }
            let nameStart = index
            while index < count, classes[Int(base[index])] & Lexical.token != 0 { index &+= 1 }
            let nameEnd = index
            while index < count, Lexical.isBlank(base[index]) { index &+= 1 }
            let isField = nameEnd > nameStart && nameEnd - nameStart < 256 && index < count && base[index] == 0x3A
            guard var end = lineEnd(from: index) else { return nil }
            var isFolded = false
            while end + 2 < count, Lexical.isBlank(base[end + 2]) {
                guard let next = lineEnd(from: end + 2) else { return nil }
                end = next
                isFolded = true
            }
            if isFolded { folds = true }
            if isField {
                add(nameStart, nameEnd, index + 1, end, isFolded)
            } else {
                fail(.badRequest, "Malformed Header Line")
            }
            index = end + 2
        }
    }

    private mutating func add(_ nameStart: Int, _ nameEnd: Int, _ from: Int, _ end: Int, _ isFolded: Bool) {
        guard fieldCount < table.count else {
            isFull = true
            fail(.messageTooLarge, "Too Many Header Fields")
            return
        }
        var start = from
        var stop = end
        while start < stop, base[start] <= 0x20 { start += 1 }
        while stop > start, base[stop - 1] <= 0x20 { stop -= 1 }
        var hasControls: UInt8 = 0
        for index in start..<stop {
            let byte = base[index]
            hasControls |= byte < 0x20 && byte != 0x09 || byte == 0x7F ? 1 : 0
        }
        if hasControls != 0, hasStrayControls(start, stop) {
            fail(.badRequest, "Control Character In Header")
        }
        let header = SIPHeader(UnsafeRawBufferPointer(start: base + nameStart, count: nameEnd - nameStart))
        table[fieldCount] = SIPField(
            nameStart: UInt32(nameStart), valueStart: UInt32(start), valueEnd: UInt32(stop),
            nameCount: UInt16(nameEnd - nameStart), header: header)
        fieldCount += 1
        if header == .other { head.present.insert(.other); return }
        if head.present.contains(header), Self.single.contains(header) {
            fail(.badRequest, "Header Given More Than Once")
        }
        head.present.insert(header)
        if header == .contentLength {
            let digits = SIPBytes(owner: nil, start: base + start, count: stop - start)
            contentLength = digits.integer(Int.self)
            if contentLength == nil { fail(.badRequest, "Malformed Content-Length") }
        }
    }

    /// Controls other than those of line folds and of quoted pairs (RFC 3261 §25.1).
    private func hasStrayControls(_ start: Int, _ stop: Int) -> Bool {
        var index = start
        while index < stop {
            let byte = base[index]
            if byte == 0x0D, index + 2 < stop, base[index + 1] == 0x0A, Lexical.isBlank(base[index + 2]) {
                index += 3
                continue
            }
            if byte == 0x5C, index + 1 < stop, base[index + 1] != 0x0D, base[index + 1] != 0x0A {
                index += 2
                continue
            }
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { return true }
            index += 1
        }
        return false
    }
}
