import Ground

/// A header field that we know; compact forms are folded in (RFC 3261 §7.3.3 and the registry).
public enum SIPHeader: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case accept, acceptContact, acceptEncoding, acceptLanguage, acceptResourcePriority, alertInfo, allow
    case allowEvents, answerMode, authenticationInfo, authorization, callID, callInfo, contact
    case contentDisposition, contentEncoding, contentLanguage, contentLength, contentType, cseq, date
    case diversion, errorInfo, event, expires, flowTimer, from, historyInfo, identity, inReplyTo, join
    case maxBreadth, maxForwards, mimeVersion, minExpires, minSE, msConversationID, msSender, msTextFormat
    case organization, pAssertedIdentity, pPreferredIdentity, path, priority, privacy, proxyAuthenticate
    case proxyAuthorization, proxyRequire, rack, reason, recordRoute, referSub, referTo, referredBy
    case rejectContact, replaces, replyTo, requestDisposition, require, resourcePriority, retryAfter, route
    case rseq, server, serviceRoute, sessionExpires, sipETag, sipIfMatch, subject, subscriptionState
    case supported, suppressIfMatch, targetDialog, timestamp, to, unsupported, userAgent, via, warning
    case wwwAuthenticate
    /// A header field that we do not know; its name is in the message.
    case other

    /// The name as we write it; empty for `other`.
    @inline(__always)
    public var name: StaticString { Self.names[Int(rawValue)] }

    /// In the order of the cases.
    private static let names: [StaticString] = [
        "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Accept-Resource-Priority", "Alert-Info",
        "Allow", "Allow-Events", "Answer-Mode", "Authentication-Info", "Authorization", "Call-ID", "Call-Info",
        "Contact", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Type",
        "CSeq", "Date", "Diversion", "Error-Info", "Event", "Expires", "Flow-Timer", "From", "History-Info",
        "Identity", "In-Reply-To", "Join", "Max-Breadth", "Max-Forwards", "MIME-Version", "Min-Expires", "Min-SE",
        "Ms-Conversation-ID", "Ms-Sender", "Ms-Text-Format", "Organization", "P-Asserted-Identity",
        "P-Preferred-Identity", "Path", "Priority", "Privacy", "Proxy-Authenticate", "Proxy-Authorization",
        "Proxy-Require", "RAck", "Reason", "Record-Route", "Refer-Sub", "Refer-To", "Referred-By", "Reject-Contact",
        "Replaces", "Reply-To", "Request-Disposition", "Require", "Resource-Priority", "Retry-After", "Route",
        "RSeq", "Server", "Service-Route", "Session-Expires", "SIP-ETag", "SIP-If-Match", "Subject",
        "Subscription-State", "Supported", "Suppress-If-Match", "Target-Dialog", "Timestamp", "To", "Unsupported",
        "User-Agent", "Via", "Warning", "WWW-Authenticate", "",
    ]

    private static let compactForms: [(UInt8, SIPHeader)] = [
        (UInt8(ascii: "a"), .acceptContact), (UInt8(ascii: "u"), .allowEvents), (UInt8(ascii: "i"), .callID),
        (UInt8(ascii: "m"), .contact), (UInt8(ascii: "e"), .contentEncoding), (UInt8(ascii: "l"), .contentLength),
        (UInt8(ascii: "c"), .contentType), (UInt8(ascii: "o"), .event), (UInt8(ascii: "f"), .from),
        (UInt8(ascii: "y"), .identity), (UInt8(ascii: "r"), .referTo), (UInt8(ascii: "b"), .referredBy),
        (UInt8(ascii: "j"), .rejectContact), (UInt8(ascii: "d"), .requestDisposition),
        (UInt8(ascii: "x"), .sessionExpires), (UInt8(ascii: "s"), .subject), (UInt8(ascii: "k"), .supported),
        (UInt8(ascii: "t"), .to), (UInt8(ascii: "v"), .via),
    ]

    // Open addressing over 512 bytes: one more than the raw value, 0 for a free place.
    nonisolated(unsafe) private static let slots: UnsafePointer<UInt8> = {
        let slots = UnsafeMutablePointer<UInt8>.allocate(capacity: 512)
        slots.initialize(repeating: 0, count: 512)
        for header in allCases where header != .other {
            let name = header.name
            var slot = hash(name.utf8Start, name.utf8CodeUnitCount)
            while slots[slot] != 0 { slot = (slot + 1) & 511 }
            slots[slot] = header.rawValue + 1
        }
        return UnsafePointer(slots)
    }()

    nonisolated(unsafe) private static let compact: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        table.initialize(repeating: SIPHeader.other.rawValue, count: 256)
        for (letter, header) in compactForms {
            table[Int(letter)] = header.rawValue
            table[Int(letter & 0xDF)] = header.rawValue
        }
        return UnsafePointer(table)
    }()

    @inline(__always)
    private static func hash(_ name: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let first = Int(name[0] | 0x20)
        let middle = Int(name[count >> 1] | 0x20)
        let last = Int(name[count &- 1] | 0x20)
        return (first &* 7 &+ middle &* 31 &+ last &* 3 &+ count &* 61) & 511
    }

    /// The header of that name, in any case.
    public init(_ name: UnsafeRawBufferPointer) {
        let count = name.count
        guard count > 1, let base = name.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
            self = count == 1 ? SIPHeader(rawValue: Self.compact[Int(name[0])]) ?? .other : .other
            return
        }
        let slots = Self.slots
        var slot = Self.hash(base, count)
        while slots[slot] != 0 {
            if let header = SIPHeader(rawValue: slots[slot] &- 1), header.isNamed(base, count) {
                self = header
                return
            }
            slot = (slot &+ 1) & 511
        }
        self = .other
    }

    @inline(__always)
    private func isNamed(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let name = name
        guard name.utf8CodeUnitCount == count else { return false }
        if ByteCompare.same(bytes, name.utf8Start, count) { return true }
        for index in 0..<count where Lexical.lower(bytes[index]) != Lexical.lower(name.utf8Start[index]) {
            return false
        }
        return true
    }

    /// Whether a line of it may hold several values, with commas between (RFC 3261 §7.3.1).
    public var isList: Bool { Self.lists.contains(self) }

    private static let lists: SIPHeaderSet = [
        .accept, .acceptContact, .acceptEncoding, .acceptLanguage, .alertInfo, .allow, .allowEvents, .callInfo,
        .contact, .contentEncoding, .contentLanguage, .diversion, .errorInfo, .historyInfo, .inReplyTo,
        .pAssertedIdentity, .pPreferredIdentity, .path, .proxyRequire, .reason, .recordRoute, .rejectContact,
        .require, .route, .serviceRoute, .supported, .unsupported, .via, .warning,
    ]
}

/// A set of known headers; `other` is a member of its own.
public struct SIPHeaderSet: Sendable, Equatable, ExpressibleByArrayLiteral {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    public init(arrayLiteral elements: SIPHeader...) { for element in elements { insert(element) } }
    public init() {}

    @inline(__always)
    public mutating func insert(_ header: SIPHeader) {
        if header.rawValue < 64 {
            low |= 1 << UInt64(header.rawValue)
        } else {
            high |= 1 << UInt64(header.rawValue & 63)
        }
    }

    @inline(__always)
    public func contains(_ header: SIPHeader) -> Bool {
        (header.rawValue < 64 ? low >> UInt64(header.rawValue) : high >> UInt64(header.rawValue & 63)) & 1 != 0
    }

    public func union(_ other: SIPHeaderSet) -> SIPHeaderSet {
        var sum = self
        sum.low |= other.low
        sum.high |= other.high
        return sum
    }
}
