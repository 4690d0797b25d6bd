@testable import XMLWire

/// Runs the scanner, and the tree parser on each element, over an input inside a stream.
struct ScannerRun {
    var verdict = Verdict()
    /// Contradictions among our own parts; must stay empty.
    var contradictions: [String] = []

    /// - Parameters:
    ///   - cuts: ascending offsets into `input` at which more bytes arrive.
    ///   - isThorough: also checks trees, indexes and what the writer makes of them.
    init(on input: [UInt8], cuts: [Int] = [], isThorough: Bool = false) {
        var scanner = XMLStreamScanner(limits: XMLLimits(elementBytes: 1 << 20, depth: 250, attributes: 250))
        let frame = ElementFrame()
        _ = streamHeader.withUnsafeBytes { scanner.next($0, frame: frame) }
        var consumed = 0
        feeding: for end in cuts + [input.count] {
            while true {
                // A copy of exact size: a read outside would leave the allocation.
                let window = UnsafeMutableRawBufferPointer.allocate(byteCount: end - consumed, alignment: 1)
                defer { window.deallocate() }
                window.copyBytes(from: input[consumed..<end])
                let bytes = UnsafeRawBufferPointer(window)
                switch scanner.next(bytes, frame: frame) {
                case .needMoreBytes: continue feeding
                case .whitespace(let length): consumed += length
                case .streamOpen: contradictions.append("a second stream header")
                case .streamClose(let length):
                    verdict.isClosed = true
                    consumed += length
                case .element(let length):
                    check(UnsafeRawBufferPointer(rebasing: bytes[..<length]), frame, isThorough: isThorough)
                    consumed += length
                case .fault(let fault):
                    refuse(fault)
                    return
                }
            }
        }
        verdict.position = consumed
    }

    private mutating func refuse(_ fault: XMLFault) {
        switch fault {
        case .notWellFormed(let reason): (verdict.refusal, verdict.reason) = (.notWellFormed, reason)
        case .restricted(let reason): (verdict.refusal, verdict.reason) = (.restricted, reason)
        case .badNamespacePrefix: (verdict.refusal, verdict.reason) = (.badNamespacePrefix, "unbound prefix")
        case .tooLarge, .tooDeep, .unsupportedEncoding:
            (verdict.refusal, verdict.reason) = (.notWellFormed, "limit")
            contradictions.append("unexpected \(fault)")
        }
    }

    /// The first byte that makes the scanner refuse `input`, found by bisection over its prefixes.
    static func faultOffset(in input: [UInt8]) -> Int {
        var accepted = 0
        var refused = input.count
        while refused - accepted > 1 {
            let middle = (accepted + refused) / 2
            if ScannerRun(on: Array(input[..<middle])).verdict.refusal == nil {
                accepted = middle
            } else {
                refused = middle
            }
        }
        return refused - 1
    }

    // MARK: Elements

    private mutating func check(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, isThorough: Bool) {
        let tree: XMLElement
        do throws(XMLFault) {
            tree = try XMLElement(
                parsing: bytes, streamDefaultNamespace: streamDefaultNamespace, streamPrefixes: streamPrefixes)
        } catch {
            contradictions.append("the tree parser refuses what the scanner passed: \(error)")
            return
        }
        var trace: [UInt8] = []
        Self.append(tree, to: &trace)
        verdict.elements.append(trace)
        guard isThorough else { return }
        checkIndex(tree, bytes, frame)
        checkWriter(tree)
    }

    private mutating func checkIndex(_ tree: XMLElement, _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) {
        let children = tree.elements
        if frame.childCount != children.count { contradictions.append("child count") }
        for (span, child) in zip(frame.children, children) {
            if text(span.localName, bytes) != child.name { contradictions.append("local name of a child") }
            if span.hasStreamPrefix { continue }
            let declared = XMLEscape.unescape(attribute: span.namespace.slice(of: bytes))
            let namespace = span.inheritsStreamNamespace ? streamDefaultNamespace : declared
            if namespace != child.namespace { contradictions.append("namespace of a child") }
            let whole = text(span.whole, bytes)
            if !whole.hasPrefix("<") || !whole.hasSuffix(">") { contradictions.append("bounds of a child") }
        }
        for attribute in tree.attributes {
            let span = frame.attributes.first { text($0.name, bytes) == attribute.name }
            let value = span.flatMap { XMLEscape.unescape(attribute: $0.value.slice(of: bytes)) }
            if value != attribute.value { contradictions.append("attribute index") }
            if let span, span.hasReferences != span.value.slice(of: bytes).contains(0x26) {
                contradictions.append("references of an attribute")
            }
        }
        let withoutPrefixes = try? XMLElement(
            parsing: bytes, streamDefaultNamespace: streamDefaultNamespace, streamPrefixes: [])
        if (withoutPrefixes == nil) != frame.usesStreamPrefix { contradictions.append("use of stream prefixes") }
    }

    private mutating func checkWriter(_ tree: XMLElement) {
        var written: [UInt8] = []
        tree.write(into: &written, inheritedNamespace: "urn:elsewhere")
        let again = written.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: "urn:elsewhere", streamPrefixes: [])
        }
        var first: [UInt8] = []
        var second: [UInt8] = []
        Self.append(tree, to: &first)
        if let again { Self.append(again, to: &second) }
        if first != second {
            contradictions.append("written and read again: \(String(decoding: written, as: UTF8.self))")
        }
    }

    private func text(_ span: Span, _ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: span.slice(of: bytes), as: UTF8.self)
    }

    private static func append(_ element: XMLElement, to trace: inout [UInt8]) {
        trace.append(Mark.start)
        trace.append(contentsOf: element.namespace.utf8)
        trace.append(Mark.namespace)
        trace.append(contentsOf: element.name.utf8)
        for attribute in element.attributes {
            trace.append(Mark.attribute)
            trace.append(contentsOf: (attribute.namespace ?? "").utf8)
            trace.append(Mark.namespace)
            let local = attribute.name.utf8.split(separator: 0x3A, maxSplits: 1).last
            trace.append(contentsOf: local ?? attribute.name.utf8[...])
            trace.append(Mark.value)
            trace.append(contentsOf: attribute.value.utf8)
        }
        for child in element.children {
            switch child {
            case .element(let child): append(child, to: &trace)
            case .text(let text):
                trace.append(Mark.text)
                trace.append(contentsOf: text.utf8)
            }
        }
        trace.append(Mark.end)
    }
}
