import Ground

/// Entity time (XEP-0202).
extension XMPPFeature {
    static var entityTime: XMPPFeature {
        XMPPFeature(
            "entity-time", [Standard("XEP-0202", "Entity Time", "2.0")],
            requests: [
                Request(name: "time", namespace: "urn:xmpp:time", scopes: [.server]) { request in
                    guard !request.isSet else { return request.refuse(.badRequest("the time is asked with get")) }
                    request.reply(
                        "<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>"
                            + "\(Timestamp.format(request.server.time.now))</utc></time>")
                }
            ],
            serverFeatures: ["urn:xmpp:time"])
    }
}
