/// The fields of a form (`application/x-www-form-urlencoded`, WHATWG URL §5), in their order.
struct ConsoleForm: Sendable, Equatable {
    struct Field: Sendable, Equatable {
        var name: String
        var value: String
    }

    /// Fields of one form; those behind are ignored.
    static let limit = 2_000

    let fields: [Field]

    init(fields: [Field] = []) {
        self.fields = fields
    }

    /// - Parameter encoded: the body of a request, or a query.
    init(encoded: some StringProtocol) {
        fields = encoded.split(separator: "&", maxSplits: Self.limit).prefix(Self.limit).map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return Field(name: Self.decoded(parts[0]), value: parts.count > 1 ? Self.decoded(parts[1]) : "")
        }
    }

    /// The first field of this name.
    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The first field of this name without white space around it; empty when it is missing.
    func text(_ name: String) -> String {
        let text = self[name] ?? ""
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        guard let first = text.firstIndex(where: { !isSpace($0) }), let last = text.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(text[first...last])
    }

    func isOn(_ name: String) -> Bool { self[name] != nil }

    /// - Parameter plusIsSpace: as in forms and queries, not in paths.
    static func decoded(_ text: some StringProtocol, plusIsSpace: Bool = true) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count)
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace: out.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = bytes.next() else {
                    out.append(byte)
                    continue
                }
                guard let low = bytes.next() else {
                    out += [byte, high]
                    continue
                }
                if let a = hexadecimal(high), let b = hexadecimal(low) {
                    out.append(a << 4 | b)
                } else {
                    out += [byte, high, low]
                }
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// For a query or a part of a path: everything but unreserved characters is escaped (RFC 3986 §2.3).
    static func encoded(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
