import CExpat

/// Runs Expat over an input inside a stream, held to the same restrictions as XMPP (RFC 6120 §11.1).
final class ExpatParser {
    private let input: [UInt8]
    private let parser: XML_Parser
    private var verdict = Verdict()
    private var depth = 0
    private var trace: [UInt8] = []
    private var isInText = false
    private var isStopped = false

    /// - Parameter cuts: ascending offsets into `input` at which it is handed over in pieces.
    static func verdict(on input: [UInt8], cuts: [Int]) -> Verdict {
        let run = ExpatParser(input)
        run.parse(cuts)
        return run.verdict
    }

    private init(_ input: [UInt8]) {
        self.input = input
        // U+0001 cannot occur in a namespace name.
        parser = XML_ParserCreateNS("UTF-8", 1)
    }

    deinit { XML_ParserFree(parser) }

    private func parse(_ cuts: [Int]) {
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        XML_SetElementHandler(
            parser, { ExpatParser.of($0).start($1!, $2!) }, { user, _ in ExpatParser.of(user).end() })
        XML_SetCharacterDataHandler(
            parser,
            { user, text, count in
                text!.withMemoryRebound(to: UInt8.self, capacity: Int(count)) {
                    ExpatParser.of(user).text(UnsafeBufferPointer(start: $0, count: Int(count)))
                }
            })
        XML_SetCdataSectionHandler(
            parser, { ExpatParser.of($0).cdata() }, { _ in })
        XML_SetCommentHandler(parser, { user, _ in ExpatParser.of(user).stop(.restricted, "comment") })
        XML_SetProcessingInstructionHandler(
            parser, { user, _, _ in ExpatParser.of(user).stop(.restricted, "processing instruction") })
        guard feed(streamHeader[...]) else { return }
        var from = 0
        for end in cuts + [input.count] {
            guard feed(input[from..<end]) else { return }
            from = end
        }
        verdict.position = offset
    }

    private func feed(_ piece: ArraySlice<UInt8>) -> Bool {
        let status = piece.withUnsafeBytes {
            XML_Parse(parser, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count), 0)
        }
        if isStopped { return false }
        guard status != XML_STATUS_OK else { return true }
        let code = XML_GetErrorCode(parser)
        verdict.position = offset
        verdict.reason = String(cString: XML_ErrorString(code))
        switch code {
        case XML_ERROR_UNDEFINED_ENTITY: verdict.refusal = .restricted
        case XML_ERROR_UNBOUND_PREFIX: verdict.refusal = .badNamespacePrefix
        default: verdict.refusal = .notWellFormed
        }
        return false
    }

    private var offset: Int { Int(XML_GetCurrentByteIndex(parser)) - streamHeader.count }

    private static func of(_ user: UnsafeMutableRawPointer?) -> ExpatParser {
        Unmanaged<ExpatParser>.fromOpaque(user!).takeUnretainedValue()
    }

    // MARK: Handlers

    private func start(_ name: UnsafePointer<CChar>, _ attributes: UnsafeMutablePointer<UnsafePointer<CChar>?>) {
        guard !isStopped else { return }
        depth += 1
        if depth == 1 { return }
        isInText = false
        trace.append(Mark.start)
        append(name)
        var index = 0
        while let key = attributes[index], let value = attributes[index + 1] {
            trace.append(Mark.attribute)
            append(key)
            trace.append(Mark.value)
            appendRaw(value)
            index += 2
        }
    }

    private func end() {
        guard !isStopped else { return }
        depth -= 1
        if depth == 0 {
            verdict.isClosed = true
            return
        }
        isInText = false
        trace.append(Mark.end)
        if depth == 1 {
            verdict.elements.append(trace)
            trace.removeAll(keepingCapacity: true)
        }
    }

    private func text(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard !isStopped else { return }
        if depth > 1 {
            if !isInText { trace.append(Mark.text) }
            isInText = true
            trace.append(contentsOf: bytes)
            return
        }
        let isReference = input.indices.contains(offset) && input[offset] == UInt8(ascii: "&")
        if isReference || bytes.contains(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
            stop(.notWellFormed, "character data between stanzas")
        }
    }

    private func cdata() {
        if depth == 1 { stop(.notWellFormed, "character data between stanzas") }
    }

    private func stop(_ refusal: Verdict.Refusal, _ reason: String) {
        guard !isStopped else { return }
        isStopped = true
        verdict.refusal = refusal
        verdict.reason = reason
        verdict.position = offset
        XML_StopParser(parser, 0)
    }

    /// A name as Expat gives it: namespace, U+0001, local name; or the local name alone.
    private func append(_ name: UnsafePointer<CChar>) {
        let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
        if let separator = bytes.firstIndex(of: 1) {
            trace.append(contentsOf: bytes[..<separator])
            trace.append(Mark.namespace)
            trace.append(contentsOf: bytes[(separator + 1)...])
        } else {
            trace.append(Mark.namespace)
            trace.append(contentsOf: bytes)
        }
    }

    private func appendRaw(_ value: UnsafePointer<CChar>) {
        trace.append(contentsOf: UnsafeRawBufferPointer(start: value, count: strlen(value)))
    }

    private func strlen(_ text: UnsafePointer<CChar>) -> Int {
        var count = 0
        while text[count] != 0 { count += 1 }
        return count
    }
}
