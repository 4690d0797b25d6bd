import Testing

@testable import XMPPWire

@Suite("Addresses")
struct JIDTests {
    /// RFC 7622 §3.5, table 1, and example 18 of table 2, which erratum 4560 declares valid.
    static let valid: [(text: String, local: String?, domain: String, resource: String?)] = [
        ("juliet@example.com", "juliet", "example.com", nil),
        ("juliet@example.com/foo", "juliet", "example.com", "foo"),
        ("juliet@example.com/foo bar", "juliet", "example.com", "foo bar"),
        ("juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"),
        ("foo\\20bar@example.com", "foo\\20bar", "example.com", nil),
        ("fussball@example.com", "fussball", "example.com", nil),
        ("fu\u{DF}ball@example.com", "fu\u{DF}ball", "example.com", nil),
        ("\u{3C0}@example.com", "\u{3C0}", "example.com", nil),
        ("\u{3A3}@example.com/foo", "\u{3C3}", "example.com", "foo"),
        ("\u{3C3}@example.com/foo", "\u{3C3}", "example.com", "foo"),
        ("\u{3C2}@example.com/foo", "\u{3C2}", "example.com", "foo"),
        ("king@example.com/\u{265A}", "king", "example.com", "\u{265A}"),
        ("example.com", nil, "example.com", nil),
        ("example.com/foobar", nil, "example.com", "foobar"),
        ("a.example.com/b@example.net", nil, "a.example.com", "b@example.net"),
        ("juliet@example.com/ foo", "juliet", "example.com", " foo"),
    ]

    /// RFC 7622 §3.5, table 2.
    static let invalid: [(text: String, error: JIDError)] = [
        ("\"juliet\"@example.com", .prohibitedCharacter(.localpart, "\"")),
        ("foo bar@example.com", .prohibitedCharacter(.localpart, " ")),
        ("@example.com/", .empty(.localpart)),
        ("henry\u{2163}@example.com", .prohibitedCharacter(.localpart, "\u{2163}")),
        ("\u{265A}@example.com", .prohibitedCharacter(.localpart, "\u{265A}")),
        ("juliet@", .empty(.domainpart)),
        ("/foobar", .empty(.domainpart)),
    ]

    @Test("the examples of RFC 7622 are split and prepared", arguments: valid)
    func validExample(text: String, local: String?, domain: String, resource: String?) throws {
        let jid = try JID(parsing: text)
        #expect(jid.local == local)
        #expect(jid.domain == domain)
        #expect(jid.resource == resource)
    }

    @Test("the examples of RFC 7622 that are no addresses are refused with the part named", arguments: invalid)
    func invalidExample(text: String, error: JIDError) {
        #expect(throws: error) { try JID(parsing: text) }
    }

    @Test("an address written out and parsed again is the same address", arguments: valid)
    func roundTrip(text: String, local: String?, domain: String, resource: String?) throws {
        let jid = try JID(parsing: text)
        #expect(try JID(parsing: jid.description) == jid)
    }

    @Test("addresses that differ in case and width of localpart and domain are equal and hash alike")
    func equality() throws {
        let plain = try JID(parsing: "juliet@example.com/Balcony")
        let odd = try JID(parsing: "\u{FF2A}uliET@EXAMPLE.com./Balcony")
        #expect(plain == odd)
        #expect(Set([plain, odd]).count == 1)
        #expect(try plain != JID(parsing: "juliet@example.com/balcony"))
    }

    @Test("an address with nothing, or with an empty part, is refused")
    func emptyParts() {
        #expect(throws: JIDError.empty(.domainpart)) { try JID(parsing: "") }
        #expect(throws: JIDError.empty(.localpart)) { try JID(parsing: "@example.com") }
        #expect(throws: JIDError.empty(.resourcepart)) { try JID(parsing: "juliet@example.com/") }
        #expect(throws: JIDError.empty(.localpart)) { try JID(local: "", domain: "example.com", resource: nil) }
    }

    @Test("a second at sign before the slash spoils the domain")
    func secondAtSign() {
        #expect(throws: JIDError.prohibitedCharacter(.domainpart, "@")) { try JID(parsing: "a@b@example.com") }
    }

    @Test("each part may have 1023 bytes and not one more")
    func lengths() throws {
        let longest = String(repeating: "x", count: 1023)
        let label = String(repeating: "d", count: 63) + "."
        let domain = String(repeating: label, count: 15) + String(repeating: "e", count: 63)
        #expect(domain.utf8.count == 1023)
        let jid = try JID(parsing: "\(longest)@\(domain)/\(longest)")
        #expect(jid.description.utf8.count == 3071)
        #expect(throws: JIDError.tooLong(.localpart)) { try JID(parsing: "\(longest)x@example.com") }
        #expect(throws: JIDError.tooLong(.domainpart)) { try JID(parsing: "a." + domain) }
        #expect(throws: JIDError.tooLong(.resourcepart)) { try JID(parsing: "example.com/\(longest)x") }
    }

    @Test("length counts after preparation")
    func lengthAfterPreparation() throws {
        let wide = String(repeating: "\u{FF41}", count: 1023)
        #expect(try JIDPreparation.localpart(wide) == String(repeating: "a", count: 1023))
        #expect(throws: JIDError.tooLong(.localpart)) { try JIDPreparation.localpart(wide + "a") }
        #expect(throws: JIDError.tooLong(.resourcepart)) { try JIDPreparation.resourcepart(wide) }
    }

    @Test("the bare address has no resource, and another resource is prepared when it is put on")
    func bareAndFull() throws {
        let full = try JID(parsing: "romeo@example.net/orchard")
        #expect(!full.isBare)
        #expect(full.bare.isBare)
        #expect(full.bare.description == "romeo@example.net")
        #expect(try full.bare.withResource("a\u{A0}b").description == "romeo@example.net/a b")
        #expect(throws: JIDError.empty(.resourcepart)) { try full.withResource("") }
    }

    @Test("an error says which part and which code point")
    func errorText() {
        #expect(
            JIDError.prohibitedCharacter(.localpart, "\u{2163}").description
                == "localpart contains U+2163, which is not allowed")
        #expect(JIDError.invalidDomain(.emptyLabel).description == "domainpart: empty label")
    }
}
