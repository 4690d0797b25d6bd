/// Bits of Binary (XEP-0231): clients ask each other's full addresses for small pictures and the like. The server, which
/// answers for accounts and for itself, has none.
extension XMPPFeature {
    static let bitsOfBinaryNamespace = "urn:xmpp:bob"

    static var bitsOfBinary: XMPPFeature {
        XMPPFeature(
            "bits-of-binary",
            [
                Standard(
                    "XEP-0231", "Bits of Binary", "1.1",
                    .partial("passed on between clients; the server has none itself"))
            ],
            requests: [
                Request(
                    name: "data", namespace: bitsOfBinaryNamespace, scopes: [.server, .account, .contact],
                    handle: refuse)
            ])
    }

    /// The same for every address, whether it exists or not (§3).
    private static func refuse(_ request: IQRequest) {
        guard !request.isSet, request.payload["cid"]?.isEmpty == false else {
            return request.refuse(.badRequest("data is asked with get, by its cid"))
        }
        request.refuse(.itemNotFound)
    }
}
