/// Where the parts of an address lie in raw bytes (RFC 7622 §3.1). Made without allocation, once for every stanza.
///
/// Offsets count from the first byte given. The domainpart is `domainStart..<domainEnd`; with a localpart present,
/// the `@` is at `localEnd`; with a resourcepart present, the `/` is at `domainEnd`.
public struct JIDSpan: Equatable, Sendable {
    /// End of the localpart, which begins at 0; -1 when there is none.
    public var localEnd: Int
    public var domainStart: Int
    public var domainEnd: Int
    /// Start of the resourcepart, which ends with the bytes; -1 when there is none.
    public var resourceStart: Int
    /// True when preparation would leave every byte unchanged and the bytes may be written into an XML attribute,
    /// in either quotes, as they are. Then addresses compare by bytes. False means: unescape, then ``JID/init(parsing:)``.
    public var isPrepared: Bool

    /// Bytes `0..<bareEnd` are the bare address.
    public var bareEnd: Int { domainEnd }

    /// Longest text that is looked at. Preparation can shorten a part and entities lengthen it, so the limit is well
    /// above three parts of 1023 bytes.
    public static let maximumBytes = 18_432

    /// Splits at the first `/` and, before it, at the first `@`.
    ///
    /// - Parameter bytes: an attribute value as received. With an entity inside, `isPrepared` is false and the
    ///   offsets mean nothing: the entity may hide a separator.
    /// - Returns: nil when this cannot be an address: nothing at all, a part that is present and empty, a part of
    ///   more than 1023 bytes that preparation could not shorten, or more than ``maximumBytes``.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        guard count > 0, count <= Self.maximumBytes, let base = bytes.baseAddress else { return nil }
        let limit = JIDPreparation.maximumPartBytes
        var prepared = true
        var index = 0

        var localEnd = -1
        while index < count {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == UInt8(ascii: "@") {
                localEnd = index
                break
            }
            if byte == UInt8(ascii: "/") { break }
            if !ASCIISet.localpart.contains(byte) { prepared = false }
            index += 1
        }
        var domainStart = 0
        if localEnd >= 0 {
            guard localEnd > 0, localEnd <= limit || !prepared else { return nil }
            domainStart = localEnd + 1
        } else {
            prepared = true
        }

        index = domainStart
        var labelStart = domainStart
        var previous = UInt8(ascii: ".")
        while index < count {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if ASCIISet.lowerAlphanumeric.contains(byte) {
                // The common case: nothing to check but the length of the label, at its end.
            } else if byte == UInt8(ascii: "/") {
                break
            } else if byte == UInt8(ascii: ".") {
                let length = index - labelStart
                if length == 0 || length > 63 || previous == UInt8(ascii: "-") { prepared = false }
                labelStart = index + 1
            } else if byte == UInt8(ascii: "-") {
                // Hyphens in the third and fourth place announce an A-label or a reserved label.
                let place = index - labelStart
                if place == 0 || (place == 3 && previous == UInt8(ascii: "-")) { prepared = false }
            } else {
                prepared = false
            }
            previous = byte
            index += 1
        }
        let domainEnd = index
        guard domainEnd > domainStart else { return nil }
        let lastLabel = domainEnd - labelStart
        if lastLabel == 0 || lastLabel > 63 || previous == UInt8(ascii: "-") { prepared = false }
        guard domainEnd - domainStart <= limit || !prepared else { return nil }

        var resourceStart = -1
        if index < count {
            resourceStart = index + 1
            guard resourceStart < count else { return nil }
            index = resourceStart
            while index < count {
                if !ASCIISet.resourcepart.contains(base.load(fromByteOffset: index, as: UInt8.self)) {
                    prepared = false
                }
                index += 1
            }
            guard count - resourceStart <= limit || !prepared else { return nil }
        }

        self.localEnd = localEnd
        self.domainStart = domainStart
        self.domainEnd = domainEnd
        self.resourceStart = resourceStart
        self.isPrepared = prepared
    }
}

/// A set of ASCII characters in two machine words, so that membership costs a shift and no memory access.
struct ASCIISet {
    var low: UInt64
    var high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word = byte < 64 ? low : high
        return byte < 128 && (word >> UInt64(byte & 63)) & 1 == 1
    }

    /// Visible ASCII without upper case letters and without `" & ' / : < > @` (RFC 7622 §3.3.1).
    @inline(__always)
    static var localpart: ASCIISet { ASCIISet(low: 0xABFF_7F3A_0000_0000, high: 0x7FFF_FFFF_F800_0000) }
    @inline(__always)
    static var lowerAlphanumeric: ASCIISet { ASCIISet(low: 0x03FF_0000_0000_0000, high: 0x07FF_FFFE_0000_0000) }
    /// Printable ASCII without `" & ' <`, which XML attributes do not carry as they are.
    @inline(__always)
    static var resourcepart: ASCIISet { ASCIISet(low: 0xEFFF_FF3B_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF) }
}
