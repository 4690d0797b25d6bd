/// One SIP message as it arrived, seen in place; valid only while the read that brought it is being handled.
///
/// It is the generator's own reader, which shares nothing with the server's, so that a mistake of one does not hide a
/// mistake of the other. It looks only for what the checks of a run need and trusts its server otherwise.
struct SIPText {
    let bytes: UnsafeRawBufferPointer
    /// Status of a response, 0 for a request.
    private(set) var status = 0
    /// Method of a request.
    private(set) var method: Range<Int> = 0..<0
    private(set) var via: Range<Int>?
    private(set) var from: Range<Int>?
    private(set) var to: Range<Int>?
    private(set) var callID: Range<Int>?
    private(set) var cseq: UInt32 = 0
    private(set) var contact: Range<Int>?
    private(set) var entityTag: Range<Int>?
    private(set) var subscriptionState: Range<Int>?
    /// Values of WWW-Authenticate and Proxy-Authenticate.
    private(set) var challenges: [(value: Range<Int>, isProxy: Bool)] = []
    private(set) var recordRoutes: [Range<Int>] = []
    private(set) var body: Range<Int> = 0..<0

    /// Name of a header that a run looks at.
    enum Name {
        case via, from, to, callID, cseq, contact, recordRoute, challenge, proxyChallenge, entityTag
        case subscriptionState, contentLength, other
    }

    /// - Returns: nil when it is neither a request nor a response, or its header does not end.
    init?(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        guard let lineEnd = bytes.offset(of: UInt8(ascii: "\n"), from: 0), lineEnd >= 12 else { return nil }
        if bytes.part(0, 8).isEqual(to: "SIP/2.0 ") {
            for place in 8..<11 {
                guard bytes[place] >= 0x30, bytes[place] <= 0x39 else { return nil }
                status = status * 10 + Int(bytes[place] - 0x30)
            }
            guard (100...699).contains(status) else { return nil }
        } else {
            guard let space = bytes.offset(of: UInt8(ascii: " "), from: 0), space < lineEnd, space > 0 else {
                return nil
            }
            method = 0..<space
        }
        guard var place = Self.nextLine(in: bytes, from: 0) else { return nil }
        while true {
            guard let line = Self.header(in: bytes, at: place) else { return nil }
            place = line.next
            guard let name = line.name else { break }
            take(name, line.value)
        }
        body = place..<bytes.count
    }

    private mutating func take(_ name: Name, _ value: Range<Int>) {
        switch name {
        case .via: if via == nil { via = value }
        case .from: from = value
        case .to: to = value
        case .callID: callID = value
        case .cseq: cseq = Self.number(in: bytes, value)
        case .contact: contact = value
        case .recordRoute: recordRoutes.append(value)
        case .challenge: challenges.append((value, false))
        case .proxyChallenge: challenges.append((value, true))
        case .entityTag: entityTag = value
        case .subscriptionState: subscriptionState = value
        case .contentLength, .other: break
        }
    }

    /// The bytes at `range`.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    func isMethod(_ text: StaticString) -> Bool { part(method).isEqual(to: text) }

    // MARK: Lines

    /// Where the line behind the one at `start` begins.
    static func nextLine(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        bytes.offset(of: UInt8(ascii: "\n"), from: start).map { $0 + 1 }
    }

    /// The header line at `start`, continued lines (RFC 3261 §7.3.1) included; without a name at the empty line.
    ///
    /// - Returns: nil when the line does not end.
    static func header(
        in bytes: UnsafeRawBufferPointer, at start: Int
    ) -> (name: Name?, value: Range<Int>, next: Int)? {
        guard var next = nextLine(in: bytes, from: start) else { return nil }
        if bytes[start] == 0x0A || (bytes[start] == 0x0D && next == start + 2) { return (nil, start..<start, next) }
        while next < bytes.count, bytes[next] == 0x20 || bytes[next] == 0x09 {
            guard let further = nextLine(in: bytes, from: next) else { return nil }
            next = further
        }
        var end = next - 1
        if end > start, bytes[end - 1] == 0x0D { end -= 1 }
        guard let colon = bytes.offset(of: UInt8(ascii: ":"), from: start), colon < end else {
            return (.other, start..<end, next)
        }
        var value = colon + 1
        while value < end, isSpace(bytes[value]) { value += 1 }
        while end > value, isSpace(bytes[end - 1]) { end -= 1 }
        var nameEnd = colon
        while nameEnd > start, isSpace(bytes[nameEnd - 1]) { nameEnd -= 1 }
        return (name(bytes.part(start, nameEnd)), value..<end, next)
    }

