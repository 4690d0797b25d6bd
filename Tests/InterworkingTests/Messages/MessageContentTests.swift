import SIPWire
import Testing

@testable import Interworking

@Suite("Bodies of MESSAGE requests") struct MessageContentTests {
    private func read(_ body: String, _ type: String?, encoding: String? = nil) throws -> MessageContent {
        try Array(body.utf8).withUnsafeBytes {
            try MessageContent.read($0, type: type.map { SIPBytes($0) }, encoding: encoding.map { SIPBytes($0) })
        }
    }

    private func text(_ content: MessageContent) -> String? {
        guard case .text(let text, _) = content else { return nil }
        return String(decoding: text, as: UTF8.self)
    }

    @Test(
        "text comes in several clothes",
        arguments: [
            ("text/plain", "Hello", "Hello"), ("text/plain;charset=UTF-8", "Grüße", "Grüße"),
            ("Text/Plain; charset=\"utf-8\"", "x", "x"),
            (
                "text/html", "<html><head><title>t</title></head><body><p>Hello&nbsp;&lt;you&gt;<br/>two</p></body>",
                "Hello <you>\ntwo"
            ),
            ("text/html;charset=utf-8", "a <b>bold</b> &#x1F600; 1 < 2 &bogus; &amp;", "a bold 😀 1 < 2 &bogus; &"),
            (
                "message/cpim",
                "From: <im:a@b>\r\nTo: <im:c@d>\r\n\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi there",
                "Hi there"
            ),
            (
                "multipart/alternative;boundary=\"b1\"",
                "--b1\r\nContent-Type: text/html\r\n\r\n<b>rich</b>\r\n--b1\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b1--\r\n",
                "plain"
            ),
            (
                "multipart/mixed;boundary=b",
                "--b\nContent-Type: application/octet-stream\n\n??\n--b\nContent-Type: text/html\n\n<i>only</i>\n--b--\n",
                "only"
            ),
        ]) func texts(_ type: String, _ body: String, _ expected: String) throws
    {
        #expect(text(try read(body, type)) == expected)
    }

    @Test("old character sets are read; undeclared Latin 1 is recognised") func charsets() throws {
        let latin: [UInt8] = [0x47, 0x72, 0xFC, 0xDF, 0x65]
        for type in ["text/plain;charset=iso-8859-1", "text/plain"] {
            let content = try latin.withUnsafeBytes { try MessageContent.read($0, type: SIPBytes(type)) }
            #expect(text(content) == "Grüße")
        }
        let wide: [UInt8] = [0xFF, 0xFE, 0x48, 0x00, 0x69, 0x00]
        let content = try wide.withUnsafeBytes {
            try MessageContent.read($0, type: SIPBytes("text/plain;charset=utf-16"))
        }
        #expect(text(content) == "Hi")
    }

    @Test(
        "what is not understood is refused",
        arguments: ["image/png", "text/plain;charset=ebcdic", "application/sdp", "text"]) func refused(_ type: String)
    {
        #expect(throws: MessageContent.Refusal.type) { try read("x", type) }
    }

    @Test("compressed bodies, and envelopes without content, are refused") func malformed() {
        #expect(throws: MessageContent.Refusal.encoding) { try read("x", "text/plain", encoding: "br") }
        #expect(throws: MessageContent.Refusal.malformed) { try read("From: x", "message/cpim") }
        #expect(throws: MessageContent.Refusal.malformed) { try read("x", "multipart/mixed") }
        #expect(throws: MessageContent.Refusal.malformed) { try read("<x/>", "application/im-iscomposing+xml") }
        var nested = "Hello"
        for _ in 0..<6 { nested = "From: <im:a@b>\r\n\r\nContent-Type: message/cpim\r\n\r\n" + nested }
        #expect(throws: (any Error).self) { try read(nested, "message/cpim") }
    }

    @Test("an envelope says what its sender wants to be told (RFC 5438 §6)") func dispositions() throws {
        let body = """
            From: <im:bob@example.org>\r\nTo: <im:anna@example.org>\r\nNS: imdn <urn:ietf:params:imdn>\r
            imdn.Message-ID: 34jk324j\r\nimdn.Disposition-Notification: positive-delivery, negative-delivery, display\r
            \r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nHello
            """
        let wishes = MessageContent.Disposition(messageID: "34jk324j", wantsDelivery: true, wantsDisplay: true)
        #expect(try read(body, "message/cpim") == .text(Array("Hello".utf8), wishes))
    }

    @Test("typing notices (RFC 3994)", arguments: [("active", true), ("idle", false)]) func composing(
        _ state: String, _ isActive: Bool
    ) throws {
        let body = """
            <?xml version="1.0" encoding="UTF-8"?>
            <isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state> \(state) </state><refresh>60</refresh></isComposing>
            """
        #expect(try read(body, "application/im-iscomposing+xml") == .composing(isActive))
        let own = String(decoding: Composing.write(isActive: isActive), as: UTF8.self)
        #expect(try read(own, "application/im-iscomposing+xml") == .composing(isActive))
    }

    @Test(
        "notifications of what became of a message",
        arguments: [
            MessageContent.Notification.State.delivered, .displayed, .failed,
        ]) func notifications(_ state: MessageContent.Notification.State) throws
    {
        let written = DispositionNotification.write(
            .init(messageID: "a<b", state: state), from: Array("im:bob@example.org".utf8),
            to: Array("im:anna@example.org".utf8), date: "2026-01-01T12:00:00.000Z")
        let content = try read(String(decoding: written, as: UTF8.self), "message/cpim")
        #expect(content == .notification(.init(messageID: "a<b", state: state)))
    }

    @Test(
        "compressed bodies are read: zlib, gzip and bare deflate",
        arguments: [
            ("deflate", [120, 156, 203, 72, 205, 201, 201, 7, 0, 6, 44, 2, 21]),
            ("Deflate", [203, 72, 205, 201, 201, 7, 0]),
            (
                "gzip",
                [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0]
            ),
        ] as [(String, [UInt8])])
    func compressed(encoding: String, bytes: [UInt8]) throws {
        let content = try bytes.withUnsafeBytes {
            try MessageContent.read($0, type: SIPBytes("text/plain"), encoding: SIPBytes(encoding))
        }
        #expect(content == .text(Array("hello".utf8), .none))
        // Cut short, it is refused.
        #expect(throws: MessageContent.Refusal.encoding) {
            try bytes.dropLast(3).withUnsafeBytes {
                try MessageContent.read($0, type: SIPBytes("text/plain"), encoding: SIPBytes(encoding))
            }
        }
    }

    @Test("what few bytes blow up to is bounded")
    func bomb() throws {
        // 200,000 times the same letter.
        var bomb: [UInt8] = [120, 156, 237, 193, 49, 1, 0, 0, 0, 194, 160, 172, 235, 95, 194, 12, 254, 64, 1]
        bomb += [UInt8](repeating: 0, count: 193)
        bomb += [175, 1, 204, 238, 22, 153]
        #expect(throws: MessageContent.Refusal.encoding) {
            try bomb.withUnsafeBytes {
                try MessageContent.read($0, type: SIPBytes("text/plain"), encoding: SIPBytes("deflate"))
            }
        }
    }
}
