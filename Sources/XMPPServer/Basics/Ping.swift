import XMLWire
import XMPPWire

/// XMPP ping (XEP-0199).
extension XMPPFeature {
    static var ping: XMPPFeature {
        XMPPFeature(
            "ping", [Standard("XEP-0199", "XMPP Ping", "2.0.1")],
            requests: [
                Request(name: "ping", namespace: "urn:xmpp:ping", scopes: [.server, .account]) { request in
                    request.isSet ? request.refuse(.badRequest("a ping is a get")) : request.reply()
                }
            ],
            serverFeatures: ["urn:xmpp:ping"], accountFeatures: ["urn:xmpp:ping"])
    }
}

extension C2SSession {
    /// Once a second: a client that has been silent for long is asked whether it is there; a link without an answer is
    /// given up (XEP-0199 §4.1).
    func checkSilence(_ uptime: Int64) {
        let limit = Int64(server.config.pingSeconds) * 1_000
        guard limit > 0, link != nil, let account else { return }
        if wasHeard {
            wasHeard = false
            quietSince = uptime
            pingedAt = nil
        } else if let pingedAt {
            if uptime - pingedAt > Int64(server.config.ackSeconds) * 1_000 {
                giveUp(StreamError(.connectionTimeout, "no answer to a ping"))
            }
        } else if uptime - quietSince > limit {
            pingedAt = uptime
            server.ask(
                XMLElement("ping", namespace: "urn:xmpp:ping"),
                from: JID(preparedLocal: nil, domain: account.domain, resource: nil), to: self,
                timeoutSeconds: server.config.ackSeconds
            ) { _ in }
        }
    }
}
