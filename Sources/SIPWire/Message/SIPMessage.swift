import NIOCore

/// Where one header field stands. A line in the message is `nameStart ..< valueEnd` and CRLF.
struct SIPField: BitwiseCopyable {
    var nameStart: UInt32
    var valueStart: UInt32
    var valueEnd: UInt32
    var nameCount: UInt16
    var header: SIPHeader
}

/// A place in a message's bytes.
struct SIPRange: BitwiseCopyable {
    var start: UInt32 = 0
    var end: UInt32 = 0
    var isNone: Bool { end == 0 }
}

/// Where things are in the topmost Via of a message.
public struct SIPViaPlaces: BitwiseCopyable, Sendable {
    var host = SIPRange()
    /// Behind the value, counted from the start line.
    public internal(set) var end: UInt32 = 0
    /// Behind an `rport` without a value; 0 when there is none.
    public internal(set) var rportEnd: UInt32 = 0
    /// 0 when there is none.
    public internal(set) var port: UInt16 = 0
    /// Port, or the default of the transport.
    public internal(set) var effectivePort: UInt16 = 0
    /// Answers are wanted at the port that the request came from (RFC 3581 §3).
    public internal(set) var wantsRport = false
    /// The branch begins with the magic cookie, and names the transaction by itself (RFC 3261 §8.1.1.7).
    public internal(set) var isMagic = false

    /// There is no topmost Via that could be read.
    public var isNone: Bool { end == 0 }
}

/// A request or a response: one run of bytes, and a table of where its header fields are (RFC 3261 §7).
///
/// Folded lines are unfolded in the copy. Values are parsed when they are asked for. Immutable.
public final class SIPMessage: @unchecked Sendable {
    let storage: UnsafeMutablePointer<UInt8>
    let fields: UnsafeMutablePointer<SIPField>
    public let fieldCount: Int
    /// Bytes from the start line to the end of the body.
    public let count: Int
    let present: SIPHeaderSet
    public let isRequest: Bool
    /// Of a request its own, of a response that of its CSeq.
    public let method: SIPMethod
    /// Of a response; 0 in a request.
    public let statusCode: UInt16
    let uriRange: SIPRange
    let reasonRange: SIPRange
    /// The empty line's CRLF ends here.
    public let bodyStart: Int
    private let bodyEnd: Int

    // Found while the message is checked, because everybody asks for them.
    var branchRange = SIPRange()
    /// Of the topmost Via; nothing in it where that is malformed.
    public internal(set) var viaPlaces = SIPViaPlaces()
    var fromTagRange = SIPRange()
    var toTagRange = SIPRange()
    public internal(set) var cseqNumber: UInt32 = 0
    // Parsed while the message is checked; their bytes hold nothing, or the message would hold itself.
    var checkedURI: SIPURI?
    var checkedFrom: SIPAddress?
    var checkedTo: SIPAddress?

    init(
        storage: UnsafeMutablePointer<UInt8>, count: Int, fields: UnsafeBufferPointer<SIPField>, head: SIPHead,
        method: SIPMethod, bodyStart: Int, bodyEnd: Int
    ) {
        self.storage = storage
        self.count = count
        fieldCount = fields.count
        // The table stands behind the bytes in the same allocation.
        let place = UnsafeMutableRawPointer(storage) + SIPMessage.tableOffset(count)
        self.fields = place.bindMemory(to: SIPField.self, capacity: max(1, fields.count))
        if let source = fields.baseAddress { self.fields.initialize(from: source, count: fields.count) }
        present = head.present
        isRequest = head.isRequest
        self.method = method
        statusCode = head.status
        uriRange = head.uri
        reasonRange = head.reason
        self.bodyStart = bodyStart
        self.bodyEnd = bodyEnd
    }

    deinit { storage.deallocate() }

    static func tableOffset(_ count: Int) -> Int { (count + 15) & ~15 }

