/// One resource record of an answer, as far as finding servers needs it.
public struct DNSRecord: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
        /// 4 or 16 bytes in network order.
        case address([UInt8])
        case service(SRV)
        case pointer(NAPTR)
        /// The name that the asked one stands for.
        case alias(String)
    }

    /// A server of a service (RFC 2782).
    public struct SRV: Sendable, Equatable {
        public var priority: UInt16
        public var weight: UInt16
        public var port: UInt16
        /// Empty where the service decidedly is not offered (a target of `.`).
        public var target: String

        public init(priority: UInt16, weight: UInt16, port: UInt16, target: String) {
            self.priority = priority
            self.weight = weight
            self.port = port
            self.target = target
        }
    }

    /// A way to a service (RFC 3403 §4.1); without the regular expression, which RFC 3263 has no use for.
    public struct NAPTR: Sendable, Equatable {
        public var order: UInt16
        public var preference: UInt16
        public var flags: String
        public var service: String
        public var replacement: String
    }

    /// In lower case, without the last dot.
    public var name: String
    /// Seconds.
    public var ttl: UInt32
    public var value: Value
}

/// Kinds of records that are asked for.
public enum DNSRecordType: Int32, Sendable, Hashable {
    case a = 1
    case aaaa = 28
    case srv = 33
    case naptr = 35
}

/// An answer of a name server (RFC 1035 §4), read with every step checked.
enum DNSMessage {
    /// Records of the answer section that we know; nil for what is no answer. At most 128 are read.
    static func records(_ bytes: UnsafeRawBufferPointer) -> [DNSRecord]? {
        guard bytes.count >= 12, bytes[2] & 0x80 != 0 else { return nil }
        var reader = Reader(bytes: bytes, index: 12)
        for _ in 0..<min(16, word(bytes, 4)) {
            guard reader.name() != nil, reader.skip(4) else { return nil }
        }
        var records: [DNSRecord] = []
        for _ in 0..<min(128, word(bytes, 6)) {
            guard let record = reader.record() else { return records.isEmpty ? nil : records }
            if let record = record.record { records.append(record) }
        }
        return records
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Int {
        Int(bytes[index]) << 8 | Int(bytes[index + 1])
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var index: Int

        mutating func skip(_ count: Int) -> Bool {
            guard index + count <= bytes.count else { return false }
            index += count
            return true
        }

        mutating func word() -> UInt16? {
            guard index + 2 <= bytes.count else { return nil }
            defer { index += 2 }
            return UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
        }

        mutating func double() -> UInt32? {
            guard let high = word(), let low = word() else { return nil }
            return UInt32(high) << 16 | UInt32(low)
        }

        /// §4.1.4; a name that points in circles is none.
        mutating func name() -> String? {
            var text: [UInt8] = []
            var place = index
            var jumps = 0
            while place < bytes.count {
                let length = Int(bytes[place])
                if length == 0 {
                    if jumps == 0 { index = place + 1 }
                    return String(decoding: text, as: UTF8.self)
                }
                if length & 0xC0 == 0xC0 {
                    guard place + 1 < bytes.count, jumps < 16 else { return nil }
                    if jumps == 0 { index = place + 2 }
                    jumps += 1
                    place = (length & 0x3F) << 8 | Int(bytes[place + 1])
                    continue
                }
                guard length < 64, place + 1 + length <= bytes.count, text.count + length < 255 else { return nil }
                if !text.isEmpty { text.append(0x2E) }
                for byte in bytes[(place + 1)..<(place + 1 + length)] {
                    text.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
                }
                place += 1 + length
            }
            return nil
        }

        /// `character-string` (§3.3)
        mutating func string() -> String? {
            guard index < bytes.count else { return nil }
            let length = Int(bytes[index])
            guard index + 1 + length <= bytes.count else { return nil }
            defer { index += 1 + length }
            return String(decoding: bytes[(index + 1)..<(index + 1 + length)], as: UTF8.self)
        }

        /// Nil when it is broken; without a record when it is of no use to us.
        mutating func record() -> (record: DNSRecord?, Void)? {
            guard let name = name(), let type = word(), let kind = word(), let ttl = double(), let length = word(),
                index + Int(length) <= bytes.count
            else { return nil }
            let end = index + Int(length)
            defer { index = end }
            guard kind == 1, let value = value(type, end) else { return (nil, ()) }
            return (DNSRecord(name: name, ttl: ttl, value: value), ())
        }

        private mutating func value(_ type: UInt16, _ end: Int) -> DNSRecord.Value? {
            switch type {
            case 1 where end - index == 4, 28 where end - index == 16: return .address(Array(bytes[index..<end]))
            case 5: return name().map { .alias($0) }
            case 33:
                guard let priority = word(), let weight = word(), let port = word(), let target = name() else {
                    return nil
                }
                return .service(.init(priority: priority, weight: weight, port: port, target: target))
            case 35:
                guard let order = word(), let preference = word(), let flags = string(), let service = string(),
                    string() != nil, let replacement = name()
                else { return nil }
                return .pointer(
                    .init(
                        order: order, preference: preference, flags: flags.lowercased(), service: service.uppercased(),
                        replacement: replacement))
            default: return nil
            }
        }
    }
}
