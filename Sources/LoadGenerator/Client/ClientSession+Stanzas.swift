/// What the elements of a stream mean to the session.
extension ClientSession {
    func handle(_ element: Element) {
        switch element.kind {
        case .message:
            acks?.stanzaReceived()
            messageArrived(element)
        case .presence:
            acks?.stanzaReceived()
            presenceArrived(element)
        case .iq:
            acks?.stanzaReceived()
            iqArrived(element)
        case .ackRequest:
            if let acks { send("<a xmlns='urn:xmpp:sm:3' h='\(acks.received)'/>") }
        case .ack: ackArrived(element)
        case .features: featuresArrived(element)
        case .proceed: proceedArrived()
        case .challenge: challengeArrived(element)
        case .success: successArrived(element)
        case .enabled: managementEnabled()
        case .failure: fail("refused", element.bytes.text(limit: 300))
        case .failed: fail("stream management refused", element.bytes.text(limit: 300))
        case .streamError: fail("stream error", element.bytes.text(limit: 300))
        case .other: fleet.note("unknown element", element.bytes.text(limit: 300), session: self)
        }
    }

    private func messageArrived(_ element: Element) {
        switch Stamp.find(in: element.bytes, from: element.tagEnd, mark: fleet.mark) {
        case .absent: return
        case .damaged: fleet.note("damaged stamp", element.bytes.text(limit: 300), session: self)
        case .found(let stamp):
            if element.attribute("type", is: "error") {
                return fleet.note("message bounced", element.bytes.text(limit: 600), session: self)
            }
            // A copy for another resource is no delivery (XEP-0280 §6).
            if fleet.options.usesCarbons, element.contains("urn:xmpp:carbons:2") { return }
            fleet.traffic?.stampArrived(stamp, in: element, at: self)
        }
    }

    private func presenceArrived(_ element: Element) {
        guard let type = element.attribute("type") else {
            switch Stamp.find(in: element.bytes, from: element.tagEnd, mark: fleet.mark) {
            case .absent: return
            case .damaged: fleet.note("damaged stamp", element.bytes.text(limit: 300), session: self)
            case .found(let stamp): fleet.traffic?.stampArrived(stamp, in: element, at: self)
            }
            return
        }
        if type.isEqual(to: "error") {
            return fleet.note("presence bounced", element.bytes.text(limit: 300), session: self)
        }
        if type.isEqual(to: "unavailable") { return }
        fleet.traffic?.subscriptionArrived(type.text(), from: element.attribute("from")?.text() ?? "", at: self)
    }

    private func ackArrived(_ element: Element) {
        guard let handled = element.attribute("h").flatMap({ UInt32($0.text(limit: 10)) }),
            let (outcome, asksAgain) = acks?.ackReceived(handled)
        else { return fail("unexpected <a/>", element.bytes.text(limit: 300)) }
        switch outcome {
        case .invalid: fail("the server acknowledges what was not sent", element.bytes.text(limit: 300))
        case .acknowledged(let times):
            for time in times where time != 0 { fleet.acknowledged(sentAt: time) }
            if asksAgain { requestAck() }
        }
    }

    // MARK: IQ

    private func iqArrived(_ element: Element) {
        guard let type = element.attribute("type"), let id = element.attribute("id") else {
            return fleet.note("iq without type or id", element.bytes.text(limit: 300), session: self)
        }
        let isError = type.isEqual(to: "error")
        guard isError || type.isEqual(to: "result") else { return answer(element, id: id.text()) }
        switch step {
        case .registering where id.isEqual(to: "register"): registrationAnswered(element, isError: isError)
        case .binding where id.isEqual(to: "bind"): bindingAnswered(element, isError: isError)
        case .startingSession where id.isEqual(to: "session"):
            if isError { fail("no session", element.bytes.text(limit: 300)) } else { resourceBound() }
        case .probing where id.isEqual(to: "probe"):
            // A server without XEP-0199 answers with an error, and that proves the same.
            becomeOnline()
        default:
            if id.isEqual(to: "roster") {
                fleet.traffic?.rosterArrived(element, at: self)
            } else if id.isEqual(to: "pace") {
                return fleet.traffic?.paceAnswered(at: self) ?? ()
            }
            if isError { fleet.note("iq error", element.bytes.text(limit: 300), session: self) }
        }
    }

    /// Answers a request of the server: pings and roster pushes with success, the rest as unknown (RFC 6120 §8.2.3).
    private func answer(_ element: Element, id: String) {
        let isKnown = element.contains("urn:xmpp:ping") || element.contains("jabber:iq:roster")
        let asksForFeatures =
            fleet.options.usesEventing && element.contains("http://jabber.org/protocol/disco#info")
        let to = element.attribute("from").map { " to='\($0.text())'" } ?? ""
        // The values are raw, so what was escaped stays escaped; only a double quote could have been bare.
        guard !id.contains("'"), !to.dropFirst(5).dropLast().contains("'") else {
            return fleet.note("iq with an apostrophe", element.bytes.text(limit: 300), session: self)
        }
        if asksForFeatures {
            return sendStanza("<iq type='result' id='\(id)'\(to)>\(Eventing.information)</iq>")
        }
        sendStanza(
            isKnown
                ? "<iq type='result' id='\(id)'\(to)/>"
                : "<iq type='error' id='\(id)'\(to)><error type='cancel'>"
                    + "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    }
}
