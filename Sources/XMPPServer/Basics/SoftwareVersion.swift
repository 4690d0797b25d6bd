import XMPPWire

/// Software version (XEP-0092).
extension XMPPFeature {
    static var softwareVersion: XMPPFeature {
        XMPPFeature(
            "software-version", [Standard("XEP-0092", "Software Version", "1.1")],
            requests: [
                Request(name: "query", namespace: "jabber:iq:version", scopes: [.server]) { request in
                    guard !request.isSet else { return request.refuse(.badRequest("the version is asked with get")) }
                    request.reply(
                        "<query xmlns='jabber:iq:version'><name>Roost</name><version>"
                            + "\(XMLText.escape(request.server.version))</version></query>")
                }
            ],
            serverFeatures: ["jabber:iq:version"])
    }
}
