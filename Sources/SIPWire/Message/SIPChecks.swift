/// What every request must have to be answered or passed on (RFC 3261 §8.1.1, §16.3 step 1).
///
/// All values are read without a hold on the message: a count up and down for each would cost as much as the reading.
enum SIPChecks {
    /// Puts the first fault into the scan, and what everybody asks for into the message.
    static func run(_ message: SIPMessage, _ scan: inout SIPScan) {
        guard message.has(.via), message.has(.from), message.has(.to), message.has(.callID), message.has(.cseq) else {
            return scan.fail(.badRequest, "Missing Header Field")
        }
        vias(message, &scan)
        parties(message, &scan)
        let callID = message.bareFirst(.callID) ?? .empty
        if !Lexical.all(callID, Lexical.word | Lexical.token), !isCallID(callID) {
            scan.fail(.badRequest, "Malformed Call-ID")
        }
        if let cseq = message.bareFirst(.cseq).flatMap({ SIPCSeq($0) }) {
            message.cseqNumber = cseq.number
            if message.isRequest, cseq.method != message.method { scan.fail(.badRequest, "CSeq Method Mismatch") }
        } else {
            scan.fail(.badRequest, "Malformed CSeq")
        }
        if message.isRequest {
            if let uri = message.bareURI {
                message.checkedURI = uri
                // Headers may not stand in a Request-URI (§19.1.1).
                if uri.headers != nil { scan.fail(.badRequest, "Headers In Request-URI") }
                if uri.scheme == .other, !uri.text.hasPrefix("im:"), !uri.text.hasPrefix("pres:") {
                    scan.fail(.unsupportedURIScheme, "Unsupported URI Scheme")
                }
            } else {
                scan.fail(.badRequest, "Malformed Request-URI")
            }
            if let value = message.bareFirst(.maxForwards), value.integer(UInt8.self) == nil {
                scan.fail(.badRequest, "Malformed Max-Forwards")
            }
        }
        addresses(message, &scan)
        if message.hasBody, let value = message.bareFirst(.contentType), SIPMediaType(value) == nil {
            scan.fail(.badRequest, "Malformed Content-Type")
        }
        if let value = message.bareFirst(.event), SIPEvent(value) == nil {
            scan.fail(.badRequest, "Malformed Event")
        }
    }

    private static func isCallID(_ text: SIPBytes) -> Bool {
        guard let at = text.firstIndex(of: 0x40) else { return false }
        return Lexical.all(text.part(0, at), Lexical.word) && Lexical.all(text.part(at + 1, text.count), Lexical.word)
    }

    private static func vias(_ message: SIPMessage, _ scan: inout SIPScan) {
        var number = 0
        for item in message.bareAll(.via) {
            guard let via = SIPVia(item) else { return scan.fail(.badRequest, "Malformed Via") }
            if number == 0 { remember(via, in: message) }
            number += 1
        }
        if number == 0 { scan.fail(.badRequest, "Malformed Via") }
        if number > scan.limits.vias { scan.fail(.tooManyHops, "Too Many Hops") }
    }

    /// What the topmost Via decides: which transaction it is, and where the answer goes.
    private static func remember(_ via: SIPVia, in message: SIPMessage) {
        var places = SIPViaPlaces()
        places.host = range(of: via.host, in: message)
        places.end = range(of: via.text, in: message).end
        places.port = via.port ?? 0
        places.effectivePort = via.effectivePort
        for parameter in via.parameters {
            if parameter.name.matches("branch"), let branch = parameter.value, message.branchRange.isNone {
                message.branchRange = range(of: branch, in: message)
                places.isMagic = branch.count > 7 && branch.hasPrefix("z9hg4bk")
            } else if parameter.name.matches("rport"), !places.wantsRport {
                places.wantsRport = true
                if parameter.value == nil { places.rportEnd = range(of: parameter.name, in: message).end }
            }
        }
        message.viaPlaces = places
    }

    private static func parties(_ message: SIPMessage, _ scan: inout SIPScan) {
        guard let from = message.bareFirst(.from).flatMap({ SIPAddress($0) }) else {
            return scan.fail(.badRequest, "Malformed From")
        }
        guard let to = message.bareFirst(.to).flatMap({ SIPAddress($0) }) else {
            return scan.fail(.badRequest, "Malformed To")
        }
        (message.checkedFrom, message.checkedTo) = (from, to)
        // tag-param has a token (RFC 3261 §25.1).
        if let tag = from.tag, !Lexical.all(tag, Lexical.token) { return scan.fail(.badRequest, "Malformed From") }
        if let tag = to.tag, !Lexical.all(tag, Lexical.token) { return scan.fail(.badRequest, "Malformed To") }
        if let tag = from.tag { message.fromTagRange = range(of: tag, in: message) }
        if let tag = to.tag { message.toTagRange = range(of: tag, in: message) }
    }

    private static func addresses(_ message: SIPMessage, _ scan: inout SIPScan) {
        if message.has(.contact) {
            for item in message.bareAll(.contact) where !item.equals("*") && SIPAddress(item) == nil {
                return scan.fail(.badRequest, "Malformed Contact")
            }
        }
        for (header, reason) in routing where message.has(header) {
            for item in message.bareAll(header) where SIPAddress(item) == nil { return scan.fail(.badRequest, reason) }
        }
    }

    private static let routing: [(SIPHeader, StaticString)] = [
        (.route, "Malformed Route"), (.recordRoute, "Malformed Record-Route"), (.path, "Malformed Path"),
        (.referTo, "Malformed Refer-To"),
    ]

    private static func range(of bytes: SIPBytes, in message: SIPMessage) -> SIPRange {
        // A parameter without a value stands nowhere.
        if bytes.isEmpty { return SIPRange() }
        let start = bytes.start - UnsafePointer(message.storage)
        return SIPRange(start: UInt32(start), end: UInt32(start + bytes.count))
    }
}
