import Ground
import SIPWire

/// Nonces that prove themselves: a time, a number and a keyed hash over both (RFC 7616 §5.4). Nothing is kept of a nonce
/// until somebody has used it rightly; from then on its counts, so that no request counts twice.
///
/// A nonce of an earlier run of the server, one too old, and one whose counts were dropped to stay within bounds are all
/// the same: stale.
struct Nonces {
    /// What a nonce and its count are worth, once the digest over them is right.
    enum Verdict: Equatable { case fresh, stale }

    /// The counts seen of one nonce: the highest, and which of the 64 before it.
    private struct Counts {
        var highest: UInt32
        var seen: UInt64

        /// False when the count was used before, or is too far behind to know.
        mutating func take(_ count: UInt32) -> Bool {
            if count > highest {
                let step = count - highest
                seen = step >= 64 ? 1 : seen << UInt64(step) | 1
                highest = count
                return true
            }
            let behind = highest - count
            guard behind < 64, seen >> UInt64(behind) & 1 == 0 else { return false }
            seen |= 1 << UInt64(behind)
            return true
        }
    }

    /// Characters of a nonce.
    static let length = 36
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Milliseconds.
    var lifetime: Int64
    /// Used nonces in each of the two generations.
    private let limit: Int
    private let hash: KeyedHash
    /// Only 56 bits are written.
    private var next: UInt64
    private var young: [UInt64: Counts] = [:]
    private var old: [UInt64: Counts] = [:]
    private var youngSince: Int64
    /// Numbers from here on were given out after the generation began.
    private var youngFrom: UInt64
    private var oldFrom: UInt64

    init(lifetime: Int64, limit: Int = 131_072, hash: KeyedHash = KeyedHash(), uptime: Int64) {
        self.lifetime = lifetime
        self.limit = limit
        self.hash = hash
        next = UInt64.random(in: 0..<(1 << 48))
        youngSince = uptime
        youngFrom = next
        oldFrom = next
    }

    mutating func make(uptime: Int64) -> [UInt8] {
        let number = next & 0xFF_FFFF_FFFF_FFFF
        next += 1
        return text(UInt32(truncatingIfNeeded: uptime / 1_000), number)
    }

    /// Counts the use of a nonce, the digest of which is right.
    ///
    /// - Parameter count: `nc`; nil where the client speaks RFC 2069, which makes the nonce good for one request.
    mutating func use(_ nonce: UnsafeRawBufferPointer, count: UInt32?, uptime: Int64) -> Verdict {
        guard let (seconds, number) = read(nonce) else { return .stale }
        let age = uptime - Int64(seconds) * 1_000
        guard age >= -1_000, age <= lifetime, count != 0 else { return .stale }
        if young.count >= limit || uptime - youngSince > lifetime { turn(uptime) }
        if let isTaken = young[number]?.take(count ?? .max) { return isTaken ? .fresh : .stale }
        if var counts = old[number] {
            guard counts.take(count ?? .max) else { return .stale }
            old[number] = nil
            young[number] = counts
            return .fresh
        }
        // Its counts may have been dropped with an older generation.
        guard number >= oldFrom else { return .stale }
        young[number] = Counts(highest: count ?? .max, seen: 1)
        return .fresh
    }

    private mutating func turn(_ uptime: Int64) {
        old = young
        oldFrom = youngFrom
        young = [:]
        youngFrom = next
        youngSince = uptime
    }

    // MARK: The text: 4 bytes of seconds, 7 of the number, 16 of the hash, in base64url

    private func text(_ seconds: UInt32, _ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(27)
        for shift in stride(from: 24, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: seconds >> UInt32(shift)))
        }
        for shift in stride(from: 48, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
        let seal = bytes.withUnsafeBytes { hash($0) }
        for word in [seal.high, seal.low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        var text: [UInt8] = []
        text.reserveCapacity(Self.length)
        for index in stride(from: 0, to: 27, by: 3) {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            for shift in stride(from: 18, through: 0, by: -6) {
                text.append(Self.alphabet[Int(group >> UInt32(shift) & 63)])
            }
        }
        return text
    }

    /// Nil for what is not ours.
    private func read(_ text: UnsafeRawBufferPointer) -> (seconds: UInt32, number: UInt64)? {
        guard text.count == Self.length else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 27, alignment: 8) { bytes -> (UInt32, UInt64)? in
            let values = Self.values
            for group in 0..<9 {
                var (value, seen) = (UInt32(0), UInt8(0))
                for index in 0..<4 {
                    let digit = values[Int(text[group &* 4 &+ index])]
                    seen |= digit
                    value = value << 6 | UInt32(digit & 63)
                }
                guard seen < 64 else { return nil }
                bytes[group * 3] = UInt8(truncatingIfNeeded: value >> 16)
                bytes[group * 3 + 1] = UInt8(truncatingIfNeeded: value >> 8)
                bytes[group * 3 + 2] = UInt8(truncatingIfNeeded: value)
            }
            let seal = hash(UnsafeRawBufferPointer(rebasing: bytes[0..<11]))
            // The time that this takes tells nothing: the sender has never seen a part of the seal alone.
            guard UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 11, as: UInt64.self)) == seal.high,
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 19, as: UInt64.self)) == seal.low
            else { return nil }
            let seconds = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
            let number =
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 3, as: UInt64.self)) & 0xFF_FFFF_FFFF_FFFF
            return (seconds, number)
        }
    }

    /// 6 bits for each character, 0xFF for what is none of them.
    private static let values: [UInt8] = (0...255).map { byte in
        alphabet.firstIndex(of: UInt8(byte)).map { UInt8($0) } ?? 0xFF
    }
}
