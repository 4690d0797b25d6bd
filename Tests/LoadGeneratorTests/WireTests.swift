import Testing

@testable import LoadGenerator

@Suite("Framing a stream")
struct ElementFramerTests {
    static let stream =
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' id=\"a>b\" version='1.0'> \n"
        + "<message a='/>' b=\"'>\"><body>x &lt; y</body><x/></message><iq/><presence><c><![CDATA[</c> ]] > <q>]]></c>"
        + "</presence></stream:stream>"

    /// What comes out when `text` arrives in pieces of `size` bytes: elements as text, and the end of the stream.
    static func events(_ text: String, piece size: Int) -> [String] {
        var framer = ElementFramer()
        var events: [String] = []
        var buffer: [UInt8] = []
        var rest = ArraySlice(Array(text.utf8))
        while !rest.isEmpty {
            buffer += rest.prefix(size)
            rest = rest.dropFirst(size)
            buffer.withUnsafeBytes { bytes in
                while let event = framer.next(in: bytes) {
                    switch event {
                    case .element(let start, let tagEnd, let end):
                        events.append(bytes.part(start, end).text())
                        events.append(bytes.part(start, tagEnd).text())
                    case .streamClosed: events.append("closed")
                    case .tooLong: events.append("too long")
                    }
                }
            }
            buffer.removeFirst(framer.consumed)
            framer.rebase()
        }
        return events
    }

    @Test("elements are the same in pieces of any size", arguments: [1, 2, 3, 5, 7, 16, 61, 4_096])
    func pieces(size: Int) {
        #expect(
            Self.events(Self.stream, piece: size) == [
                "<message a='/>' b=\"'>\"><body>x &lt; y</body><x/></message>", "<message a='/>' b=\"'>\">",
                "<iq/>", "<iq/>",
                "<presence><c><![CDATA[</c> ]] > <q>]]></c></presence>", "<presence>",
                "closed",
            ])
    }

    @Test("whitespace between elements is given back at once")
    func whitespace() {
        var framer = ElementFramer()
        let event = Array("<s:s>   \n".utf8).withUnsafeBytes { framer.next(in: $0) }
        #expect(event == nil)
        #expect(framer.consumed == 9)
    }

    @Test("an element without an end is refused at the limit")
    func tooLong() {
        var framer = ElementFramer()
        let bytes = Array("<s:s><message>".utf8) + [UInt8](repeating: 0x20, count: ElementFramer.limit)
        let event = bytes.withUnsafeBytes { framer.next(in: $0) }
        #expect(event == .tooLong)
    }

    @Test("a stream that begins anew is framed from its own start tag")
    func restart() {
        var framer = ElementFramer()
        let before = Array("<s:s><proceed/>".utf8).withUnsafeBytes { framer.next(in: $0) }
        #expect(before == .element(start: 5, tagEnd: 15, end: 15))
        framer.reset()
        let after = Array("<s:s><a/>".utf8).withUnsafeBytes { framer.next(in: $0) }
        #expect(after == .element(start: 5, tagEnd: 9, end: 9))
    }

    @Test("end tags without a start do not trap")
    func unbalanced() {
        #expect(ElementFramerTests.events("</a></b></c>", piece: 3) == ["closed", "closed", "closed"])
    }
}

@Suite("Elements")
struct ElementTests {
    /// Calls `body` with `text` as one element.
    static func with(_ text: String, _ body: (Element) -> Void) {
        Array(text.utf8).withUnsafeBytes { bytes in
            guard let end = bytes.offset(of: UInt8(ascii: ">"), from: 0) else { return }
            body(Element(bytes: bytes, tagEnd: end + 1))
        }
    }

    @Test(
        "the kind is the local name, whatever the prefix",
        arguments: [
            ("<message to='a'/>", Element.Kind.message), ("<iq\n/>", .iq), ("<presence/>", .presence),
            ("<stream:features/>", .features), ("<features>", .features), ("<stream:error>", .streamError),
            ("<r xmlns='urn:xmpp:sm:3'/>", .ackRequest), ("<a h='1'/>", .ack), ("<enabled/>", .enabled),
            ("<failed/>", .failed), ("<failure>", .failure), ("<success>", .success), ("<challenge>", .challenge),
            ("<proceed/>", .proceed), ("<messages/>", .other), ("<x/>", .other), ("<>", .other),
        ])
    func kind(text: String, kind: Element.Kind) {
        Self.with(text) { #expect($0.kind == kind) }
    }

    @Test("an attribute is found by its whole name and outside values")
    func attribute() {
        Self.with("<iq xtype='no' from=\" type='never' \" type = 'result' id=''/>") { element in
            #expect(element.attribute("type")?.text() == "result")
            #expect(element.attribute("from")?.text() == " type='never' ")
            #expect(element.attribute("id")?.text() == "")
            #expect(element.attribute("to") == nil)
        }
    }

    @Test(
        "broken attributes are absent, not fatal", arguments: ["<iq type>", "<iq type=>", "<iq type='a>", "<iq =''>"])
    func broken(text: String) {
        Self.with(text) { #expect($0.attribute("type") == nil) }
    }

    @Test("text is what stands before the next tag")
    func text() {
        Self.with("<challenge>cj0=</challenge>") { #expect($0.text.text() == "cj0=") }
        Self.with("<challenge/>") { #expect($0.text.isEmpty) }
    }
}

@Suite("Stamps")
struct StampTests {
    static let mark = Stamp.Mark(run: 0x0BAD_CAFE)

    static func written(_ stamp: Stamp) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Stamp.length)
        bytes.withUnsafeMutableBytes { stamp.write(to: $0, mark: mark) }
        return bytes
    }

    @Test("what is written is read back", arguments: [(0, UInt32(0), UInt64(0)), (0xFF_FFFF, .max, .max), (7, 8, 9)])
    func roundTrip(sender: Int, sequence: UInt32, time: UInt64) {
        let stamp = Stamp(sender: sender, sequence: sequence, time: time)
        let bytes = Array("<body>".utf8) + Self.written(stamp) + Array("...</body>".utf8)
        bytes.withUnsafeBytes { #expect(Stamp.find(in: $0, from: 0, mark: Self.mark) == .found(stamp)) }
    }

    @Test("the layout is the documented one")
    func layout() {
        let text = String(decoding: Self.written(Stamp(sender: 10, sequence: 255, time: 4_096)), as: UTF8.self)
        #expect(text == "rb:0badcafe:00000a:000000ff:0000000000001000")
    }

    @Test("another run's stamp is not seen, a cut or changed one is reported")
    func strangers() {
        let bytes = Self.written(Stamp(sender: 1, sequence: 2, time: 3))
        bytes.withUnsafeBytes { #expect(Stamp.find(in: $0, from: 0, mark: Stamp.Mark(run: 1)) == .absent) }
        bytes.dropLast().withUnsafeBytes { #expect(Stamp.find(in: $0, from: 0, mark: Self.mark) == .damaged) }
        var changed = bytes
        changed[20] = UInt8(ascii: "g")
        changed.withUnsafeBytes { #expect(Stamp.find(in: $0, from: 0, mark: Self.mark) == .damaged) }
    }
}
