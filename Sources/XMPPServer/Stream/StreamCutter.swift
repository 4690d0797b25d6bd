import NIOCore
import XMLWire
import XMPPWire

/// Cuts the bytes that a session writes into pieces that stand alone, for links that carry no XML stream.
struct StreamCutter {
    enum Piece {
        case open(XMLStreamScanner.StreamHeader)
        /// One element; valid during the call, together with its index.
        case element(UnsafeRawBufferPointer, ElementFrame)
        case close
    }

    // What the server writes is its own: bounds would only turn a large answer into a fault.
    private var scanner = XMLStreamScanner(
        limits: XMLLimits(elementBytes: Int(Int32.max), depth: 4_096, attributes: 4_096))

    /// - Parameters:
    ///   - bytes: whole pieces.
    ///   - frame: one that nobody uses meanwhile.
    ///   - take: must not write to the session.
    /// - Throws: when the server wrote something that is not XML, which is a fault of its own.
    mutating func cut(
        _ bytes: UnsafeRawBufferPointer, frame: ElementFrame, _ take: (Piece) -> Void
    ) throws {
        var offset = 0
        while offset < bytes.count {
            // The server begins each of its stream headers with an XML declaration.
            if offset + 1 < bytes.count, bytes[offset] == 0x3C, bytes[offset + 1] == 0x3F { scanner.restart() }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch scanner.next(rest, frame: frame) {
            case .needMoreBytes:
                frame.reset()
                throw XMLFault.notWellFormed("an incomplete element")
            case .whitespace(let length): offset += length
            case .streamOpen(let length):
                offset += length
                if let header = scanner.header { take(.open(header)) }
            case .element(let length):
                take(.element(UnsafeRawBufferPointer(rebasing: rest[..<length]), frame))
                offset += length
            case .streamClose(let length):
                offset += length
                take(.close)
            case .fault(let fault): throw fault
            }
        }
    }

    /// Appends an element with the declarations that it took from the stream header (RFC 7395 §3.3.3).
    static func writeAlone(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, into buffer: inout ByteBuffer
    ) {
        let nameEnd = Int(frame.name.end)
        buffer.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<nameEnd]))
        if frame.namespace == .none, !frame.hasPrefixedRoot { buffer.writeStaticString(" xmlns='jabber:client'") }
        if frame.usesStreamPrefix {
            buffer.writeStaticString(" xmlns:stream='http://etherx.jabber.org/streams'")
        }
        buffer.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[nameEnd...]))
    }
}

/// The stream header that a client with another link than TCP would have sent.
enum StreamOpening {
    /// It begins with a declaration: where no header may come, the scanner refuses it instead of taking it for an
    /// element.
    static func header(to: String?, from: String?, version: String?, language: String?) -> ByteBuffer {
        var xml = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='\(XMPPNamespace.stream)'"
        for (name, value) in [("to", to), ("from", from), ("version", version), ("xml:lang", language)] {
            if let value { xml += " \(name)='\(XMLText.escape(value))'" }
        }
        return ByteBuffer(string: xml + ">")
    }

    static let end = ByteBuffer(string: "</stream:stream>")

    /// A scanner behind a stream header, for elements that arrive one by one.
    static let scanner: XMLStreamScanner = {
        var scanner = XMLStreamScanner(limits: XMLLimits(elementBytes: 65_536, depth: 128))
        _ = StandaloneElement.streamHeader.withUnsafeBytes { scanner.next($0, frame: ElementFrame()) }
        return scanner
    }()
}
