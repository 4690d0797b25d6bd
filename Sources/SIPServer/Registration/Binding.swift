import SIPWire

/// One contact of a user: where a client of the user is to be reached, and until when (RFC 3261 §10.3). Confined to the
/// server's loop.
///
/// Everything that is text stands in one run of bytes, so that a registration costs two allocations.
public final class Binding {
    /// Chosen once, and kept over restarts.
    public let id: Int64
    private var text: SIPBytes = .empty
    private var contactEnd: UInt16 = 0
    private var instanceEnd: UInt16 = 0
    private var pathEnd: UInt16 = 0
    private var callIDEnd: UInt16 = 0
    private var agentEnd: UInt16 = 0
    /// CSeq of the last REGISTER.
    public private(set) var cseq: UInt32 = 0
    /// `reg-id`, 0 for none: with `instance` it names the flow (RFC 5626 §4.2).
    public private(set) var regID: UInt32 = 0
    /// Preference in thousandths, 0 … 1000.
    public private(set) var q: UInt16 = 1_000
    /// The client asked for the flow to be used, and so nothing else may be (RFC 5626).
    public private(set) var isOutbound = false
    /// Where it registered from; nil where the contact or the path is to be used.
    public internal(set) var flow: SIPFlow? {
        didSet {
            guard oldValue?.link !== flow?.link else { return }
            // A connection that serves a registration may be silent for long.
            if let old = oldValue?.link as? StreamLink { old.holds -= 1 }
            if let new = flow?.link as? StreamLink { new.holds += 1 }
        }
    }
    /// Uptime, milliseconds.
    public private(set) var expires: Int64 = 0
    /// When the client began with it (another Call-ID means that it began anew), milliseconds since 1970.
    public internal(set) var since: Int64 = 0
    /// When it was last refreshed or changed, milliseconds since 1970.
    public internal(set) var refreshedAt: Int64 = 0
    /// The instant up to which the store says that it lasts; milliseconds since 1970, 0 for not stored.
    var storedUntil: Int64 = 0
    var isDirty = false
    /// No longer one of the user's.
    public internal(set) var isGone = false

    /// What a REGISTER says about one contact.
    struct Terms {
        var contact: SIPBytes
        /// With its angle brackets; empty for none.
        var instance: SIPBytes = .empty
        var regID: UInt32 = 0
        /// The values of Path with commas between; empty for none.
        var path: [UInt8] = []
        var callID: SIPBytes = .empty
        var cseq: UInt32 = 0
        var agent: SIPBytes = .empty
        /// Parameters of the Contact that the registrar has no use for, from the first semicolon on.
        var features: [UInt8] = []
        var q: Int = 1_000
        var isOutbound = false
        var flow: SIPFlow?
        /// Uptime, milliseconds.
        var expires: Int64 = 0

        /// Bytes that are kept.
        var size: Int {
            contact.count + instance.count + path.count + callID.count + agent.count + features.count
        }
    }

    /// Most bytes of one contact with all that is kept of it.
    static let largest = 3_072

    init(id: Int64, _ terms: Terms) {
        self.id = id
        take(terms)
        // Not observed inside of an initialiser.
        if let link = flow?.link as? StreamLink { link.holds += 1 }
    }

    /// Whether nothing but the time has changed: the usual refresh.
    @inline(__always)
    func differsOnlyInTime(from terms: Terms) -> Bool {
        contact == terms.contact && callID == terms.callID && regID == terms.regID && Int(q) == terms.q
            && isOutbound == terms.isOutbound && instance == terms.instance && userAgent == terms.agent
            && features.elementsEqual(terms.features) && pathText.elementsEqual(terms.path)
    }

    /// Takes what a refresh brings.
    func refresh(_ terms: Terms) {
        (cseq, flow, expires) = (terms.cseq, terms.flow, terms.expires)
    }

    func take(_ terms: Terms) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(terms.size)
        func end() -> UInt16 { UInt16(clamping: bytes.count) }
        bytes += terms.contact
        contactEnd = end()
        bytes += terms.instance
        instanceEnd = end()
        bytes += terms.path
        pathEnd = end()
        bytes += terms.callID
        callIDEnd = end()
        bytes += terms.agent
        agentEnd = end()
        bytes += terms.features
        text = SIPBytes(bytes)
        regID = terms.regID
        q = UInt16(clamping: terms.q)
        isOutbound = terms.isOutbound
        refresh(terms)
    }

    /// The URI of the contact, without angle brackets.
    public var contact: SIPBytes { text.part(0, Int(contactEnd)) }
    /// `<urn:uuid:…>`; empty for none.
    public var instance: SIPBytes { text.part(Int(contactEnd), Int(instanceEnd)) }
    public var pathText: SIPBytes { text.part(Int(instanceEnd), Int(pathEnd)) }
    public var callID: SIPBytes { text.part(Int(pathEnd), Int(callIDEnd)) }
    /// User-Agent of the client.
    public var userAgent: SIPBytes { text.part(Int(callIDEnd), Int(agentEnd)) }
    /// Feature parameters as the client gave them (RFC 3840), from the first semicolon on.
    public var features: SIPBytes { text.part(Int(agentEnd), text.count) }

    public var uri: SIPURI? { SIPURI(contact) }

    /// What a request to it passes on its way, in this order (RFC 3327 §5.3).
    public var path: [SIPURI] {
        guard pathEnd > instanceEnd else { return [] }
        return SIPValueList(pathText).compactMap { SIPAddress($0)?.uri }
    }

    /// A request can get there: not so with a flow that nobody else may replace, and that is closed.
    public var isReachable: Bool {
        guard isOutbound, pathEnd == instanceEnd else { return true }
        return flow?.isOpen == true
    }
}

/// The values of a list that stands in one line, cut at commas outside quotes and angle brackets.
struct SIPValueList: Sequence {
    let text: SIPBytes

    init(_ text: SIPBytes) { self.text = text }

    func makeIterator() -> AnyIterator<SIPBytes> {
        var start = 0
        let text = text
        return AnyIterator {
            while start < text.count {
                var (index, isQuoted, isBracketed) = (start, false, false)
                scan: while index < text.count {
                    switch text[index] {
                    case 0x22: isQuoted.toggle()
                    case 0x5C where isQuoted: index += 1
                    case 0x3C where !isQuoted: isBracketed = true
                    case 0x3E where !isQuoted: isBracketed = false
                    case 0x2C where !isQuoted && !isBracketed: break scan
                    default: break
                    }
                    index += 1
                }
                let item = text.part(start, index).trimmed
                start = index + 1
                if !item.isEmpty { return item }
            }
            return nil
        }
    }
}
