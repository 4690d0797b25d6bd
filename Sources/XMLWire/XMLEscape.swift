/// Escaping and unescaping of character data and attribute values (XML 1.0 §2.4, §3.3.3, §4.6).
public enum XMLEscape {
    /// Appends `text` as character data. Characters that XML does not allow become U+FFFD.
    public static func append(text: String, to output: inout [UInt8]) {
        append(text, isAttribute: false, to: &output)
    }

    /// Appends `attribute` as a value to stand between quotes of either kind. White space other than spaces is written
    /// as references, so that it survives attribute-value normalization.
    public static func append(attribute: String, to output: inout [UInt8]) {
        append(attribute, isAttribute: true, to: &output)
    }

    /// Appends UTF-8 bytes as character data; invalid UTF-8 becomes U+FFFD.
    public static func append(text: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        escape(text, isAttribute: false, to: &output)
    }

    /// Appends UTF-8 bytes as an attribute value; invalid UTF-8 becomes U+FFFD.
    public static func append(attribute: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        escape(attribute, isAttribute: true, to: &output)
    }

    /// Text of an element without child elements: references and CDATA sections are resolved and line ends are
    /// normalized (§2.11).
    ///
    /// - Returns: nil when the bytes are not character data: markup, a malformed or not predefined reference, invalid
    ///   UTF-8, a character that XML does not allow.
    public static func unescape(_ bytes: UnsafeRawBufferPointer) -> String? {
        resolve(bytes, isAttribute: false)
    }

    /// Value of an attribute from the bytes between its quotes; literal white space becomes spaces (§3.3.3).
    ///
    /// - Returns: nil when the bytes are not an attribute value.
    public static func unescape(attribute bytes: UnsafeRawBufferPointer) -> String? {
        resolve(bytes, isAttribute: true)
    }

    // MARK: Escaping

    static func append<Sink: ByteSink>(_ string: String, isAttribute: Bool, to output: inout Sink) {
        var string = string
        string.withUTF8 { escape(UnsafeRawBufferPointer($0), isAttribute: isAttribute, to: &output) }
    }

    static func escape<Sink: ByteSink>(_ bytes: UnsafeRawBufferPointer, isAttribute: Bool, to output: inout Sink) {
        guard let base = bytes.baseAddress else { return }
        let p = base.assumingMemoryBound(to: UInt8.self)
        let n = bytes.count
        var plain = 0
        var i = 0
        while i < n {
            let c = p[i]
            let replacement: StaticString
            var length = 1
            switch c {
            case 0x26: replacement = "&amp;"
            case 0x3C: replacement = "&lt;"
            case 0x3E: replacement = "&gt;"
            case 0x0D: replacement = "&#13;"
            case 0x22 where isAttribute: replacement = "&quot;"
            case 0x27 where isAttribute: replacement = "&apos;"
            case 0x0A where isAttribute: replacement = "&#10;"
            case 0x09 where isAttribute: replacement = "&#9;"
            case 0x20...0x7F, 0x09, 0x0A:
                i += 1
                continue
            case 0x80...:
                let found = (try? Lexeme.multibyte(p, i, n)) ?? 0
                if found > 0 {
                    i += found
                    continue
                }
                // U+FFFE and U+FFFF are the only well-formed sequences refused; three bytes, one replacement.
                if c == 0xEF, i + 2 < n, p[i + 1] == 0xBF, p[i + 2] >= 0xBE, p[i + 2] <= 0xBF { length = 3 }
                replacement = "\u{FFFD}"
            default: replacement = "\u{FFFD}"
            }
            output.append(UnsafeRawBufferPointer(start: p + plain, count: i - plain))
            output.append(literal: replacement)
            i += length
            plain = i
        }
        output.append(UnsafeRawBufferPointer(start: p + plain, count: n - plain))
    }

    // MARK: Unescaping

    private static func resolve(_ bytes: UnsafeRawBufferPointer, isAttribute: Bool) -> String? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return "" }
        let p = base.assumingMemoryBound(to: UInt8.self)
        var isValid = true
        // Resolving never lengthens: the shortest reference to an n-byte character has more than n bytes.
        let result = String(unsafeUninitializedCapacity: bytes.count) { output in
            guard let length = resolve(p, bytes.count, isAttribute: isAttribute, into: output) else {
                isValid = false
                return 0
            }
            return length
        }
        return isValid ? result : nil
    }

    private static func resolve(
        _ p: UnsafePointer<UInt8>, _ n: Int, isAttribute: Bool, into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        var i = 0
        var o = 0
        var isInCDATA = false
        while i < n {
            let c = p[i]
            if c >= 0x80 {
                guard let length = try? Lexeme.multibyte(p, i, n), length > 0 else { return nil }
                for offset in 0..<length { output[o + offset] = p[i + offset] }
                i += length
                o += length
                continue
            }
            if c < 0x20 {
                guard Lexeme.isSpace(c) else { return nil }
                let isPair = c == 0x0D && i + 1 < n && p[i + 1] == 0x0A
                output[o] = isAttribute ? 0x20 : (c == 0x0D ? 0x0A : c)
                i += isPair ? 2 : 1
                o += 1
                continue
            }
            if isInCDATA {
                if c == 0x5D, i + 2 < n, p[i + 1] == 0x5D, p[i + 2] == 0x3E {
                    isInCDATA = false
                    i += 3
                    continue
                }
            } else if c == 0x26 {
                var scalar: UInt32 = 0
                guard let end = try? Lexeme.reference(p, i, n, scalar: &scalar), end > 0,
                    let character = Unicode.Scalar(scalar)
                else { return nil }
                for byte in UTF8.encode(character) ?? UTF8.encodedReplacementCharacter {
                    output[o] = byte
                    o += 1
                }
                i = end
                continue
            } else if c == 0x3C {
                guard !isAttribute, let found = try? Markup.classify(p, i, n), case .cdata = found else { return nil }
                isInCDATA = true
                i += Markup.cdataOpening
                continue
            }
            output[o] = c
            i += 1
            o += 1
        }
        return isInCDATA ? nil : o
    }
}
