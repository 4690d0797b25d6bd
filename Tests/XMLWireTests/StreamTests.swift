import Testing

@testable import XMLWire

@Suite("Streams: header, limits, end")
struct StreamTests {
    private func header(_ text: String) -> (XMLStreamScanner.Event, XMLStreamScanner.StreamHeader?) {
        var scanner = XMLStreamScanner(limits: roomyLimits)
        let event = Array(text.utf8).withUnsafeBytes { scanner.next($0, frame: ElementFrame()) }
        return (event, scanner.header)
    }

    /// Fed whole, cut at every place and byte by byte, from the very first byte.
    private func everyWay(_ input: [UInt8], limits: XMLLimits = roomyLimits) -> (Transcript, isStable: Bool) {
        func run(_ cuts: [Int]) -> Transcript {
            var transcript = transcribe(input, cuts: cuts, limits: limits)
            transcript.examined = 0
            return transcript
        }
        let whole = run([])
        let isStable =
            input.indices.dropFirst().allSatisfy { run([$0]) == whole }
            && run(Array(input.indices.dropFirst())) == whole
        return (whole, isStable)
    }

    @Test("the header's attributes and namespaces are read and unescaped")
    func headerDetails() throws {
        let text =
            "<?xml version='1.0' encoding='UTF-8'?>\n<stream:stream from='juliet@im.example.com' to='im.example.com' id='a&lt;b'"
            + " version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
            + " xmlns:db='jabber:server:dialback' xmlns:x='urn:x' other='y'>"
        let (event, found) = header(text)
        let header = try #require(found)
        #expect(event == .streamOpen(length: text.utf8.count))
        #expect(header.name == "stream" && header.prefix == "stream" && header.qualifiedName == "stream:stream")
        #expect(header.to == "im.example.com" && header.from == "juliet@im.example.com")
        #expect(header.id == "a<b" && header.version == "1.0" && header.lang == "en")
        #expect(header.defaultNamespace == "jabber:client")
        #expect(header.streamNamespace == "http://etherx.jabber.org/streams")
        #expect(header.extraPrefixes.map(\.prefix) == ["db", "x"])
        #expect(header.extraPrefixes.map(\.uri) == ["jabber:server:dialback", "urn:x"])
    }

    @Test("an unprefixed root and a missing default namespace are told")
    func unusualHeaders() throws {
        let plain = try #require(header("<stream xmlns='http://etherx.jabber.org/streams'>").1)
        #expect(plain.prefix.isEmpty && plain.qualifiedName == "stream")
        #expect(plain.streamNamespace == "http://etherx.jabber.org/streams")
        #expect(plain.defaultNamespace == plain.streamNamespace)
        let bare = try #require(header("<s:stream xmlns:s='urn:s'>").1)
        #expect(bare.defaultNamespace == nil && bare.to == nil && bare.version == nil)
        #expect(header("<stream>").1?.streamNamespace == "")
    }

    static let declarations: [(String, XMLFault?)] = [
        ("<?xml version='1.0'?>", nil), ("<?xml version=\"1.0\" encoding=\"utf-8\"?>", nil),
        ("<?xml version = '1.1' encoding='UTF-8' standalone='yes' ?>", nil),
        ("<?xml version='1.0' standalone='no'?>\r\n\t ", nil),
        ("<?xml version='1.0' encoding='ISO-8859-1'?>", .unsupportedEncoding),
        ("<?xml version='1.0' encoding='UTF-16'?>", .unsupportedEncoding),
        ("<?xml version='2.0'?>", .notWellFormed("unknown XML version")),
        ("<?xml version='1.'?>", .notWellFormed("unknown XML version")),
        ("<?xml encoding='UTF-8'?>", .notWellFormed("malformed XML declaration")),
        ("<?xml version='1.0' encoding=UTF-8?>", .notWellFormed("malformed XML declaration")),
        ("<?xml version='1.0'encoding='UTF-8'?>", .notWellFormed("malformed XML declaration")),
        ("<?xml version='1.0' standalone='maybe'?>", .notWellFormed("malformed XML declaration")),
        ("<?xml version='1.0' x='y'?>", .notWellFormed("malformed XML declaration")),
        ("<?xml version='1.0?>", .notWellFormed("malformed XML declaration")),
        ("<?xml ?>", .notWellFormed("malformed XML declaration")),
        ("<?xmlx version='1.0'?>", .restricted("processing instruction")),
        ("<?x?>", .restricted("processing instruction")),
        ("<?xml version='1.0'?><?x?>", .restricted("processing instruction")),
        ("<?xml version='1.0'?><!-- -->", .restricted("comment")), ("<!-- -->", .restricted("comment")),
        ("<!DOCTYPE a>", .restricted("document type declaration")),
        ("<?xml version='1.0'?>x", .notWellFormed("character data before the stream header")),
        (" <?xml version='1.0'?>", .notWellFormed("XML declaration is not at the start")),
        ("\u{FEFF}", .notWellFormed("character data before the stream header")),
        ("GET / HTTP/1.1\r\n", .notWellFormed("character data before the stream header")),
        ("</stream:stream>", .notWellFormed("end tag before the stream header")), ("  ", nil),
    ]

