import Testing

@testable import XMPPWire

@Suite("Base 64")
struct Base64Tests {
    /// RFC 4648 §10.
    static let vectors = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    @Test("the vectors of RFC 4648 are encoded and decoded", arguments: vectors)
    func vector(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded.utf8) == Array(plain.utf8))
    }

    @Test("all bytes come back, at every length")
    func roundTrip() {
        let all = (0...255).map(UInt8.init)
        for count in 0...all.count {
            let part = Array(all.suffix(count))
            #expect(Base64.decode(Base64.encode(part).utf8) == part)
        }
        #expect(Base64.encode([0xFB, 0xEF, 0xFF]) == "++//")
    }

    @Test(
        "missing padding, white space, a foreign alphabet and stray bits are refused",
        arguments: [
            "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zm8", "Zm9v\n", "Zm 9v===", " Zm9", "Zm9-", "Zm9_", "Zg==Zg==",
            "Zm8=Zm9v", "Z=g=", "=Zg=", "Zh==", "Zm9=", "Zm9v\u{E9}==", "\u{0}AAA",
        ])
    func refused(text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }

    @Test("a buffer without address decodes to no bytes")
    func emptyBuffer() {
        #expect(Base64.decode(UnsafeRawBufferPointer(start: nil, count: 0)) == [])
    }
}
