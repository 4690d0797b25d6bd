import IMCore
import XMPPWire

/// Message carbons (XEP-0280); the copies are made in `IMCore/Messaging/MessageRouting`.
extension XMPPFeature {
    private static let carbonsNamespace = "urn:xmpp:carbons:2"
    /// What discovery does not show to a user whose devices get no copies.
    static let carbonsFeatures = [carbonsNamespace, "urn:xmpp:carbons:rules:0"]

    static var carbons: XMPPFeature {
        XMPPFeature(
            "carbons", [Standard("XEP-0280", "Message Carbons", "1.0.1")],
            requests: [
                Request(name: "enable", namespace: carbonsNamespace, scopes: [.account]) { set($0, true) },
                Request(name: "disable", namespace: carbonsNamespace, scopes: [.account]) { set($0, false) },
            ],
            serverFeatures: carbonsFeatures, accountFeatures: [carbonsNamespace],
            inline: Inline(feature: carbonsNamespace, names: ["enable"], namespace: carbonsNamespace) { session, _ in
                session.wantsCarbons = session.home?.policy.values.messaging.copiesToDevices ?? false
                return ""
            })
    }

    private static func set(_ request: IQRequest, _ isEnabled: Bool) {
        guard request.isSet else { return request.refuse(.badRequest("carbons are switched with set")) }
        guard !isEnabled || request.home.policy.values.messaging.copiesToDevices else {
            return request.refuse(StanzaError(.cancel, .notAllowed, "messages go to one device only"))
        }
        request.session?.wantsCarbons = isEnabled
        request.reply()
    }
}
