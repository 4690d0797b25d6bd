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

    /// What may be switched on together with binding (XEP-0386 §3.2).
    struct Inline {
        /// As Bind 2 announces it.
        var feature: String
        /// Elements of `<bind/>` that it answers.
        var names: [String]
        var namespace: String
        /// Acts on a stream that was bound just now; returns what goes into `<bound/>`, serialised.
        var enable: (C2SSession, XMLElement) -> String
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
    var inline: Inline?
    /// Forms in the server's discovery information (XEP-0128).
    var serverForms: (C2SConfig) -> [DiscoveryForm] = { _ in [] }

    init(
        _ name: String, _ standards: [Standard], requests: [Request] = [], serverFeatures: [String] = [],
        accountFeatures: [String] = [], streamFeature: String? = nil, nodes: Nodes? = nil, inline: Inline? = nil,
        serverForms: @escaping (C2SConfig) -> [DiscoveryForm] = { _ in [] }
    ) {
        self.name = name
        self.standards = standards
        self.requests = requests
        self.serverFeatures = serverFeatures
        self.accountFeatures = accountFeatures
        self.streamFeature = streamFeature
        self.nodes = nodes
        self.inline = inline
        self.serverForms = serverForms
    }
}

/// Every extension of the server: the one list to add to.
enum XMPPFeatures {
    static var all: [XMPPFeature] {
        [
            .binding, .roster, .subscriptions, .discovery, .ping, .softwareVersion, .entityTime, .lastActivity,
            .vcardTemp, .privateStorage, .blocking, .allowList, .privacyLists, .adHocPresence, .streamManagement,
            .carbons, .offline,
            .flexibleOffline,
            .stanzaIDs, .streams,
            .passedOn, .adHoc, .components, .search, .broadcast, .upload, .rooms, .extensibleSASL, .inlineBinding,
            .fast,
            .registration, .contactAddresses, .externalServices, .bytestreams, .bitsOfBinary,
            .archive, .clientState, .push,
            .webSocket, .bosh, .alternativeConnections,
            .manualStatus, .userPolicies,
            .vcard4, .avatars, .bookmarks, .portable, .clientCertificates,
            // Last: it takes every node of an account for one of its own.
            .personalEventing,
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
    private let bindingFeature: String
    private var inline: [Key: XMPPFeature.Inline] = [:]
    /// What SASL2 and Bind 2 offer together with the login, serialised.
    let inlineFeatures: String
    /// Forms in the server's discovery information, in the order of their types.
    let serverForms: [DiscoveryForm]
    let capabilities: String
    /// For users whose devices get no copies: other features, so another hash.
    private let capabilitiesWithoutCarbons: String
    /// Identities of the server besides its own: many clients look for personal eventing there.
    let furtherIdentities: [Discovery.Identity]

    init(features: [XMPPFeature], config: C2SConfig) {
        var server: Set<String> = []
        var account: Set<String> = []
        var stream = ""
        var binding = ""
        var names: [String] = []
        for feature in features {
            for request in feature.requests {
                let key = Key(name: request.name, namespace: request.namespace)
                precondition(requests[key] == nil, "\(request.name) \(request.namespace) is registered twice")
                requests[key] = request
            }
            server.formUnion(feature.serverFeatures)
            account.formUnion(feature.accountFeatures)
            if feature.name == "binding" {
                binding += feature.streamFeature ?? ""
            } else {
                stream += feature.streamFeature ?? ""
            }
            guard let added = feature.inline else { continue }
            names.append("<feature var='\(added.feature)'/>")
            for name in added.names { inline[Key(name: name, namespace: added.namespace)] = added }
        }
        serverFeatures = server.sorted()
        accountFeatures = account.sorted()
        nodes = features.compactMap(\.nodes)
        fixedStreamFeatures = stream
        bindingFeature = binding
        inlineFeatures =
            "<bind xmlns='\(XMPPNamespace.bind2)'><inline>\(names.joined())</inline></bind>"
            + "<sm xmlns='\(XMPPNamespace.streamManagement)'/>"
        serverForms = features.flatMap { $0.serverForms(config) }.sorted {
            $0.type.utf8.lexicographicallyPrecedes($1.type.utf8)
        }
        furtherIdentities =
            features.contains { $0.name == XMPPFeature.personalEventing.name } ? [Discovery.personalEventing] : []
        capabilities = EntityCapabilities.verification(
            identities: furtherIdentities + [Discovery.serverIdentity], features: serverFeatures, forms: serverForms)
        capabilitiesWithoutCarbons = EntityCapabilities.verification(
            identities: furtherIdentities + [Discovery.serverIdentity],
            features: serverFeatures.filter { !XMPPFeature.carbonsFeatures.contains($0) }, forms: serverForms)
    }

    func streamFeatures(_ policy: UserPolicy) -> String { bindingFeature + boundStreamFeatures(policy) }

    /// What is left to negotiate on a bound stream.
    func boundStreamFeatures(_ policy: UserPolicy) -> String {
        fixedStreamFeatures
            + "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='\(Discovery.node)'"
            + " ver='\(capabilities(policy))'/>"
    }

    func capabilities(_ policy: UserPolicy) -> String {
        policy.values.messaging.copiesToDevices ? capabilities : capabilitiesWithoutCarbons
    }

    /// What that user may see of the server's or of an account's features.
    func shown(_ features: [String], to policy: UserPolicy) -> [String] {
        policy.values.messaging.copiesToDevices
            ? features : features.filter { !XMPPFeature.carbonsFeatures.contains($0) }
    }

    /// Lets the features answer service discovery of a node; false when none knows it.
    func answerNode(
        _ request: IQRequest, _ node: String, _ aspect: Discovery.Aspect, _ scope: XMPPFeature.Scope
    ) -> Bool {
        nodes.contains { $0.scopes.contains(scope) && $0.answer(request, node, aspect) }
    }

    /// What `element` in a Bind 2 request switches on.
    func inline(_ element: XMLElement) -> XMPPFeature.Inline? {
        inline[Key(name: element.name, namespace: element.namespace)]
    }

    func handler(_ element: XMLElement, _ scope: XMPPFeature.Scope) -> ((IQRequest) -> Void)? {
        guard let request = requests[Key(name: element.name, namespace: element.namespace)],
            request.scopes.contains(scope)
        else { return nil }
        return request.handle
    }
}