    static func allocate(bytes: Int, fields: Int) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutablePointer<UInt8>.allocate(capacity: tableOffset(bytes) + fields * MemoryLayout<SIPField>.stride)
    }

    @inline(__always)
    func part(_ start: Int, _ end: Int) -> SIPBytes {
        SIPBytes(owner: self, start: UnsafePointer(storage) + start, count: end - start)
    }

    @inline(__always)
    func part(_ range: SIPRange) -> SIPBytes { part(Int(range.start), Int(range.end)) }

    /// The whole message.
    public var bytes: SIPBytes { part(0, count) }
    public var body: SIPBytes { part(bodyStart, bodyEnd) }
    public var hasBody: Bool { bodyEnd > bodyStart }

    // MARK: Start line

    /// As written; empty in a response.
    public var requestURIText: SIPBytes { part(uriRange) }
    /// nil in a response, and when it does not fit the grammar.
    public var requestURI: SIPURI? { checkedURI?.owned(by: self) }
    var bareURI: SIPURI? {
        guard !uriRange.isNone else { return nil }
        let (start, end) = (Int(uriRange.start), Int(uriRange.end))
        return SIPURI(SIPBytes(owner: nil, start: UnsafePointer(storage) + start, count: end - start))
    }
    public var status: SIPStatus { SIPStatus(rawValue: statusCode) }
    public var reason: SIPBytes { part(reasonRange) }

    // MARK: Header fields

    @inline(__always)
    public func has(_ header: SIPHeader) -> Bool { present.contains(header) }

    func fieldIndex(_ header: SIPHeader, from: Int = 0) -> Int? {
        guard present.contains(header) else { return nil }
        var index = from
        while index < fieldCount {
            if fields[index].header == header { return index }
            index &+= 1
        }
        return nil
    }

    func value(at index: Int) -> SIPBytes {
        part(Int(fields[index].valueStart), Int(fields[index].valueEnd))
    }

    // The same without a hold on the message, for whoever holds it anyway: counting up and down for each part of a value
    // costs as much as reading it.

    @inline(__always)
    func bareValue(at index: Int) -> SIPBytes {
        let (start, end) = (Int(fields[index].valueStart), Int(fields[index].valueEnd))
        return SIPBytes(owner: nil, start: UnsafePointer(storage) + start, count: end - start)
    }

    @inline(__always)
    public func bareFirst(_ header: SIPHeader) -> SIPBytes? { fieldIndex(header).map(bareValue(at:)) }

    public func bareAll(_ header: SIPHeader) -> SIPItems { SIPItems(message: self, header: header, isBare: true) }

    /// The value of the first line of that header, without white space at its ends; of a list all that the line holds.
    public func first(_ header: SIPHeader) -> SIPBytes? { fieldIndex(header).map(value(at:)) }

    /// The single values of a header over all its lines.
    public func all(_ header: SIPHeader) -> SIPItems { SIPItems(message: self, header: header) }

    /// The value of the first line of a header that has no name in `SIPHeader`, or of one that has.
    /// - Parameter name: in lower case.
    public func first(named name: StaticString) -> SIPBytes? {
        let known = SIPHeader(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        if known != .other { return first(known) }
        var index = fieldIndex(.other)
        while let found = index {
            if self.name(at: found).matches(name) { return value(at: found) }
            index = fieldIndex(.other, from: found + 1)
        }
        return nil
    }

    func name(at index: Int) -> SIPBytes {
        let start = Int(fields[index].nameStart)
        return part(start, start + Int(fields[index].nameCount))
    }

    /// All lines in order: header, name as written, value.
    public func forEachField(_ body: (SIPHeader, SIPBytes, SIPBytes) -> Void) {
        for index in 0..<fieldCount { body(fields[index].header, name(at: index), value(at: index)) }
    }

    /// How many lines of that header there are.
    public func lineCount(_ header: SIPHeader) -> Int {
        guard has(header) else { return 0 }
        var sum = 0
        for index in 0..<fieldCount where fields[index].header == header { sum += 1 }
        return sum
    }
}

/// What the scan of a message's head has found.
struct SIPHead {
    var isRequest = true
    var status: UInt16 = 0
    var uri = SIPRange()
    var reason = SIPRange()
    var methodRange = SIPRange()
    var present = SIPHeaderSet()
}
