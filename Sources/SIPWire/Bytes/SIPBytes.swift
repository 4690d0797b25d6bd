import Ground
import NIOCore

/// A run of bytes out of a message, or a copy of bytes of one's own. Immutable.
///
/// It holds on to what it is a part of: a value kept for long should be `detached`, or it keeps a whole message in memory.
public struct SIPBytes: @unchecked Sendable {
    @usableFromInline let owner: AnyObject?
    @usableFromInline let start: UnsafePointer<UInt8>
    public let count: Int

    @inlinable
    init(owner: AnyObject?, start: UnsafePointer<UInt8>, count: Int) {
        self.owner = owner
        self.start = start
        self.count = count
    }

    /// Copies.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.init(count: bytes.count) { if bytes.count > 0 { $0.copyMemory(from: bytes) } }
    }

    /// Bytes of one's own, all of which `write` must set.
    public init(count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        let box = ByteBox.create(minimumCapacity: Swift.max(1, count)) { _ in () }
        let start = box.withUnsafeMutablePointerToElements { $0 }
        write(UnsafeMutableRawBufferPointer(start: start, count: count))
        self.init(owner: box, start: UnsafePointer(start), count: count)
    }

    /// Copies.
    public init(_ bytes: [UInt8]) { self = bytes.withUnsafeBytes { SIPBytes($0) } }

    /// Copies the UTF-8.
    public init(_ text: String) {
        var text = text
        self = text.withUTF8 { SIPBytes(UnsafeRawBufferPointer($0)) }
    }

    /// Refers to the literal; nothing is copied.
    public init(_ literal: StaticString) {
        self.init(owner: nil, start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }

    public static let empty = SIPBytes("" as StaticString)

    public var isEmpty: Bool { count == 0 }

    /// The same bytes, held by what they are a part of; for those that were read without a hold.
    @inline(__always)
    func owned(by message: AnyObject) -> SIPBytes {
        owner == nil ? SIPBytes(owner: message, start: start, count: count) : self
    }

    /// A copy that keeps nothing else in memory.
    public var detached: SIPBytes { SIPBytes(bytes) }

    /// The bytes in place. Valid only while this value, or the message it comes from, is held by the caller.
    @inlinable
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    @inlinable
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(owner) { try body(bytes) }
    }

    public var array: [UInt8] { withBytes { Array($0) } }

    /// Invalid UTF-8 becomes replacement characters.
    public var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    /// The bytes from `from` up to `to`; both are clamped.
    @inlinable
    public func part(_ from: Int, _ to: Int) -> SIPBytes {
        let low = Swift.min(Swift.max(0, from), count)
        return SIPBytes(owner: owner, start: start + low, count: Swift.min(Swift.max(low, to), count) - low)
    }

    @inlinable
    public func equals(_ literal: StaticString) -> Bool {
        count == literal.utf8CodeUnitCount && withBytes { ByteCompare.same($0.baseAddress!, literal.utf8Start, count) }
    }

    /// Without regard to the case of ASCII letters.
    /// - Parameter lowered: in lower case.
    public func matches(_ lowered: StaticString) -> Bool {
        guard count == lowered.utf8CodeUnitCount else { return false }
        return withBytes { Lexical.same($0.baseAddress!, lowered: lowered.utf8Start, count) }
    }

    /// Without regard to the case of ASCII letters.
    public func matches(_ other: SIPBytes) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where Lexical.lower(start[index]) != Lexical.lower(other.start[index]) { return false }
        return true
    }

    /// Whether it begins so, without regard to the case of ASCII letters.
    public func hasPrefix(_ lowered: StaticString) -> Bool {
        count >= lowered.utf8CodeUnitCount
            && withBytes { Lexical.same($0.baseAddress!, lowered: lowered.utf8Start, lowered.utf8CodeUnitCount) }
    }

    /// The number in decimal digits; nil for anything else and for what does not fit.
    public func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
        guard count > 0 else { return nil }
        var value: Number = 0
        for index in 0..<count {
            let digit = start[index] &- 0x30
            guard digit < 10 else { return nil }
            let (shifted, high) = value.multipliedReportingOverflow(by: 10)
            let (sum, over) = shifted.addingReportingOverflow(Number(truncatingIfNeeded: digit))
            if high || over { return nil }
            value = sum
        }
        return value
    }

    /// Without white space at both ends.
    public var trimmed: SIPBytes {
        var low = 0
        var high = count
        while low < high, Lexical.isBlank(start[low]) { low += 1 }
        while high > low, Lexical.isBlank(start[high - 1]) { high -= 1 }
        return part(low, high)
    }

    /// Where that byte stands first, from `from` on, before `to`.
    public func firstIndex(of byte: UInt8, from: Int = 0, to: Int = .max) -> Int? {
        var index = from
        let end = Swift.min(to, count)
        while index < end {
            if start[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// Without the quotes around it and the backslashes in it (RFC 3261 §25.1, quoted-string); otherwise unchanged.
    public var unquoted: SIPBytes {
        guard count >= 2, start[0] == 0x22, start[count - 1] == 0x22 else { return self }
        let inner = part(1, count - 1)
        guard inner.firstIndex(of: 0x5C) != nil else { return inner }
        var plain: [UInt8] = []
        plain.reserveCapacity(inner.count)
        var index = 0
        while index < inner.count {
            if inner.start[index] == 0x5C, index + 1 < inner.count { index += 1 }
            plain.append(inner.start[index])
            index += 1
        }
        return SIPBytes(plain)
    }
}

extension SIPBytes: Hashable {
    public static func == (left: SIPBytes, right: SIPBytes) -> Bool {
        left.count == right.count && (left.count == 0 || ByteCompare.same(left.start, right.start, left.count))
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(bytes: bytes) }
}

extension SIPBytes: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { count }
    public subscript(position: Int) -> UInt8 {
        precondition(position >= 0 && position < count)
        return start[position]
    }

    public func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result? {
        try withExtendedLifetime(owner) { try body(UnsafeBufferPointer(start: start, count: count)) }
    }
}

extension SIPBytes: CustomStringConvertible {
    public var description: String { string }
}

/// Bytes behind a header of their own: one allocation.
typealias ByteBox = ManagedBuffer<Void, UInt8>
