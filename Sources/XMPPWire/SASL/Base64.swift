/// Base 64 with the standard alphabet (RFC 4648 §4): padded, without white space or line breaks.
public enum Base64 {
    /// - Parameter bytes: text of any length; none gives no bytes.
    /// - Returns: nil when the length is not a multiple of four, for any character outside the alphabet, for padding
    ///   in the wrong place, and when the bits that padding leaves over are not zero (RFC 4648 §3.5).
    public static func decode(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        let count = bytes.count
        guard count > 0 else { return [] }
        guard count & 3 == 0 else { return nil }
        let pad = UInt8(ascii: "=")
        let padding = bytes[count - 1] != pad ? 0 : bytes[count - 2] != pad ? 1 : 2
        let digits = count - padding
        var output: [UInt8] = []
        output.reserveCapacity(count / 4 * 3)
        var bits: UInt32 = 0
        for index in 0..<digits {
            guard let value = value(of: bytes[index]) else { return nil }
            bits = bits << 6 | value
            if index & 3 == 3 {
                output.append(UInt8(truncatingIfNeeded: bits >> 16))
                output.append(UInt8(truncatingIfNeeded: bits >> 8))
                output.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
            }
        }
        switch padding {
        case 1:  // three digits carry 18 bits, of which two are left over
            guard bits & 0x3 == 0 else { return nil }
            output.append(UInt8(truncatingIfNeeded: bits >> 10))
            output.append(UInt8(truncatingIfNeeded: bits >> 2))
        case 2:  // two digits carry 12 bits, of which four are left over
            guard bits & 0xF == 0 else { return nil }
            output.append(UInt8(truncatingIfNeeded: bits >> 4))
        default:
            break
        }
        return output
    }

    /// The same for bytes in any collection.
    public static func decode(_ bytes: some Collection<UInt8>) -> [UInt8]? {
        if let result = bytes.withContiguousStorageIfAvailable({ decode(UnsafeRawBufferPointer($0)) }) {
            return result
        }
        return Array(bytes).withUnsafeBytes { decode($0) }
    }

    public static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: encodedBytes(bytes), as: UTF8.self)
    }

    /// What ``encode(_:)`` gives, as ASCII bytes.
    public static func encodedBytes(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = UInt32(bytes[index]) << 16
            let second = left > 1 ? UInt32(bytes[index + 1]) << 8 : 0
            let third = left > 2 ? UInt32(bytes[index + 2]) : 0
            let bits = first | second | third
            output.append(digit(bits >> 18))
            output.append(digit(bits >> 12))
            output.append(left > 1 ? digit(bits >> 6) : UInt8(ascii: "="))
            output.append(left > 2 ? digit(bits) : UInt8(ascii: "="))
            index += 3
        }
        return output
    }

    @inline(__always)
    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte) - 97 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) - 48 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// - Parameter bits: only the lowest six count.
    @inline(__always)
    private static func digit(_ bits: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: bits & 0x3F)
        switch value {
        case 0..<26: return value + 65
        case 26..<52: return value - 26 + 97
        case 52..<62: return value - 52 + 48
        case 62: return UInt8(ascii: "+")
        default: return UInt8(ascii: "/")
        }
    }
}
