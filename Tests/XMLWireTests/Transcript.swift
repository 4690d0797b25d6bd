@testable import XMLWire

/// What a scanner reports for a whole input, with everything the frame said at that moment.
struct Transcript: Equatable {
    struct ElementRecord: Equatable {
        var name: String
        var namespace: Span
        var attributes: [AttributeSpan]
        var children: [ChildSpan]
        var childCount: Int
        var startTagEnd: Int32
        var endTagStart: Int32
        var isSelfClosing: Bool
        var usesStreamPrefix: Bool
        var hasPrefixedRoot: Bool
        var bytes: [UInt8]
    }

    enum Entry: Equatable {
        case open
        case element(ElementRecord)
        case close
        case fault(XMLFault)
    }

    var entries: [Entry] = []
    /// Bytes no event has consumed at the end.
    var leftover = 0
    /// White space between elements.
    var whitespace = 0
    /// The scanner's own count of bytes looked at inside elements.
    var examined = 0

    var fault: XMLFault? {
        for case .fault(let fault) in entries { return fault }
        return nil
    }

    var elements: [ElementRecord] {
        entries.compactMap { if case .element(let record) = $0 { record } else { nil } }
    }

    var isClosed: Bool { entries.last == .close }
}

let clientHeader =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    + " xmlns:db='jabber:server:dialback' to='example.com' version='1.0'>"

let roomyLimits = XMLLimits(elementBytes: 100_000, depth: 64)

/// Feeds `input` in pieces that end at the given offsets and at its end. Each piece moves what is unconsumed to new
/// memory of exactly that size, so that a read outside would meet the allocator's bounds.
func transcribe(
    _ input: [UInt8], cuts: [Int] = [], limits: XMLLimits = roomyLimits, scanner: XMLStreamScanner? = nil
) -> Transcript {
    var scanner = scanner ?? XMLStreamScanner(limits: limits)
    let frame = ElementFrame()
    var transcript = Transcript()
    var consumed = 0
    feeding: for end in cuts + [input.count] {
        while true {
            let window = UnsafeMutableRawBufferPointer.allocate(byteCount: end - consumed, alignment: 1)
            defer { window.deallocate() }
            window.copyBytes(from: input[consumed..<end])
            let bytes = UnsafeRawBufferPointer(window)
            switch scanner.next(bytes, frame: frame) {
            case .needMoreBytes: continue feeding
            case .whitespace(let length):
                transcript.whitespace += length
                consumed += length
            case .streamOpen(let length):
                transcript.entries.append(.open)
                consumed += length
            case .element(let length):
                transcript.entries.append(.element(record(frame, UnsafeRawBufferPointer(rebasing: bytes[..<length]))))
                consumed += length
            case .streamClose(let length):
                transcript.entries.append(.close)
                consumed += length
            case .fault(let fault):
                transcript.entries.append(.fault(fault))
                break feeding
            }
        }
    }
    transcript.leftover = transcript.fault == nil ? input.count - consumed : 0
    transcript.examined = frame.bytesExamined
    return transcript
}

private func record(_ frame: ElementFrame, _ bytes: UnsafeRawBufferPointer) -> Transcript.ElementRecord {
    Transcript.ElementRecord(
        name: string(frame.name, bytes), namespace: frame.namespace, attributes: frame.attributes,
        children: frame.children, childCount: frame.childCount, startTagEnd: frame.startTagEnd,
        endTagStart: frame.endTagStart, isSelfClosing: frame.isSelfClosing, usesStreamPrefix: frame.usesStreamPrefix,
        hasPrefixedRoot: frame.hasPrefixedRoot, bytes: Array(bytes))
}

func string(_ span: Span, _ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: span.slice(of: bytes), as: UTF8.self)
}

extension Transcript.ElementRecord {
    func text(_ span: Span) -> String { bytes.withUnsafeBytes { string(span, $0) } }
}

/// A scanner that has read `clientHeader`.
func openScanner(limits: XMLLimits = roomyLimits) -> XMLStreamScanner {
    var scanner = XMLStreamScanner(limits: limits)
    let event = Array(clientHeader.utf8).withUnsafeBytes { scanner.next($0, frame: ElementFrame()) }
    precondition(event == .streamOpen(length: clientHeader.utf8.count))
    return scanner
}

/// The result for `stanza` inside an open stream: fed whole, at every single cut, and byte by byte.
///
/// - Returns: the transcript, and whether every way of feeding gave the same.
func transcribeEveryWay(_ stanza: [UInt8], limits: XMLLimits = roomyLimits) -> (Transcript, isStable: Bool) {
    func run(_ cuts: [Int]) -> Transcript {
        var transcript = transcribe(stanza, cuts: cuts, scanner: openScanner(limits: limits))
        transcript.examined = 0
        return transcript
    }
    let whole = run([])
    var isStable = run(Array(stanza.indices.dropFirst())) == whole
    for cut in stanza.indices.dropFirst() where run([cut]) != whole { isStable = false }
    return (whole, isStable)
}