    /// Which header `text` names, in its long or its compact form (RFC 3261 §7.3.3).
    static func name(_ text: UnsafeRawBufferPointer) -> Name {
        switch text.count {
        case 1:
            switch text[0] | 0x20 {
            case UInt8(ascii: "v"): return .via
            case UInt8(ascii: "f"): return .from
            case UInt8(ascii: "t"): return .to
            case UInt8(ascii: "i"): return .callID
            case UInt8(ascii: "m"): return .contact
            case UInt8(ascii: "l"): return .contentLength
            default: return .other
            }
        case 2: return isName(text, "to") ? .to : .other
        case 3: return isName(text, "via") ? .via : .other
        case 4: return isName(text, "from") ? .from : isName(text, "cseq") ? .cseq : .other
        case 7: return isName(text, "call-id") ? .callID : isName(text, "contact") ? .contact : .other
        case 8: return isName(text, "sip-etag") ? .entityTag : .other
        case 12: return isName(text, "record-route") ? .recordRoute : .other
        case 14: return isName(text, "content-length") ? .contentLength : .other
        case 16: return isName(text, "www-authenticate") ? .challenge : .other
        case 18:
            if isName(text, "subscription-state") { return .subscriptionState }
            return isName(text, "proxy-authenticate") ? .proxyChallenge : .other
        default: return .other
        }
    }

    /// Whether `text` is `name`, which is in small letters, in any letters.
    static func isName(_ text: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        guard text.count == name.utf8CodeUnitCount else { return false }
        for place in 0..<text.count where lower(text[place]) != name.utf8Start[place] { return false }
        return true
    }

    private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// The decimal number at the front of `range`, 0 when there is none; too large ones wrap.
    static func number(in bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt32 {
        var value: UInt32 = 0
        for place in range {
            guard bytes[place] >= 0x30, bytes[place] <= 0x39 else { break }
            value = value &* 10 &+ UInt32(bytes[place] - 0x30)
        }
        return value
    }

    // MARK: Parts of values

    /// Value of the parameter `name` (with its leading `;` and its `=`) in a header's value, up to the next separator.
    func parameter(_ name: StaticString, of range: Range<Int>) -> UnsafeRawBufferPointer? {
        let value = part(range)
        guard let found = value.offset(of: name) else { return nil }
        let start = found + name.utf8CodeUnitCount
        var end = start
        while end < value.count, !Self.isSpace(value[end]), !";,>".utf8.contains(value[end]) { end += 1 }
        return value.part(start, end)
    }

    /// The URI of an address: what is between `<` and `>`, or all before the first parameter.
    func uri(of range: Range<Int>) -> UnsafeRawBufferPointer {
        let value = part(range)
        if let open = value.offset(of: UInt8(ascii: "<"), from: 0),
            let close = value.offset(of: UInt8(ascii: ">"), from: open)
        {
            return value.part(open + 1, close)
        }
        return value.part(0, value.offset(of: UInt8(ascii: ";"), from: 0) ?? value.count)
    }
}

/// Finds whole messages in a stream of bytes (RFC 3261 §18.3).
enum SIPStream {
    enum Find: Equatable {
        /// A message of that many bytes, behind `skip` bytes of keep-alives.
        case message(skip: Int, count: Int)
        /// More bytes are needed; the first `skip` can go.
        case incomplete(skip: Int)
        /// What is there cannot become a message.
        case damaged
    }

    /// Largest message in bytes.
    static let limit = 1_048_576

    static func next(in bytes: UnsafeRawBufferPointer) -> Find {
        var start = 0
        while start < bytes.count, bytes[start] == 0x0D || bytes[start] == 0x0A { start += 1 }
        guard let end = bytes.offset(of: "\r\n\r\n", from: start) else {
            return bytes.count - start > limit ? .damaged : .incomplete(skip: start)
        }
        var length: Int?
        var place = SIPText.nextLine(in: bytes, from: start) ?? end
        while place < end + 2, let line = SIPText.header(in: bytes, at: place), let name = line.name {
            if name == .contentLength {
                guard length == nil, !line.value.isEmpty, line.value.count <= 7 else { return .damaged }
                length = Int(SIPText.number(in: bytes, line.value))
            }
            place = line.next
        }
        guard let length, length <= limit else { return .damaged }
        let count = end + 4 - start + length
        return start + count <= bytes.count ? .message(skip: start, count: count) : .incomplete(skip: start)
    }
}
