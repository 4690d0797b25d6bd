import NIOCore
import Testing
import XMLWire

@testable import XMPPServer

@Suite("Output in pieces")
struct StreamCutterTests {
    /// `(…)` for a header with its id, `/` for the end, otherwise the element as it would be sent alone.
    private func cut(_ cutter: inout StreamCutter, _ text: String) throws -> [String] {
        var pieces: [String] = []
        try Array(text.utf8).withUnsafeBytes { bytes in
            try cutter.cut(bytes, frame: ElementFrame()) { piece in
                switch piece {
                case .open(let header): pieces.append("(\(header.id ?? ""))")
                case .close: pieces.append("/")
                case .element(let bytes, let frame):
                    var buffer = ByteBuffer()
                    StreamCutter.writeAlone(bytes, frame, into: &buffer)
                    pieces.append(String(buffer: buffer))
                }
            }
        }
        return pieces
    }

    private let header =
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='"

    @Test("headers, elements and the end come out one by one, also when a new stream begins behind an old one")
    func pieces() throws {
        var cutter = StreamCutter()
        #expect(try cut(&cutter, header + "1'>") == ["(1)"])
        #expect(
            try cut(&cutter, "<a xmlns='urn:a'/> <b xmlns='urn:b'>1</b>") == [
                "<a xmlns='urn:a'/>", "<b xmlns='urn:b'>1</b>",
            ])
        #expect(
            try cut(&cutter, "<s xmlns='urn:s'/>" + header + "2'><c xmlns='urn:c'/></stream:stream>") == [
                "<s xmlns='urn:s'/>", "(2)", "<c xmlns='urn:c'/>", "/",
            ])
    }

    @Test("an element gets the declarations that it took from the header, and no others")
    func declarations() throws {
        var cutter = StreamCutter()
        _ = try cut(&cutter, header + "1'>")
        let stream = "xmlns:stream='http://etherx.jabber.org/streams'"
        for (element, alone) in [
            (
                "<message to='a'><body>x</body></message>",
                "<message xmlns='jabber:client' to='a'><body>x</body></message>"
            ),
            ("<presence/>", "<presence xmlns='jabber:client'/>"),
            ("<iq xmlns='jabber:client' id='1'/>", "<iq xmlns='jabber:client' id='1'/>"),
            ("<r xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:3'/>"),
            ("<x xmlns=''/>", "<x xmlns=''/>"),
            (
                "<stream:features><a xmlns='urn:a'/></stream:features>",
                "<stream:features \(stream)><a xmlns='urn:a'/></stream:features>"
            ),
            ("<message><stream:x/></message>", "<message xmlns='jabber:client' \(stream)><stream:x/></message>"),
            ("<p:x xmlns:p='urn:p'/>", "<p:x xmlns:p='urn:p'/>"),
        ] {
            #expect(try cut(&cutter, element) == [alone])
        }
    }

    @Test("output that is not whole is a fault")
    func incomplete() throws {
        var cutter = StreamCutter()
        _ = try cut(&cutter, header + "1'>")
        #expect(throws: XMLFault.self) { try cut(&cutter, "<message><body>") }
    }

    @Test("a header made for a client is read as the client meant it, and refused where none may come")
    func openings() throws {
        var scanner = XMLStreamScanner(limits: XMLLimits(elementBytes: 10_000, depth: 10))
        let opening = StreamOpening.header(to: "a&b", from: nil, version: "1.0", language: "en")
        let event = opening.withUnsafeReadableBytes { scanner.next($0, frame: ElementFrame()) }
        #expect(event == .streamOpen(length: opening.readableBytes))
        #expect(scanner.header?.to == "a&b" && scanner.header?.version == "1.0" && scanner.header?.lang == "en")
        #expect(scanner.header?.defaultNamespace == "jabber:client" && scanner.header?.from == nil)
        guard case .fault = opening.withUnsafeReadableBytes({ scanner.next($0, frame: ElementFrame()) }) else {
            Issue.record("a second header was taken for an element")
            return
        }
    }
}
