import SIPWire
import Testing
import XMPPWire

@testable import Interworking

@Suite("SIP addresses as JIDs (RFC 7247 §6)") struct AddressMappingTests {
    /// Both ways.
    private static let pairs: [(String, String)] = [
        ("sip:anna@example.org", "anna@example.org"),
        ("sip:anna@example.org;gr=desk", "anna@example.org/desk"),
        (
            "sip:anna@example.org;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "anna@example.org/urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
        ),
        ("sip:d'artagnan@example.org", "d\\27artagnan@example.org"),
        ("sip:tom&jerry@example.org", "tom\\26jerry@example.org"),
        ("sip:a/b@example.org", "a\\2fb@example.org"),
        ("sip:a%20b@example.org", "a\\20b@example.org"),
        ("sip:a%3Ab@example.org", "a\\3ab@example.org"),
        ("sip:anna%40home@example.org", "anna\\40home@example.org"),
        ("sip:%22q%22@example.org", "\\22q\\22@example.org"),
        ("sip:%3Cx%3E@example.org", "\\3cx\\3e@example.org"),
        // A backslash alone is itself; one that would read as an escape is escaped.
        ("sip:a%5Cb@example.org", "a\\b@example.org"),
        ("sip:c%5C20d@example.org", "c\\5c20d@example.org"),
        ("sip:%C3%A9milie@example.org", "émilie@example.org"),
        ("sip:anna@xn--bcher-kva.example", "anna@bücher.example"),
        ("sip:anna@example.org;gr=caf%C3%A9%20%3B", "anna@example.org/café ;"),
        ("sip:+14155550100@example.org", "+14155550100@example.org"),
        ("sip:anna@[2001:db8::1]", "anna@[2001:db8::1]"),
        // The addresses of RFC 7572 §4 and §5.
        ("sip:juliet@example.com;gr=yn0cl4bnw0yr3vym", "juliet@example.com/yn0cl4bnw0yr3vym"),
        ("sip:romeo@example.net;gr=dr4hcr0st3lup4c", "romeo@example.net/dr4hcr0st3lup4c"),
    ]

    @Test("one stands for the other, both ways", arguments: pairs) func bothWays(_ uri: String, _ jid: String) throws {
        let parsed = try #require(SIPURI(uri))
        #expect(AddressMapping.jid(of: parsed)?.description == jid)
        #expect(String(decoding: AddressMapping.uri(of: try JID(parsing: jid)), as: UTF8.self) == uri)
        let bare = try JID(parsing: jid).bare.description
        #expect(AddressMapping.bareAddress(of: parsed) == Array(bare.utf8))
        let written = Array(bare.utf8).withUnsafeBytes { AddressMapping.uri(ofBareAddress: $0) }
        #expect(String(decoding: written, as: UTF8.self) == uri.split(separator: ";gr=")[0])
    }

    @Test(
        "other writings and other schemes come to the same person",
        arguments: [
            ("sip:Anna@EXAMPLE.org:5070;transport=tcp", "anna@example.org"),
            ("sips:anna@example.org", "anna@example.org"),
            ("sip:%61nna@example.org", "anna@example.org"),
            ("sip:anna:secret@example.org", "anna@example.org"),
            ("sip:anna@example.org;gr", "anna@example.org"),
            ("im:anna@example.org", "anna@example.org"), ("pres:d%27artagnan@example.org", "d\\27artagnan@example.org"),
            ("xmpp:anna@example.org/desk", "anna@example.org/desk"),
            ("im:anna@example.org?subject=x", "anna@example.org"),
        ]) func same(_ uri: String, _ jid: String) throws
    {
        #expect(AddressMapping.jid(of: try #require(SIPURI(uri)))?.description == jid)
    }

    @Test(
        "what names no person is no JID",
        arguments: [
            "sip:example.org", "tel:+14155550100", "http://example.org/", "sip:%20a@example.org",
            "sip:a%20@example.org",
            "sip:%FF@example.org", "sip:%00@example.org",
        ]) func nobody(_ uri: String) throws
    {
        #expect(AddressMapping.jid(of: try #require(SIPURI(uri))) == nil)
    }

    @Test("schemes without clients leave the resource out") func otherSchemes() throws {
        let jid = try JID(parsing: "anna@example.org/desk")
        #expect(String(decoding: AddressMapping.uri(of: jid, .im), as: UTF8.self) == "im:anna@example.org")
        #expect(String(decoding: AddressMapping.uri(of: jid, .pres), as: UTF8.self) == "pres:anna@example.org")
        #expect(String(decoding: AddressMapping.uri(of: jid, .sips), as: UTF8.self) == "sips:anna@example.org;gr=desk")
        // What a mailbox may not have is escaped there alone (§6.5 step 5).
        let odd = try JID(parsing: "a(b),c;d@example.org")
        #expect(String(decoding: AddressMapping.uri(of: odd, .im), as: UTF8.self) == "im:a%28b%29%2Cc%3Bd@example.org")
        #expect(String(decoding: AddressMapping.uri(of: odd), as: UTF8.self) == "sip:a(b),c;d@example.org")
        let uri = try #require(SIPURI("im:a%28b%29%2Cc%3Bd@example.org"))
        #expect(AddressMapping.jid(of: uri) == odd)
    }
}
