/// What every counted stanza carries in its text, so that the receiver can check order, loss and delay.
///
/// On the wire: `rb:RUN:SENDER:SEQUENCE:TIME`, hexadecimal of 8, 6, 8 and 16 digits.
struct Stamp: Equatable {
    /// Length on the wire in bytes.
    static let length = 44
    private static let markLength = 12

    /// The sending account, counted from the run's first.
    var sender: Int
    /// Number of the stanza, from 0, by sender (or by run, where the scenario says so).
    var sequence: UInt32
    /// When it was sent, or was due, in nanoseconds of the monotonic clock.
    var time: UInt64

    /// What the stamps of one run begin with; a run ignores those of any other.
    struct Mark {
        let bytes: [UInt8]

        init(run: UInt32) {
            var bytes = Array("rb:00000000:".utf8)
            bytes.withUnsafeMutableBytes { Stamp.writeHex(UInt64(run), digits: 8, to: $0, at: 3) }
            self.bytes = bytes
        }
    }

    enum Search: Equatable {
        /// No stamp of this run.
        case absent
        /// A mark with something else than a stamp behind it.
        case damaged
        case found(Stamp)
    }

    /// Writes the stamp to the first ``length`` bytes of `target`.
    @inline(__always)
    func write(to target: UnsafeMutableRawBufferPointer, mark: Mark) {
        mark.bytes.withUnsafeBytes { target.copyMemory(from: $0) }
        Self.writeHex(UInt64(truncatingIfNeeded: sender), digits: 6, to: target, at: 12)
        target[18] = UInt8(ascii: ":")
        Self.writeHex(UInt64(sequence), digits: 8, to: target, at: 19)
        target[27] = UInt8(ascii: ":")
        Self.writeHex(time, digits: 16, to: target, at: 28)
    }

    /// Looks for a stamp of this run at or after `start`.
    @inline(__always)
    static func find(in bytes: UnsafeRawBufferPointer, from start: Int, mark: Mark) -> Search {
        let found = mark.bytes.withUnsafeBytes { bytes.offset(of: $0, from: start) }
        guard let at = found else { return .absent }
        guard at + length <= bytes.count,
            let sender = readHex(bytes, at + 12, digits: 6),
            let sequence = readHex(bytes, at + 19, digits: 8),
            let time = readHex(bytes, at + 28, digits: 16)
        else { return .damaged }
        return .found(Stamp(sender: Int(sender), sequence: UInt32(truncatingIfNeeded: sequence), time: time))
    }

    @inline(__always)
    static func writeHex(_ value: UInt64, digits: Int, to target: UnsafeMutableRawBufferPointer, at offset: Int) {
        var rest = value
        var place = offset + digits
        while place > offset {
            place -= 1
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            target[place] = digit < 10 ? digit &+ 48 : digit &+ 87
            rest >>= 4
        }
    }

    @inline(__always)
    private static func readHex(_ bytes: UnsafeRawBufferPointer, _ offset: Int, digits: Int) -> UInt64? {
        var value: UInt64 = 0
        for place in offset..<(offset + digits) {
            let byte = bytes[place]
            switch byte {
            case 48...57: value = value << 4 | UInt64(byte &- 48)
            case 97...102: value = value << 4 | UInt64(byte &- 87)
            default: return nil
            }
        }
        return value
    }
}
