import NIOCore
import XMLWire
import XMPPWire

/// One `<body/>` of a BOSH client (XEP-0124 §6), its payloads ready for the stream.
struct BOSHRequest {
    static let namespace = "http://jabber.org/protocol/httpbind"
    /// 2^53 - 1 (XEP-0124 §14.1).
    static let highestID: Int64 = 9_007_199_254_740_991

    private var attributes: XMLElement
    /// Complete elements, each as it may stand in a stream of `jabber:client`.
    private(set) var payloads = ByteBuffer()

    /// Reads the body of an HTTP request.
    ///
    /// - Throws: when it is anything but one sound `<body/>` with elements inside: `bad-request`.
    init(_ data: ByteBuffer, limits: XMLLimits, frame: ElementFrame) throws {
        var attributes = XMLElement("body", namespace: Self.namespace)
        var payloads = ByteBuffer()
        try data.withUnsafeReadableBytes { all in
            let bytes = UnsafeRawBufferPointer(rebasing: all[Self.begin(of: all)...])
            attributes = try Self.readRoot(bytes, limits, frame)
            guard !frame.isSelfClosing else { return }
            try Self.readPayloads(bytes, limits, frame, into: &payloads)
        }
        self.attributes = attributes
        self.payloads = payloads
    }

    /// White space and an XML declaration may come first.
    private static func begin(of bytes: UnsafeRawBufferPointer) -> Int {
        var index = 0
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        while index < bytes.count, [32, 9, 10, 13].contains(bytes[index]) { index += 1 }
        guard bytes[index...].starts(with: Array("<?xml ".utf8)) else { return index }
        guard let end = bytes[index...].firstIndex(of: 0x3E) else { return bytes.count }
        index = end + 1
        while index < bytes.count, [32, 9, 10, 13].contains(bytes[index]) { index += 1 }
        return index
    }

    /// Checks the whole and returns its start tag.
    private static func readRoot(
        _ bytes: UnsafeRawBufferPointer, _ limits: XMLLimits, _ frame: ElementFrame
    ) throws -> XMLElement {
        var scanner = StreamOpening.scanner
        scanner.limits = limits
        switch scanner.next(bytes, frame: frame) {
        case .element(let length):
            guard bytes[length...].allSatisfy({ [32, 9, 10, 13].contains($0) }) else {
                throw XMLFault.notWellFormed("data behind the body")
            }
        case .fault(let fault): throw fault
        default:
            frame.reset()
            throw XMLFault.notWellFormed("not a complete element")
        }
        guard frame.nameEquals("body", in: bytes),
            frame.namespace.equals("http://jabber.org/protocol/httpbind", in: bytes)
        else { throw XMLFault.notWellFormed("not a body of \(namespace)") }
        let end = Int(frame.startTagEnd)
        let tag = Array(bytes[..<(frame.isSelfClosing ? end - 2 : end - 1)]) + Array("/>".utf8)
        return try tag.withUnsafeBytes { tag in
            try XMLElement(parsing: tag, streamDefaultNamespace: "", streamPrefixes: [])
        }
    }

    private static func readPayloads(
        _ bytes: UnsafeRawBufferPointer, _ limits: XMLLimits, _ frame: ElementFrame, into payloads: inout ByteBuffer
    ) throws {
        var scanner = XMLStreamScanner(limits: limits)
        var offset = 0
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch scanner.next(rest, frame: frame) {
            case .streamOpen(let length), .whitespace(let length): offset += length
            case .element(let length):
                let payload = UnsafeRawBufferPointer(rebasing: rest[..<length])
                if frame.usesStreamPrefix, let header = scanner.header {
                    // It leans on a prefix of the body, which the stream does not have.
                    let element = try XMLElement(
                        parsing: payload, streamDefaultNamespace: XMPPNamespace.client,
                        streamPrefixes: header.extraPrefixes)
                    element.write(into: &payloads, inheritedNamespace: XMPPNamespace.client)
                } else {
                    payloads.writeBytes(payload)
                }
                offset += length
            case .streamClose: return
            case .fault(let fault): throw fault
            case .needMoreBytes: throw XMLFault.notWellFormed("not a complete element")
            }
        }
    }

    // MARK: Attributes

    var isEmpty: Bool { payloads.readableBytes == 0 }

    /// Request id, 1 … 2^53 - 1; nil when missing or not such a number.
    var rid: Int64? { Self.id(attributes["rid"]) }
    /// Session id; nil when the client asks for a new session.
    var sid: String? { attributes["sid"] }
    /// Highest request whose response the client has, all before it included.
    var ack: Int64? { Self.id(attributes["ack"]) }
    var to: String? { attributes["to"] }
    var from: String? { attributes["from"] }
    var language: String? { attributes["xml:lang"] }
    var content: String? { attributes["content"] }
    var key: String? { attributes["key"] }
    var newKey: String? { attributes["newkey"] }
    var wait: Int? { number("wait") }
    var hold: Int? { number("hold") }
    var pause: Int? { number("pause") }
    var isTerminate: Bool { attributes["type"] == "terminate" }
    /// XEP-0206 §5.
    var isRestart: Bool { ["true", "1"].contains(bound("restart")) }
    /// `version` of the XMPP stream, as in its header.
    var version: String? { bound("version") }
    /// Of BOSH, as major and minor.
    var ver: (major: Int, minor: Int)? {
        guard let parts = attributes["ver"]?.split(separator: "."), parts.count == 2, let major = Int(parts[0]),
            let minor = Int(parts[1])
        else { return nil }
        return (major, minor)
    }

    /// Nil when missing, negative or absurdly large.
    private func number(_ name: String) -> Int? {
        attributes[name].flatMap { Int($0) }.flatMap { (0...1_000_000).contains($0) ? $0 : nil }
    }

    private static func id(_ text: String?) -> Int64? {
        text.flatMap { Int64($0) }.flatMap { (1...highestID).contains($0) ? $0 : nil }
    }

    private func bound(_ name: String) -> String? {
        attributes.attributes.first {
            $0.namespace == "urn:xmpp:xbosh" && $0.name.split(separator: ":").last.map(String.init) == name
        }?.value
    }
}
