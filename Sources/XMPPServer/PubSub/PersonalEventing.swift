import IMCore
import XMLWire
import XMPPWire

/// Every account a pubsub service (XEP-0163), and what is kept there.
extension XMPPFeature {
    static var personalEventing: XMPPFeature {
        XMPPFeature(
            "pubsub",
            [
                Standard(
                    "XEP-0060", "Publish-Subscribe", "1.26.0",
                    .partial(
                        "no collections, leases, content filters, temporary or several subscriptions of an address")),
                Standard("XEP-0163", "Personal Eventing Protocol", "1.2.2"),
                Standard("XEP-0222", "Persistent Storage of Public Data via PubSub", "1.0.2"),
                Standard("XEP-0223", "Persistent Storage of Private Data via PubSub", "1.1.1"),
                Standard("XEP-0059", "Result Set Management", "1.0"),
                Standard("XEP-0080", "User Location", "1.9.1"),
                Standard("XEP-0084", "User Avatar", "1.1.4"),
                Standard("XEP-0107", "User Mood", "1.2.1"),
                Standard("XEP-0108", "User Activity", "1.3.1"),
                Standard("XEP-0118", "User Tune", "1.3.0"),
                Standard("XEP-0172", "User Nickname", "1.1"),
                Standard("XEP-0384", "OMEMO Encryption", "0.8.3"),
                Standard("XEP-0490", "Message Displayed Synchronization", "1.0.1", .partial("no server assistance")),
            ],
            requests: [
                Request(
                    name: "pubsub", namespace: PubSubNamespace.pubsub, scopes: [.account, .contact],
                    handle: handlePubSub),
                Request(
                    name: "pubsub", namespace: PubSubNamespace.owner, scopes: [.account, .contact],
                    handle: handlePubSub),
            ],
            accountFeatures: PubSubDiscovery.features(isPersonal: true),
            nodes: Nodes(scopes: [.account, .contact], answer: answerPersonalNode))
    }

    private static func handlePubSub(_ request: IQRequest) {
        let (payload, isSet) = (request.payload, request.isSet)
        atPersonalService(request) { service, requester in
            request.pubsub(service, requester) { try PubSubRequests.run(payload, isSet: isSet, &$0) }
        }
    }

    /// The service of the account that is asked. One that does not exist and one that blocks the asker look alike.
    ///
    /// - Parameter otherwise: answers for those; nil for `service-unavailable`.
    static func atPersonalService(
        _ request: IQRequest, _ body: @escaping (PubSubAddress, PubSubRequester) -> Void,
        otherwise: (() -> Void)? = nil
    ) {
        let asker = request.asker
        guard let target = request.target, target != request.home.jid else {
            let home = request.home
            return body(PubSubAddress(jid: home.jid, userID: home.id), PubSubRequester(asker, isAccountOwner: true))
        }
        let router = request.server.router
        router.homes.withHome(target) { home in
            guard let home, !home.blocks(asker, .iq) else {
                if let otherwise { otherwise() } else { request.refuse(.serviceUnavailable) }
                return
            }
            body(
                PubSubAddress(jid: home.jid, userID: home.id), router.pubsubRequester(asker, at: home))
        }
    }
}

extension IQRequest {
    /// Has a pubsub request done and answers with what it says.
    ///
    /// - Parameter refuse: answers errors; nil answers with the error itself.
    func pubsub(
        _ service: PubSubAddress, _ requester: PubSubRequester,
        _ body: @escaping @Sendable (inout PubSubEngine) throws -> String, refuse: ((StanzaError) -> Void)? = nil
    ) {
        let config = server.config
        server.router.pubsub(
            service, requester,
            { engine in
                engine.privateStorageBytes = config.privateStorageBytes
                engine.vcardBytes = config.vcardBytes
                return try body(&engine)
            },
            then: { result in
                switch result {
                case .success(let content): self.reply(content)
                case .failure(let error): if let refuse { refuse(error) } else { self.refuse(error) }
                }
            })
    }
}
