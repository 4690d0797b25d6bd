/// An IPv6 address in brackets, as a domainpart (RFC 7622 §3.2, RFC 3986 §3.2.2). Zone identifiers are refused.
struct IPv6Literal: CustomStringConvertible {
    /// Eight groups of 16 bits, first to last.
    let groups: [UInt16]

    init?(bracketed text: String) {
        let utf8 = text.utf8
        guard utf8.count >= 4, utf8.count <= 47, utf8.first == UInt8(ascii: "["), utf8.last == UInt8(ascii: "]")
        else { return nil }
        let inner = Array(utf8.dropFirst().dropLast())
        guard let groups = Self.parse(inner) else { return nil }
        self.groups = groups
    }

    /// The canonical text (RFC 5952): lower case, no leading zeros, the longest run of zero groups shortened.
    var description: String {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func hex(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard !best.isEmpty else { return "[\(hex(0..<8))]" }
        return "[\(hex(0..<best.lowerBound))::\(hex(best.upperBound..<8))]"
    }

    private static func parse(_ text: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        var gap: Int?
        for index in 1..<max(text.count, 1) where text[index] == colon && text[index - 1] == colon {
            guard gap == nil else { return nil }
            gap = index - 1
        }
        guard let gap else {
            guard let all = side(text[...], mayEndInIPv4: true), all.count == 8 else { return nil }
            return all
        }
        let after = text[(gap + 2)...]
        guard let head = side(text[..<gap], mayEndInIPv4: false), let tail = side(after, mayEndInIPv4: true),
            head.count + tail.count <= 7
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// The groups on one side of the double colon; an empty side has none.
    private static func side(_ text: ArraySlice<UInt8>, mayEndInIPv4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let fields = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard fields.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, field) in fields.enumerated() {
            if mayEndInIPv4, index == fields.count - 1, field.contains(UInt8(ascii: ".")) {
                guard let pair = ipv4(field) else { return nil }
                groups += pair
            } else {
                guard let group = hexGroup(field) else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func hexGroup(_ field: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(field.count) else { return nil }
        var value: UInt16 = 0
        for byte in field {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    private static func ipv4(_ field: ArraySlice<UInt8>) -> [UInt16]? {
        let octets = field.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard octets.count == 4 else { return nil }
        var values: [UInt16] = []
        for octet in octets {
            guard (1...3).contains(octet.count), octet.allSatisfy({ (0x30...0x39).contains($0) }),
                octet.count == 1 || octet.first != 0x30
            else { return nil }
            let value = octet.reduce(UInt16(0)) { $0 * 10 + UInt16($1 - 0x30) }
            guard value <= 255 else { return nil }
            values.append(value)
        }
        return [values[0] << 8 | values[1], values[2] << 8 | values[3]]
    }
}
