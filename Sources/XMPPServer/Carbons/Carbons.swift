/// Message carbons (XEP-0280); the copies are made in `IMCore/Messaging/MessageRouting`.
extension XMPPFeature {
    private static let carbonsNamespace = "urn:xmpp:carbons:2"

    static var carbons: XMPPFeature {
        XMPPFeature(
            "carbons", [Standard("XEP-0280", "Message Carbons", "1.0.1")],
            requests: [
                Request(name: "enable", namespace: carbonsNamespace, scopes: [.account]) { set($0, true) },
                Request(name: "disable", namespace: carbonsNamespace, scopes: [.account]) { set($0, false) },
            ],
            serverFeatures: [carbonsNamespace, "urn:xmpp:carbons:rules:0"], accountFeatures: [carbonsNamespace],
            inline: Inline(feature: carbonsNamespace, names: ["enable"], namespace: carbonsNamespace) { session, _ in
                session.wantsCarbons = true
                return ""
            })
    }

    private static func set(_ request: IQRequest, _ isEnabled: Bool) {
        guard request.isSet else { return request.refuse(.badRequest("carbons are switched with set")) }
        request.session?.wantsCarbons = isEnabled
        request.reply()
    }
}
