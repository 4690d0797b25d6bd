import Testing

@testable import SIPWire

@Suite("SIP URIs")
struct SIPURITests {
    @Test(
        "parts are found",
        arguments: [
            ("sip:alice@atlanta.com", "alice", "atlanta.com", nil as UInt16?),
            ("sip:alice:secretword@Atlanta.COM;transport=tcp", "alice", "atlanta.com", nil),
            ("sips:alice@atlanta.com:5071?subject=project%20x&priority=urgent", "alice", "atlanta.com", 5071),
            ("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", nil as String?, "atlanta.com", nil),
            ("sip:alice;day=tuesday@atlanta.com", "alice;day=tuesday", "atlanta.com", nil),
            ("sip:[::1]:5060;lr", nil, "[::1]", 5060),
            ("sip:+1-212-555-1212:1234@gateway.com;user=phone", "+1-212-555-1212", "gateway.com", nil),
        ])
    func parts(text: String, user: String?, host: String, port: UInt16?) throws {
        let uri = try #require(SIPURI(text))
        #expect(uri.user?.string == user)
        #expect(uri.host.string == host)
        #expect(uri.port == port)
    }

    @Test(
        "what is no URI is refused",
        arguments: [
            "", "sip:", "alice@atlanta.com", "sip:@atlanta.com", "sip:alice@", "sip:alice@atlanta.com:port",
            "sip:alice@atlanta.com:70000", "sip:a b@atlanta.com", "sip:alice@atlanta..com", "sip:al%4ice@atlanta.com",
            "sip:alice@atlanta.com;", "sip:alice@atlanta.com;=x", "sip:alice@atlanta.com?", "sip:alice@atlanta.com?x",
            "sip:alice@[2001:db8", "sip:alice@[::1]x", "tel:", "tel:alice", "1x:y", "sip:alice@atlanta.com%",
        ])
    func refused(text: String) { #expect(SIPURI(text) == nil) }

    @Test(
        "the equal ones of RFC 3261 §19.1.4 match",
        arguments: [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
            ),
            ("tel:+1-201-555-0123", "tel:+1(201)555.0123"),
            ("sip:bob@[2001:db8::10]", "sip:bob@[2001:DB8:0::0010]"),
        ])
    func equal(left: String, right: String) throws {
        let (left, right) = (try #require(SIPURI(left)), try #require(SIPURI(right)))
        #expect(left.matches(right))
        #expect(right.matches(left))
    }

    @Test(
        "the different ones do not",
        arguments: [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:anna@example.org;gr=desk", "sip:anna@example.org"),
            ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
            ("sip:bob@[2001:db8::10]", "sip:bob@[2001:db8::11]"),
        ])
    func different(left: String, right: String) throws {
        let (left, right) = (try #require(SIPURI(left)), try #require(SIPURI(right)))
        #expect(!left.matches(right))
        #expect(!right.matches(left))
    }

    @Test("a user part survives escaping") func escaping() {
        let user = Array("d'artagnan <3 @ \u{e9}%".utf8)
        let written = SIPURI.escapedUser(user)
        #expect(SIPURI.unescaped(SIPBytes(written)) == user)
        #expect(SIPURI(String(decoding: Array("sip:".utf8) + written + Array("@x.org".utf8), as: UTF8.self)) != nil)
    }

    @Test("parameters are found by name, quotes aside") func parameters() throws {
        let contact = try #require(
            SIPContact(
                SIPBytes(
                    #""Anna" <sip:anna@192.0.2.1:5060;ob>;+sip.instance="<urn:uuid:1>";reg-id=2;expires=60;q=0.5"#)))
        #expect(contact.instance?.string == "<urn:uuid:1>")
        #expect(contact.regID == 2)
        #expect(contact.expires == 60)
        #expect(contact.q == 500)
        #expect(contact.uri.wantsOutbound)
        #expect(contact.address.displayName?.string == "Anna")
    }

    @Test("many parameters cost what they are long") func manyParameters() throws {
        let text = SIPBytes("sip:a@b" + String(repeating: ";p", count: 4_000))
        let clock = ContinuousClock()
        let took = try clock.measure { _ = try #require(SIPURI(text)) }
        // Each one looked through to the end would be sixteen million steps.
        #expect(took < .milliseconds(60))
        #expect(SIPURI(SIPBytes("sip:a@b" + String(repeating: ";p", count: 5_000))) == nil)
    }
}
