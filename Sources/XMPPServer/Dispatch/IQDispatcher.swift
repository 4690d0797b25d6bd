import Ground
import IMCore
import XMLWire
import XMPPWire

/// IQs of a client (RFC 6120 §8.2.3, RFC 6121 §8): answered here, or carried to the client they name.
extension C2SSession {
    func handleIQ(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes) {
        guard let home else { return }
        let number = streamManagement?.ledger.open()
        guard let type = IQType(attributes.type, bytes) else {
            return refuseIQ(attributes, bytes, number, .badRequest("an IQ needs a type: get, set, result or error"))
        }
        guard attributes.id != nil else {
            return refuseIQ(attributes, bytes, number, .badRequest("an IQ needs an id"))
        }
        if type.isRequest, frame.childCount != 1 {
            return refuseIQ(attributes, bytes, number, .badRequest("a request has exactly one child"))
        }
        switch target(attributes.to, bytes) {
        case .malformed: refuseIQ(attributes, bytes, number, .jidMalformed())
        case .remote: refuseIQ(attributes, bytes, number, StanzaError(.cancel, .remoteServerNotFound))
        case .service(let jid): toService(.iq, jid, bytes, attributes, number)
        case .own: answer(bytes, attributes, type, number, .account, nil, home)
        case .domain(let jid):
            if jid.resource == nil {
                answer(bytes, attributes, type, number, .server, jid, home)
            } else {
                refuseIQ(attributes, bytes, number, .serviceUnavailable)
            }
        case .user(let jid):
            if jid.resource != nil {
                carry(bytes, frame, attributes, type, number, to: jid, home)
            } else {
                answer(bytes, attributes, type, number, jid == home.jid ? .account : .contact, jid, home)
            }
        }
    }

    enum IQType {
        case get, set, result, error

        init?(_ attribute: AttributeSpan?, _ bytes: UnsafeRawBufferPointer) {
            guard let value = attribute?.value else { return nil }
            if value.equals("get", in: bytes) {
                self = .get
            } else if value.equals("set", in: bytes) {
                self = .set
            } else if value.equals("result", in: bytes) {
                self = .result
            } else if value.equals("error", in: bytes) {
                self = .error
            } else {
                return nil
            }
        }

        var isRequest: Bool { self == .get || self == .set }
    }

    private func refuseIQ(
        _ attributes: StanzaAttributes, _ bytes: UnsafeRawBufferPointer, _ number: UInt64?, _ error: StanzaError
    ) {
        let isAnswer = attributes.type.map { $0.value.equals("result", in: bytes) } ?? false
        if !isAnswer { refuse("iq", attributes, bytes, error) }
        if let number { stanzaIsSafe(number) }
    }

    // MARK: Answered here

    private func answer(
        _ bytes: UnsafeRawBufferPointer, _ attributes: StanzaAttributes, _ type: IQType, _ number: UInt64?,
        _ scope: XMPPFeature.Scope, _ target: JID?, _ home: UserHome
    ) {
        // Answers to our own pushes and pings end here.
        guard type.isRequest else {
            server.asked.answered(bytes, attributes.id, by: address)
            // A client that an account asks, such as a push service: the ids of such requests are like no other.
            if attributes.id?.value.slice(of: bytes).starts(with: ServiceInquiries.idPrefix) == true,
                let iq = try? XMLElement(
                    parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
            {
                let account = home.jid
                server.router.answered(
                    iq, by: JID(preparedLocal: account.local, domain: account.domain, resource: resource))
            }
            if let number { stanzaIsSafe(number) }
            return
        }
        guard
            let iq = try? XMLElement(
                parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: []),
            let payload = iq.firstElement
        else { return refuseIQ(attributes, bytes, number, .badRequest("the request cannot be read")) }
        if scope == .contact, let target, home.blocks(target) {
            return refuseIQ(attributes, bytes, number, .blocked)
        }
        let request = IQRequest(
            session: self, home: home, isSet: type == .set, payload: payload, target: target,
            id: iq["id"] ?? "", to: iq["to"], ledgerNumber: number)
        guard let handle = server.registry.handler(payload, scope) else {
            return request.refuse(.serviceUnavailable)
        }
        handle(request)
    }

    // MARK: Carried to a client

    /// RFC 6121 §8.5.3: to the client with that full address, or an error in its name.
    private func carry(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes, _ type: IQType,
        _ number: UInt64?, to jid: JID, _ home: UserHome
    ) {
        if home.blocks(jid) { return refuseIQ(attributes, bytes, number, .blocked) }
        let other = server.router.homes.loaded(jid)
        guard let resource = jid.resource, let other, let endpoint = other.endpoint(resource: resource),
            !(other.blocks(JID(preparedLocal: home.jid.local, domain: home.jid.domain, resource: self.resource)))
        else {
            return type.isRequest
                ? refuseIQ(attributes, bytes, number, .serviceUnavailable)
                : (number.map { stanzaIsSafe($0) } ?? ())
        }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + fromAttribute.count + 24)
        let nameEnd = Int(frame.name.end)
        result += bytes.part(0, nameEnd)
        result += fromAttribute
        if let language, !attributes.hasLanguage { result += Array(" xml:lang='\(XMLText.escape(language))'".utf8) }
        var position = nameEnd
        if let from = attributes.from {
            result += bytes.part(position, Int(from.whole.start))
            position = Int(from.whole.end)
        }
        result += bytes.part(position, bytes.count)
        endpoint.deliver(result)
        if let number { stanzaIsSafe(number) }
    }
}
