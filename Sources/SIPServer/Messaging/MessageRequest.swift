import IMCore
import Interworking
import NIOCore
import SIPWire
import XMPPWire

/// Writes a MESSAGE of ours (RFC 3428 §4), whole but for its Via.
struct MessageRequest {
    /// Request-URI.
    var target: SIPBytes
    /// URIs without brackets.
    var from: [UInt8]
    var to: [UInt8]
    /// Route values with commas between; empty for none.
    var route = SIPBytes.empty
    /// When it was sent, if not now; milliseconds since 1970.
    var date: Int64?

    init(target: SIPBytes, from: [UInt8], to: [UInt8]) {
        self.target = target
        self.from = from
        self.to = to
    }

    /// - Parameter name: of the message, for Call-ID and tag; nil makes one.
    func build(_ content: PagerContent, name: [UInt8]?, _ handler: MessageHandler) -> OutgoingRequest {
        let sequence = handler.nextSequence()
        let name = name ?? handler.router.journal.names.name(of: handler.router.journal.nextID())
        var builder = SIPRequestBuilder(
            .message, target, into: handler.server.allocator.buffer(capacity: content.body.count + 512))
        if !route.isEmpty { builder.add(.route, route) }
        builder.add(.maxForwards, number: handler.server.config.maxForwards)
        builder.add(.from) { buffer in
            buffer.writeInteger(UInt8(0x3C))
            buffer.writeBytes(from)
            buffer.writeStaticString(">;tag=")
            buffer.writeBytes(name)
            // A copy for another contact must not look like the same request there (RFC 3261 §8.2.2.2).
            buffer.writeStaticString(".")
            buffer.writeString(String(sequence, radix: 36))
        }
        builder.add(.to) { buffer in
            buffer.writeInteger(UInt8(0x3C))
            buffer.writeBytes(to)
            buffer.writeInteger(UInt8(0x3E))
        }
        builder.add(.callID, content.callID.isEmpty ? name : content.callID)
        builder.addCSeq(sequence, .message)
        if let date { builder.add(.date, SIPDate.text(max(0, date) / 1_000)) }
        if !content.subject.isEmpty { builder.add(.subject, content.subject) }
        if !content.language.isEmpty { builder.add(.contentLanguage, content.language) }
        builder.add(.contentType, content.type)
        builder.add(.contentLength, number: content.body.count)
        return OutgoingRequest(method: .message, bytes: builder.finishRaw(body: SIPBytes(content.body)))
    }

    /// The URI of who is behind an address: without resource, so that clients find the person in their lists.
    ///
    /// DEVIATION RFC 7572 §4: the resource is left out towards our own users' clients, most of which compare whole URIs; an
    /// answer finds its way by the lock of the conversation (`ForkingPolicy`).
    static func uri(of address: [UInt8], _ scheme: StaticString = "sip") -> [UInt8] {
        address.withUnsafeBytes { raw in
            let end = raw.firstIndex(of: 0x2F) ?? raw.count
            let uri = AddressMapping.uri(ofBareAddress: UnsafeRawBufferPointer(rebasing: raw[..<end]))
            guard scheme.utf8CodeUnitCount == 2 else { return uri }
            return Array("im".utf8) + uri.dropFirst(3)
        }
    }
}
