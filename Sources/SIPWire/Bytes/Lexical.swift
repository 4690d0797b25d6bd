/// The character classes of RFC 3261 §25.1.
enum Lexical {
    static let token: UInt16 = 1
    /// `unreserved` and what else may stand in the user part, without `%`.
    static let user: UInt16 = 2
    static let password: UInt16 = 4
    /// `paramchar` without `%`.
    static let parameter: UInt16 = 8
    /// `hvalue` and `hname` without `%`.
    static let header: UInt16 = 16
    static let hostName: UInt16 = 32
    static let digit: UInt16 = 64
    static let hex: UInt16 = 128
    static let letter: UInt16 = 256
    /// `word`, of which Call-IDs are made.
    static let word: UInt16 = 512
    /// What may stand in a URI of any scheme, `%` with it.
    static let uric: UInt16 = 1024
    /// `unreserved`: what may also be written as an escape and is the same then (§19.1.4).
    static let unreserved: UInt16 = 2048

    /// 256 masks of the classes above.
    nonisolated(unsafe) static let table: UnsafePointer<UInt16> = {
        let table = UnsafeMutablePointer<UInt16>.allocate(capacity: 256)
        table.initialize(repeating: 0, count: 256)
        func add(_ characters: StaticString, _ classes: UInt16) {
            for index in 0..<characters.utf8CodeUnitCount { table[Int(characters.utf8Start[index])] |= classes }
        }
        let everywhere = token | user | password | parameter | header | hostName | word | uric | unreserved
        add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", letter | everywhere)
        add("0123456789", digit | hex | everywhere)
        add("abcdefABCDEF", hex)
        add("-.!%*_+`'~", token | word)
        add("()<>:\\\"/[]?{}", word)
        add("-_.!~*'()", user | password | parameter | header | uric | unreserved)
        add("&=+$,;?/", user)
        add("&=+$,", password)
        add("[]/:&+$", parameter)
        add("[]/?:+$", header)
        // Underscores are in no grammar of hosts, and in many networks.
        add("-._", hostName)
        add(";/?:@&=+$,%[]", uric)
        return UnsafePointer(table)
    }()

    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    static func same(_ bytes: UnsafeRawPointer, lowered: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let bytes = bytes.assumingMemoryBound(to: UInt8.self)
        for index in 0..<count where lower(bytes[index]) != lowered[index] { return false }
        return true
    }

    /// Whether there is at least one byte and all are of the class.
    static func all(_ bytes: SIPBytes, _ classes: UInt16) -> Bool {
        let table = table
        for index in 0..<bytes.count where table[Int(bytes.start[index])] & classes == 0 { return false }
        return bytes.count > 0
    }

    /// Whether all bytes are of the class or whole escapes (`%` and two hexadecimal digits).
    static func allOrEscaped(_ bytes: SIPBytes, _ classes: UInt16) -> Bool {
        let table = table
        var index = 0
        while index < bytes.count {
            let byte = bytes.start[index]
            if byte == 0x25 {
                guard index + 2 < bytes.count, table[Int(bytes.start[index + 1])] & hex != 0,
                    table[Int(bytes.start[index + 2])] & hex != 0
                else { return false }
                index += 3
            } else {
                if table[Int(byte)] & classes == 0 { return false }
                index += 1
            }
        }
        return true
    }

    static func hexValue(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        default: (byte | 0x20) &- 0x57
        }
    }
}
