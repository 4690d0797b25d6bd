import NIOCore
import SIPWire

/// What clients of the Microsoft dialect do otherwise: messages as MESSAGE inside the INVITE's dialog, the first one in a
/// header of the INVITE, and typing as INFO.
enum MicrosoftForm {
    static let acceptTypes =
        "text/plain text/html multipart/alternative application/im-iscomposing+xml"
    static let activityType = SIPBytes("application/xml" as StaticString)

    /// The text in `ms-text-format: text/plain; charset=UTF-8;msgr=…;ms-body=<base64>`, with its type; nil without one.
    static func firstMessage(_ header: SIPBytes?) -> (type: SIPBytes, body: [UInt8])? {
        guard let header, let type = SIPMediaType(header) ?? lenient(header),
            let text = type.parameters["ms-body"],
            let body = base64(text)
        else { return nil }
        return (SIPBytes(type.name.array + Array(";charset=UTF-8".utf8)), body)
    }

    /// Base64 in a parameter that is not quoted has characters that no token has.
    private static func lenient(_ header: SIPBytes) -> SIPMediaType? {
        guard let semicolon = header.firstIndex(of: 0x3B) else { return nil }
        let name = header.part(0, semicolon)
        var quoted = name.array
        for parameter in SIPParameters(header.part(semicolon, header.count)) {
            guard let value = parameter.value?.unquoted else { continue }
            quoted += Array(";".utf8) + parameter.name.array + Array("=\"".utf8)
            quoted += value.array.filter { $0 != 0x22 && $0 != 0x5C } + [0x22]
        }
        return SIPMediaType(SIPBytes(quoted))
    }

    /// Whether somebody writes; nil when the INFO says nothing of it.
    static func typing(_ body: SIPBytes) -> Bool? {
        guard body.count <= 4_096 else { return nil }
        let text = body.string
        guard text.contains("KeyboardActivity") else { return nil }
        if text.contains("status=\"type\"") || text.contains("status='type'") { return true }
        if text.contains("status=\"idle\"") || text.contains("status='idle'") { return false }
        return nil
    }

    static func activity(isTyping: Bool) -> SIPBytes {
        SIPBytes(
            "<?xml version=\"1.0\"?>\r\n<KeyboardActivity>\r\n<status status=\"\(isTyping ? "type" : "idle")\" />\r\n"
                + "</KeyboardActivity>\r\n")
    }

    /// nil for what is no base64; padding may be missing.
    static func base64(_ text: SIPBytes) -> [UInt8]? {
        guard text.count <= 65_536 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var word: UInt32 = 0
        var bits = 0
        for byte in text {
            let value: UInt8
            switch byte {
            case 0x41...0x5A: value = byte - 0x41
            case 0x61...0x7A: value = byte - 0x61 + 26
            case 0x30...0x39: value = byte - 0x30 + 52
            case 0x2B: value = 62
            case 0x2F: value = 63
            case 0x3D: continue
            default: return nil
            }
            word = word << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            }
        }
        return bytes
    }
}
