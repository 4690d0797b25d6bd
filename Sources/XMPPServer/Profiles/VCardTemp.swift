import IMCore
import XMLWire
import XMPPWire

/// vcard-temp (XEP-0054).
extension XMPPFeature {
    private static let vcardNamespace = "vcard-temp"

    static var vcardTemp: XMPPFeature {
        XMPPFeature(
            "vcard-temp", [Standard("XEP-0054", "vcard-temp", "1.2")],
            requests: [
                Request(
                    name: "vCard", namespace: vcardNamespace, scopes: [.account, .contact], handle: handleVCard)
            ],
            serverFeatures: [vcardNamespace], accountFeatures: [vcardNamespace])
    }

    private static func handleVCard(_ request: IQRequest) {
        request.isSet ? setVCard(request) : getVCard(request)
    }

    private static func getVCard(_ request: IQRequest) {
        guard let target = request.target, target != request.home.jid else {
            return reply(request, request.home, own: true)
        }
        request.server.router.homes.withHome(target) { other in
            guard let other, !other.blocks(request.asker, .iq) else { return request.refuse(.serviceUnavailable) }
            reply(request, other, own: false)
        }
    }

    private static func reply(_ request: IQRequest, _ home: UserHome, own: Bool) {
        let userID = home.id
        request.server.router.journal.perform({ try ProfileStore.vcard(userID, in: $0) }) { result in
            switch result {
            case .success(let vcard?): request.reply(String(decoding: vcard, as: UTF8.self))
            case .success(nil) where own: request.reply("<vCard xmlns='\(vcardNamespace)'/>")
            // XEP-0054 §3.3: the same error as for an account that does not exist.
            case .success(nil): request.refuse(.serviceUnavailable)
            case .failure: request.refuse(StanzaError(.wait, .internalServerError))
            }
        }
    }

    private static func setVCard(_ request: IQRequest) {
        guard request.target == nil || request.target == request.home.jid else {
            return request.refuse(StanzaError(.auth, .forbidden))
        }
        var bytes: [UInt8] = []
        request.payload.write(into: &bytes, inheritedNamespace: XMPPNamespace.client)
        let limit = request.server.config.vcardBytes
        guard bytes.count <= limit else {
            return request.refuse(StanzaError(.modify, .policyViolation, "a vCard has at most \(limit) bytes"))
        }
        let vcard = request.payload
        let entries = SearchEntries.of(vcard: vcard, name: request.home.account.name)
        atPersonalService(request) { service, requester in
            request.pubsub(service, requester) {
                try $0.setVCard(vcard, entries: entries)
                return ""
            }
        }
    }
}
