/// What may not stand in a localpart, written with escapes (XEP-0106): `d\27artagnan` is d'artagnan.
public enum JIDEscaping {
    /// The localpart as it means (§4.3), in UTF-8.
    public static func plain(_ local: String) -> [UInt8] {
        let bytes = Array(local.utf8)
        guard bytes.contains(0x5C) else { return bytes }
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x5C, let byte = escape(in: bytes, at: index) {
                plain.append(byte)
                index += 3
            } else {
                plain.append(bytes[index])
                index += 1
            }
        }
        return plain
    }

    /// space " & ' / : < > @
    public static func mustEscape(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x22, 0x26, 0x27, 0x2F, 0x3A, 0x3C, 0x3E, 0x40: true
        default: false
        }
    }

    /// What one of the ten escapes that begins there stands for; nil where none does.
    public static func escape(in bytes: [UInt8], at index: Int) -> UInt8? {
        guard index + 2 < bytes.count, let high = hexDigit(bytes[index + 1]), let low = hexDigit(bytes[index + 2])
        else { return nil }
        let byte = high << 4 | low
        return mustEscape(byte) || byte == 0x5C ? byte : nil
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        // Lower case only (§4.1).
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
