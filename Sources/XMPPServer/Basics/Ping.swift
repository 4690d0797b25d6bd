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
