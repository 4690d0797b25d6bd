import IMCore
import XMLWire
import XMPPWire

/// What an extension plugs into the server: one value, one folder. Registering a payload twice stops the start.
struct XMPPFeature {
    /// Whom a request addresses.
    enum Scope {
        /// The server itself: `to` is a hosted domain.
        case server
        /// The client's own account: no `to`, or its own bare address.
        case account
        /// Another user's bare address, answered by the server for that user (RFC 6121 §8.5.2.1.3).
        case contact
    }

    /// A payload that the feature answers.
    struct Request {
        var name: String
        var namespace: String
        var scopes: [Scope]
        var handle: (IQRequest) -> Void
    }

    /// Nodes of service discovery (XEP-0030 §3.2) that the feature knows.
    struct Nodes {
        var scopes: [Scope]
        /// Answers the request, now or later, or returns false when the node is not one of the feature's.
        var answer: (_ request: IQRequest, _ node: String, _ aspect: Discovery.Aspect) -> Bool
    }

    /// Protocol word, as in the folder's name.
    var name: String
    var standards: [Standard]
    var requests: [Request] = []
    /// Service discovery features (XEP-0030) of the server and of accounts.
    var serverFeatures: [String] = []
    var accountFeatures: [String] = []
    /// Announced to authenticated streams.
    var streamFeature: String?
    var nodes: Nodes?

    init(
        _ name: String, _ standards: [Standard], requests: [Request] = [], serverFeatures: [String] = [],
        accountFeatures: [String] = [], streamFeature: String? = nil, nodes: Nodes? = nil
    ) {
        self.name = name
        self.standards = standards
        self.requests = requests
        self.serverFeatures = serverFeatures
        self.accountFeatures = accountFeatures
        self.streamFeature = streamFeature
        self.nodes = nodes
    }
}

/// Every extension of the server: the one list to add to.
enum XMPPFeatures {
    static var all: [XMPPFeature] {
        [
            .binding, .roster, .subscriptions, .discovery, .ping, .softwareVersion, .entityTime, .lastActivity,
            .vcardTemp, .privateStorage, .blocking, .streamManagement, .carbons, .offline, .stanzaIDs, .streams,
            .passedOn, .adHoc, .components, .search, .broadcast, .clientState, .push,
        ]
    }
}

/// The features by payload.
final class XMPPRegistry {
    private struct Key: Hashable {
        var name: String
        var namespace: String
    }

    private var requests: [Key: XMPPFeature.Request] = [:]
    let serverFeatures: [String]
    let accountFeatures: [String]
    private let nodes: [XMPPFeature.Nodes]
    private let fixedStreamFeatures: String
    let capabilities: String

    init(features: [XMPPFeature]) {
        var server: Set<String> = []
        var account: Set<String> = []
        var stream = ""
        for feature in features {
            for request in feature.requests {
                let key = Key(name: request.name, namespace: request.namespace)
                precondition(requests[key] == nil, "\(request.name) \(request.namespace) is registered twice")
                requests[key] = request
            }
            server.formUnion(feature.serverFeatures)
            account.formUnion(feature.accountFeatures)
            stream += feature.streamFeature ?? ""
        }
        serverFeatures = server.sorted()
        accountFeatures = account.sorted()
        nodes = features.compactMap(\.nodes)
        fixedStreamFeatures = stream
        capabilities = EntityCapabilities.verification(
            identities: [Discovery.serverIdentity], features: serverFeatures)
    }

    func streamFeatures(domain: String) -> String {
        fixedStreamFeatures
            + "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='\(Discovery.node)' ver='\(capabilities)'/>"
    }

    /// Lets the features answer service discovery of a node; false when none knows it.
    func answerNode(
        _ request: IQRequest, _ node: String, _ aspect: Discovery.Aspect, _ scope: XMPPFeature.Scope
    ) -> Bool {
        nodes.contains { $0.scopes.contains(scope) && $0.answer(request, node, aspect) }
    }

    func handler(_ element: XMLElement, _ scope: XMPPFeature.Scope) -> ((IQRequest) -> Void)? {
        guard let request = requests[Key(name: element.name, namespace: element.namespace)],
            request.scopes.contains(scope)
        else { return nil }
        return request.handle
    }
}