    @Test("what may and may not stand before the header", arguments: declarations)
    func prolog(_ prolog: String, _ fault: XMLFault?) {
        let (transcript, isStable) = everyWay(Array((prolog + "<s:s xmlns:s='urn:s'>").utf8))
        #expect(transcript.fault == fault)
        #expect(transcript.entries.first == (fault.map { .fault($0) } ?? .open))
        #expect(isStable)
    }

    @Test(
        "other encodings are recognized by their first bytes",
        arguments: [
            [0xFE, 0xFF, 0, 0x3C], [0xFF, 0xFE, 0x3C, 0], [0, 0, 0xFE, 0xFF], [0x3C, 0, 0x3F, 0], [0, 0x3C, 0, 0x3F],
        ] as [[UInt8]])
    func otherEncodings(_ bytes: [UInt8]) {
        let (transcript, isStable) = everyWay(bytes)
        #expect(transcript.fault == .unsupportedEncoding)
        #expect(isStable)
    }

    @Test("a declaration without an end, an empty header and an unbound root prefix are refused")
    func badHeaders() {
        let endless = "<?xml version='1.0'" + String(repeating: " ", count: 300)
        #expect(transcribe(Array(endless.utf8)).fault == .notWellFormed("XML declaration is too long"))
        #expect(
            transcribe(Array("<s:s xmlns:s='urn:s'/>".utf8)).fault
                == .notWellFormed("the stream header is an empty element"))
        #expect(transcribe(Array("<stream:stream>".utf8)).fault == .badNamespacePrefix)
        let long = String(repeating: "n", count: 300)
        #expect(transcribe(Array("<\(long)>".utf8)).fault == .tooLarge)
    }

    @Test("a whole stream reads the same however it is split")
    func wholeStream() {
        let input = clientHeader + " \n<a x='1'>é&#65;<b/></a>\n<presence/><![CDATA"
        let (faulty, isStableFault) = everyWay(Array(input.dropLast(8).utf8) + Array(" </stream:stream\n>\n ".utf8))
        #expect(isStableFault)
        #expect(faulty.fault == nil)
        #expect(faulty.isClosed)
        #expect(faulty.elements.map(\.name) == ["a", "presence"])
        #expect(faulty.whitespace == 6)
    }

    @Test("white space is reported as such and needs no frame")
    func whitespace() {
        var scanner = openScanner()
        let frame = ElementFrame()
        Array(" \n\t\r<".utf8).withUnsafeBytes {
            #expect(scanner.next($0, frame: frame) == .whitespace(length: 4))
            #expect(scanner.next(UnsafeRawBufferPointer(rebasing: $0[4...]), frame: frame) == .needMoreBytes)
        }
        #expect(!frame.isInProgress)
        #expect(scanner.next(UnsafeRawBufferPointer(start: nil, count: 0), frame: frame) == .needMoreBytes)
    }

    @Test("after a restart a new declaration and header are expected, old white space is forgiven")
    func restart() {
        var scanner = openScanner()
        scanner.restart()
        #expect(scanner.header == nil)
        let transcript = transcribe(
            Array(("\n" + clientHeader.replacing("example.com", with: "example.org") + "<a/>").utf8), scanner: scanner)
        #expect(transcript.entries.first == .open)
        #expect(transcript.elements.count == 1)
        #expect(transcript.whitespace == 1)
    }

    @Test("an element may be as long as the limit and not a byte longer, complete or not")
    func elementBytes() {
        let limits = XMLLimits(elementBytes: 20, depth: 4)
        let fitting = "<a>" + String(repeating: "x", count: 13) + "</a>"
        var scanner = openScanner()
        scanner.limits = limits
        #expect(transcribe(Array((fitting + fitting).utf8), scanner: scanner).elements.count == 2)
        for long in ["<a>" + String(repeating: "x", count: 14) + "</a>", "<a>" + String(repeating: "x", count: 18)] {
            for cuts in [[], [10], Array(1..<long.utf8.count)] {
                #expect(transcribe(Array(long.utf8), cuts: cuts, scanner: scanner).fault == .tooLarge)
            }
        }
        #expect(transcribe(Array("<a>xxxxxxxxxxxxxxxxx".utf8), scanner: scanner).fault == nil)
        #expect(transcribe(Array(clientHeader.utf8), limits: limits).fault == .tooLarge)
    }

    @Test("nesting and attributes are bounded")
    func depthAndAttributes() {
        var scanner = openScanner()
        scanner.limits = XMLLimits(elementBytes: 1000, depth: 3, attributes: 2)
        #expect(transcribe(Array("<a><b><c/></b></a>".utf8), scanner: scanner).fault == nil)
        #expect(transcribe(Array("<a><b><c><d/>".utf8), scanner: scanner).fault == .tooDeep)
        #expect(transcribe(Array("<a b='1' c='2'/>".utf8), scanner: scanner).fault == nil)
        #expect(transcribe(Array("<a b='1' c='2' d".utf8), scanner: scanner).fault == .tooDeep)
    }

    @Test("namespace declarations in force are bounded, those that went out of force do not count")
    func boundedDeclarations() {
        var scanner = openScanner()
        scanner.limits = XMLLimits(elementBytes: 10_000, depth: 3, attributes: 3)
        let three = "xmlns:p='urn:p' xmlns:q='urn:q' xmlns:r='urn:r'"
        let siblings = String(repeating: "<b \(three)><c \(three)/></b>", count: 10)
        #expect(transcribe(Array("<a>\(siblings)</a>".utf8), scanner: scanner).fault == nil)
        #expect(
            transcribe(Array("<a \(three)><b \(three)><c xmlns='urn:c'/>".utf8), scanner: scanner).fault == .tooDeep)
        let prefixes = (0..<17).map { "xmlns:p\($0)='urn:x'" }.joined(separator: " ")
        #expect(transcribe(Array("<s:s xmlns:s='urn:s' \(prefixes)>".utf8)).fault == .tooDeep)
    }

    @Test("an element dripping in byte by byte is looked at once, not anew each time")
    func dripCost() {
        let attributes = (0..<40).map { "attribute\($0)='\(String(repeating: "v", count: 40))'" }.joined(
            separator: "  ")
        let stanza = Array(
            "<message \(attributes)><body>\(String(repeating: "long text &amp; é ", count: 300))</body></message>".utf8)
        let whole = transcribe(stanza, scanner: openScanner())
        #expect(whole.examined == stanza.count - 1)
        let dripped = transcribe(stanza, cuts: Array(1..<stanza.count), scanner: openScanner())
        #expect(dripped.elements == whole.elements)
        // References and multi-byte characters may be read again, at most their own few bytes each time.
        #expect(dripped.examined < stanza.count * 3)
    }

    @Test("a dripping header and its white space are looked at once")
    func headerDripCost() {
        let input = Array(
            ("<?xml version='1.0'?>" + String(repeating: " ", count: 5000) + clientHeader.dropFirst(21)).utf8)
        let dripped = transcribe(input, cuts: Array(1..<input.count))
        #expect(dripped.entries == [.open])
        #expect(dripped.examined < input.count * 2)
    }

    @Test("a fault frees the frame for other streams")
    func faultFreesFrame() {
        var scanner = openScanner()
        let frame = ElementFrame()
        Array("<a><b></c".utf8).withUnsafeBytes {
            #expect(scanner.next(UnsafeRawBufferPointer(rebasing: $0[..<5]), frame: frame) == .needMoreBytes)
            #expect(frame.isInProgress)
            #expect(scanner.next($0, frame: frame) == .fault(.notWellFormed("end tag does not match")))
        }
        #expect(!frame.isInProgress)
    }

    @Test("an idle scanner is small")
    func size() {
        #expect(MemoryLayout<XMLStreamScanner>.size < 64)
    }
}
