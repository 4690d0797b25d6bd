import SIPWire

/// What a REGISTER asks for, read and checked against the settings (RFC 3261 §10.3, RFC 5626 §6); nothing is changed here.
/// Its terms have no hold on the message that they are read from, and must not outlive it.
struct RegisterRequest {
    enum Wish {
        case list
        case removeAll
        /// Expires of 0 removes.
        case contacts([(terms: Binding.Terms, seconds: Int)])
    }

    /// Why it is refused.
    struct Refusal: Error {
        var status: SIPStatus
        var reason: StaticString?
        /// For 423.
        var minExpires: Int?
    }

    var wish: Wish
    /// The flow is used, and the answer says so.
    var isOutbound = false
    /// The answer names GRUUs (RFC 5627 §5.3).
    let wantsGRUU: Bool

    static let pathValues = 8
    static let featureBytes = 512
    static let agentBytes = 96

    /// - Parameter uptime: milliseconds.
    init(_ message: SIPMessage, flow: SIPFlow, expires: SIPConfig.Expiry, uptime: Int64) throws(Refusal) {
        wantsGRUU = message.supports("gruu")
        guard message.has(.contact) else {
            wish = .list
            return
        }
        var path: [UInt8] = []
        var lastPath: SIPAddress?
        if message.has(.path) {
            var count = 0
            for item in message.all(.path) {
                guard let address = SIPAddress(item), count < Self.pathValues else {
                    throw Refusal(status: .badRequest, reason: "Bad Path")
                }
                if count > 0 { path.append(UInt8(ascii: ",")) }
                path += item
                lastPath = address
                count += 1
            }
        }
        let isDirect = path.isEmpty && message.isFromFirstHop
        let usesOutbound = message.supports("outbound")
        var contacts: [(terms: Binding.Terms, seconds: Int)] = []
        var named = 0
        for item in message.bareAll(.contact) {
            if item.equals("*") {
                guard message.all(.contact).array.count == 1, message.expires == 0 else {
                    throw Refusal(status: .badRequest, reason: "Bad Contact")
                }
                wish = .removeAll
                return
            }
            guard let contact = SIPContact(item), contacts.count < 100 else {
                throw Refusal(status: .badRequest, reason: "Bad Contact")
            }
            let seconds = try Self.seconds(contact, message, expires)
            var terms = Binding.Terms(contact: contact.uri.text)
            terms.instance = contact.instance ?? .empty
            if let regID = contact.regID, usesOutbound, !terms.instance.isEmpty {
                terms.regID = regID
                if seconds > 0 { named += 1 }
                // Whoever stands between must keep the flow (RFC 5626 §6).
                guard isDirect || lastPath?.uri.wantsOutbound == true else {
                    throw Refusal(status: .firstHopLacksOutboundSupport)
                }
                terms.isOutbound = true
                isOutbound = true
            }
            terms.path = path
            terms.callID = message.bareFirst(.callID) ?? .empty
            terms.cseq = message.cseqNumber
            terms.agent = message.bareFirst(.userAgent).map { $0.part(0, Self.agentBytes) } ?? .empty
            terms.features = Self.features(contact)
            terms.q = contact.q
            if isDirect, terms.isOutbound || Self.isOwn(contact.uri, message, flow) { terms.flow = flow }
            terms.expires = uptime + Int64(seconds) * 1_000
            guard terms.size <= Binding.largest else {
                throw Refusal(status: .badRequest, reason: "Contact Too Large")
            }
            contacts.append((terms, seconds))
        }
        // One flow at a time (RFC 5626 §4.2).
        if named > 0, contacts.lazy.filter({ $0.seconds > 0 }).count > 1 {
            throw Refusal(status: .badRequest, reason: "One Contact With reg-id")
        }
        wish = .contacts(contacts)
    }

    /// What is granted (§10.3 step 7).
    private static func seconds(
        _ contact: SIPContact, _ message: SIPMessage, _ expires: SIPConfig.Expiry
    ) throws(Refusal) -> Int {
        let asked: Int
        if let own = contact.expires {
            asked = Int(own)
        } else if message.has(.expires) {
            // What makes no sense counts as an hour (§20.19).
            asked = message.expires.map { Int($0) } ?? 3_600
        } else {
            asked = expires.standard
        }
        guard asked > 0 else { return 0 }
        if asked < expires.least, asked < 3_600 {
            throw Refusal(status: .intervalTooBrief, minExpires: expires.least)
        }
        return min(asked, expires.most)
    }

    /// Whether the contact is the sender itself, so that what is sent to where the request came from reaches it, through
    /// address translation too. Otherwise the contact means what it says.
    private static func isOwn(_ contact: SIPURI, _ message: SIPMessage, _ flow: SIPFlow) -> Bool {
        if flow.transport.isReliable { return contact.transport != .udp }
        let names = flow.link.names(of: flow.remote)
        if contact.host == names.host { return (contact.port ?? 5_060) == flow.remote.port }
        return contact.host == message.topVia?.host
    }

    /// The parameters that the registrar has no use for, as they are given back.
    private static func features(_ contact: SIPContact) -> [UInt8] {
        var kept: [UInt8] = []
        for parameter in contact.parameters {
            if own.contains(where: { parameter.name.matches($0) }) { continue }
            kept.append(UInt8(ascii: ";"))
            kept += parameter.name
            if let value = parameter.value {
                kept.append(UInt8(ascii: "="))
                kept += value
            }
            if kept.count > featureBytes { return [] }
        }
        return kept
    }

    private static let own: [StaticString] = [
        "expires", "q", "+sip.instance", "reg-id", "pub-gruu", "temp-gruu", "temp-gruu-cookie", "tag",
    ]
}

extension SIPMessage {
    /// No proxy stands between its sender and us.
    var isFromFirstHop: Bool {
        guard lineCount(.via) == 1 else { return false }
        var items = all(.via).makeIterator()
        _ = items.next()
        return items.next() == nil
    }
}
