import Crypto
import NIOCore
import XMLWire
import XMPPWire

/// The `<body/>` elements of responses (XEP-0124 §6, XEP-0206).
extension BOSHSession {
    private static let start = "<body xmlns='\(BOSHRequest.namespace)'"

    /// Takes that many pieces of output into a body. Returns it and the bytes of payload inside.
    func body(rid: Int64, taking count: Int) -> (ByteBuffer, payload: Int) {
        var xml = Self.start
        if isNew {
            xml += creation(rid)
            isNew = false
        } else if window.handled > rid {
            xml += " ack='\(window.handled)'"
        }
        if output.prefix(count).contains(where: { Self.isOfStream($0) }) {
            xml += " xmlns:stream='\(XMPPNamespace.stream)'"
        }
        guard count > 0 else { return (ByteBuffer(string: xml + "/>"), 0) }
        var body = ByteBuffer(string: xml + ">")
        let begin = body.readableBytes
        for _ in 0..<count {
            guard let piece = output.popFirst() else { break }
            body.writeImmutableBuffer(piece)
            queuedBytes -= piece.readableBytes
            position += 1
        }
        let payload = body.readableBytes - begin
        body.writeStaticString("</body>")
        return (body, payload)
    }

    private static func isOfStream(_ piece: ByteBuffer) -> Bool {
        piece.getString(at: piece.readerIndex, length: min(8, piece.readableBytes)) == "<stream:"
    }

    /// Attributes of the response that creates the session (§7.2).
    private func creation(_ rid: Int64) -> String {
        var xml = " sid='\(sid)' wait='\(wait)' hold='\(window.hold)' requests='\(window.size)' ver='\(ver)'"
        xml += " inactivity='\(mount?.settings.boshInactivitySeconds ?? 60)' maxpause='\(Self.longestPause)'"
        xml += " ack='\(rid)' secure='true' charsets='UTF-8'"
        if isPolling { xml += " polling='\(Self.pollingSeconds)'" }
        if let from = streamHeader?.from { xml += " from='\(XMLText.escape(from))'" }
        if let id = streamHeader?.id { xml += " authid='\(XMLText.escape(id))'" }
        return xml + " xmpp:version='1.0' xmpp:restartlogic='true' xmlns:xmpp='urn:xmpp:xbosh'"
    }

    /// The body that ends the session (§13, §17), with the output that nobody has fetched.
    func terminalBody(_ terminal: Terminal) -> ByteBuffer {
        var xml = Self.start + " type='terminate'"
        if let condition = terminal.condition { xml += " condition='\(condition)'" }
        if terminal.content.readableBytes > 0 { xml += " xmlns:stream='\(XMPPNamespace.stream)'" }
        guard terminal.content.readableBytes > 0 || !output.isEmpty else { return ByteBuffer(string: xml + "/>") }
        var body = ByteBuffer(string: xml + ">")
        while let piece = output.popFirst() { body.writeImmutableBuffer(piece) }
        queuedBytes = 0
        body.writeImmutableBuffer(terminal.content)
        body.writeStaticString("</body>")
        return body
    }

    /// A body for a request that belongs to no session.
    static func refusal(_ condition: String) -> ByteBuffer {
        ByteBuffer(string: start + " type='terminate' condition='\(condition)'/>")
    }

    /// What a stream error is to the client: a condition of BOSH where there is one, the elements inside otherwise
    /// (XEP-0206 §6).
    static func terminal(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, isNew: Bool) -> Terminal {
        let inside = UnsafeRawBufferPointer(rebasing: bytes[Int(frame.startTagEnd)..<Int(frame.endTagStart)])
        let name = frame.children.first.map { child in
            String(decoding: child.localName.slice(of: bytes), as: UTF8.self)
        }
        switch name {
        case "host-unknown" where isNew, "improper-addressing" where isNew, "system-shutdown":
            return Terminal(condition: name)
        default: return Terminal(condition: "remote-stream-error", content: ByteBuffer(bytes: inside))
        }
    }
}

/// The key sequence of sessions without TLS (XEP-0124 §15).
enum BOSHKey {
    /// SHA-1 of the text, in lower-case hexadecimal.
    static func hash(_ text: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: Insecure.SHA1.hash(data: Array(text.utf8)).flatMap {
                [digits[Int($0 >> 4)], digits[Int($0 & 15)]]
            },
            as: UTF8.self)
    }
}
