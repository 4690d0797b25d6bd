import NIOCore
import Testing

@testable import SIPWire

@Suite("SIP messages")
struct SIPMessageTests {
    static let register = """
        REGISTER sip:example.org SIP/2.0\r
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r
        Via: SIP/2.0/TCP proxy.example.org;branch=z9hG4bKdef\r
        Record-Route: <sip:proxy.example.org;lr>\r
        Max-Forwards: 70\r
        From: Anna <sip:anna@example.org>;tag=1\r
        t: <sip:anna@example.org>\r
        Call-ID: 77\r
        CSeq: 5 REGISTER\r
        Contact: <sip:anna@192.0.2.1:5060>;expires=60, <sip:anna@192.0.2.2>;q=0.1\r
        Supported: path, outbound,gruu\r
        Expires: 99999999999999\r
        X-Own: yes\r
        Content-Length: 2\r
        \r
        hi
        """

    @Test("lists run over lines and commas") func lists() throws {
        let message = try SIPParser.parse(Self.register)
        #expect(message.vias.count == 2)
        #expect(message.contacts?.list.map(\.expires) == [60, nil])
        #expect(message.supports("outbound"))
        #expect(message.supports("gruu"))
        #expect(!message.supports("100rel"))
        #expect(message.expires == .max)
        #expect(message.first(named: "x-own")?.string == "yes")
        #expect(message.branch.string == "z9hG4bKabc")
        #expect(message.body.string == "hi")
        #expect(message.to?.uri.user?.string == "anna")
    }

    @Test("a response takes over what belongs to the transaction") func response() throws {
        let request = try SIPParser.parse(Self.register)
        var builder = SIPResponseBuilder(to: request, status: .ok, toTag: SIPBytes("t9" as StaticString))
        builder.add(.expires, number: 60)
        let written = String(buffer: builder.finish())
        #expect(
            written == """
                SIP/2.0 200 OK\r
                Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r
                Via: SIP/2.0/TCP proxy.example.org;branch=z9hG4bKdef\r
                Record-Route: <sip:proxy.example.org;lr>\r
                From: Anna <sip:anna@example.org>;tag=1\r
                t: <sip:anna@example.org>;tag=t9\r
                Call-ID: 77\r
                CSeq: 5 REGISTER\r
                Expires: 60\r
                Content-Length: 0\r
                \r

                """)
        let parsed = try SIPParser.parse(written)
        #expect(!parsed.isRequest)
        #expect(parsed.status == .ok)
        #expect(parsed.method == .register)
        #expect(parsed.toTag.string == "t9")
    }

    @Test("a forwarded request keeps every line but those replaced") func forwarding() throws {
        let request = try SIPParser.parse(Self.register)
        var builder = SIPRequestBuilder(request.method, SIPBytes("sip:next.example.org" as StaticString))
        builder.addVia(
            transport: .tcp, sentBy: SIPBytes("me.example.org" as StaticString),
            branch: SIPBytes("z9hG4bK1" as StaticString), rport: false)
        builder.copyAll(from: request, except: [.maxForwards])
        builder.add(.maxForwards, number: 69)
        let copy = try SIPParser.parse(builder.finishRaw(body: request.body))
        #expect(copy.vias.map { $0.host.string } == ["me.example.org", "192.0.2.1", "proxy.example.org"])
        #expect(copy.maxForwards == 69)
        #expect(copy.fieldCount == request.fieldCount + 1)
        #expect(copy.body.string == "hi")
        #expect(copy.contacts?.list.count == 2)
    }

    @Test("dialogs are named alike from both ends") func dialogs() throws {
        let request = try SIPParser.parse(Self.register)
        #expect(DialogID(incoming: request) == nil)
        let answer = try SIPParser.parse(
            SIPResponseBuilder(to: request, status: .ok, toTag: SIPBytes("t9" as StaticString)).finish())
        let ours = try #require(DialogID(response: answer))
        #expect(ours == DialogID(callID: Array("77".utf8), localTag: Array("1".utf8), remoteTag: Array("t9".utf8)))
    }

    @Test(
        "bounds are kept",
        arguments: [
            (2_000, 128, 513), (65_536, 4, 513),
        ])
    func bounds(bytes: Int, fields: Int, status: Int) {
        var limits = SIPLimits()
        limits.headerBytes = bytes
        limits.fields = fields
        let text = Self.register.replacing("X-Own: yes", with: "X-Own: " + String(repeating: "y", count: 3_000))
        do throws(SIPParseError) {
            _ = try SIPParser.parse(text, limits: limits)
            Issue.record("accepted")
        } catch {
            #expect(error.status == SIPStatus(status))
        }
    }

    @Test("too many hops are told so") func hops() {
        var limits = SIPLimits()
        limits.vias = 1
        do throws(SIPParseError) {
            _ = try SIPParser.parse(Self.register, limits: limits)
            Issue.record("accepted")
        } catch {
            #expect(error.status == .tooManyHops)
        }
    }

    @Test(
        "lines that could be read in two ways are refused",
        arguments: [
            "X-A: 1\nVia: SIP/2.0/UDP evil", "X-A: 1\u{0}2", "X-A 1", ": 1", "X-A: 1\rX-B: 2", "Content-Length: +2",
            "CSeq: 6 REGISTER", "Event: presence;;",
        ])
    func smuggling(line: String) {
        let text = Self.register.replacing("X-Own: yes", with: line)
        #expect(throws: SIPParseError.self) { _ = try SIPParser.parse(text) }
    }

    @Test("all known names are found, in any case and in compact form") func names() {
        for header in SIPHeader.allCases where header != .other {
            let name = header.name.description
            for form in [name, name.lowercased(), name.uppercased()] {
                #expect(Array(form.utf8).withUnsafeBytes { SIPHeader($0) } == header)
            }
        }
        for (letter, header) in [("v", SIPHeader.via), ("F", .from), ("o", .event), ("x", .sessionExpires)] {
            #expect(Array(letter.utf8).withUnsafeBytes { SIPHeader($0) } == header)
        }
        #expect(Array("Viaa".utf8).withUnsafeBytes { SIPHeader($0) } == .other)
        #expect(Array("z".utf8).withUnsafeBytes { SIPHeader($0) } == .other)
    }

    @Test("datagrams that are no messages are known") func classes() {
        #expect(Array("\r\n\r\n".utf8).withUnsafeBytes { SIPParser.classify($0) } == .keepAlive)
        #expect([UInt8]().withUnsafeBytes { SIPParser.classify($0) } == .keepAlive)
        let stun: [UInt8] = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 7, count: 12)
        #expect(stun.withUnsafeBytes { SIPParser.classify($0) } == .stun)
        #expect(Array("OPTIONS".utf8).withUnsafeBytes { SIPParser.classify($0) } == .message)
    }

    @Test("accepted types obey wildcards and weights") func accept() throws {
        let text = Self.register.replacing(
            "X-Own: yes", with: "Accept: application/pidf+xml, text/*;q=0.2\r\nAccept: image/png;q=0")
        let list = try SIPParser.parse(text).accept
        #expect(list.accepts("application/pidf+xml"))
        #expect(list.accepts("text/plain"))
        #expect(!list.accepts("image/png"))
        #expect(!list.accepts("application/rlmi+xml"))
    }
}
