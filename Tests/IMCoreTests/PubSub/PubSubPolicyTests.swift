import Testing
import XMPPWire

@testable import IMCore

@Suite("Pubsub policy")
struct PubSubPolicyTests {
    private static let stranger = PubSubRequester(JID(preparedLocal: "romeo", domain: "example.org", resource: "x"))
    private static let contact = PubSubRequester(
        JID(preparedLocal: "juliet", domain: "example.org", resource: "x"), hasPresence: true, groups: ["Friends"])

    private static func node(_ model: AccessModel) -> NodeConfiguration {
        var configuration = NodeConfiguration()
        configuration.accessModel = model
        configuration.rosterGroups = ["Friends", "Servants"]
        return configuration
    }

    @Test(
        "who reads what, with no affiliation",
        arguments: [
            (AccessModel.open, true, true), (.presence, false, true), (.roster, false, true),
            (.authorize, false, false), (.whitelist, false, false),
        ])
    func access(model: AccessModel, stranger: Bool, contact: Bool) {
        let node = Self.node(model)
        #expect(
            (PubSubPolicy.retrievalError(node, .none, Self.stranger, subscription: nil) == nil) == stranger)
        #expect((PubSubPolicy.retrievalError(node, .none, Self.contact, subscription: nil) == nil) == contact)
    }

    @Test("affiliations go before access models", arguments: AccessModel.allCases)
    func affiliations(model: AccessModel) {
        let node = Self.node(model)
        for affiliation in [Affiliation.owner, .publisher, .member] {
            #expect(PubSubPolicy.retrievalError(node, affiliation, Self.stranger, subscription: nil) == nil)
        }
        for affiliation in [Affiliation.outcast, .publishOnly] {
            let error = PubSubPolicy.retrievalError(node, affiliation, Self.contact, subscription: .subscribed)
            #expect(error == .pubsubForbidden)
        }
    }

    @Test("an approved subscriber of an authorize node reads, a pending one does not")
    func authorize() {
        let node = Self.node(.authorize)
        #expect(PubSubPolicy.retrievalError(node, .none, Self.stranger, subscription: .subscribed) == nil)
        #expect(PubSubPolicy.retrievalError(node, .none, Self.stranger, subscription: .pending) != nil)
        #expect(PubSubPolicy.subscription(node, .none, Self.stranger) == .success(.pending))
        #expect(PubSubPolicy.subscription(node, .member, Self.stranger) == .success(.subscribed))
    }

    @Test("a node may forbid subscriptions, except to its owner")
    func closedToSubscribers() {
        var node = Self.node(.open)
        node.allowsSubscriptions = false
        #expect(PubSubPolicy.subscription(node, .none, Self.stranger) == .failure(.unsupported("subscribe")))
        #expect(PubSubPolicy.subscription(node, .owner, Self.stranger) == .success(.subscribed))
    }

    @Test("who publishes, by publish model")
    func publishing() {
        var node = Self.node(.open)
        for (model, none, subscribed) in [
            (PublishModel.publishers, false, false), (.subscribers, false, true), (.open, true, true),
        ] {
            node.publishModel = model
            #expect(PubSubPolicy.mayPublish(node, .none, isSubscribed: false) == none)
            #expect(PubSubPolicy.mayPublish(node, .member, isSubscribed: true) == subscribed)
            #expect(PubSubPolicy.mayPublish(node, .publishOnly, isSubscribed: false))
            #expect(!PubSubPolicy.mayPublish(node, .outcast, isSubscribed: true))
        }
    }
}

@Suite("Node configuration")
struct NodeSettingsTests {
    private static func submit(_ fields: [(String, [String])]) -> DataForm {
        DataForm(
            .submit, type: PubSubNamespace.nodeConfiguration, fields: fields.map { FormField($0.0, values: $0.1) })
    }

    @Test("what is stored is read back")
    func stored() throws {
        var configuration = NodeConfiguration.personal("n", PubSubLimits())
        try configuration.apply(
            Self.submit([
                ("pubsub#title", ["a 'title' & more"]), ("pubsub#roster_groups_allowed", ["Friends", "", "Enemies"]),
                ("pubsub#access_model", ["roster"]), ("pubsub#max_items", ["max"]), ("pubsub#notify_config", ["true"]),
                ("pubsub#send_last_published_item", ["never"]), ("pubsub#notification_type", ["normal"]),
                ("pubsub#item_expire", ["600"]), ("pubsub#contact", ["a@example.org", "b@example.org"]),
                ("pubsub#itemreply", ["publisher"]), ("pubsub#notify_sub", ["1"]),
                ("pubsub#presence_based_delivery", ["1"]),
            ]), PubSubLimits())
        #expect(configuration.maxItems == .max && configuration.itemLimit(PubSubLimits()) == PubSubLimits().items)
        #expect(NodeConfiguration(stored: configuration.stored) == configuration)
    }

    @Test("the form that is shown can be submitted again and changes nothing")
    func roundTrip() throws {
        let configuration = NodeConfiguration.shared(PubSubLimits())
        var copy = NodeConfiguration()
        try copy.apply(
            Self.submit(configuration.form(.form, PubSubLimits()).fields.map { ($0.name, $0.values) }), PubSubLimits())
        #expect(copy == configuration)
    }

    @Test(
        "values that are not allowed are refused",
        arguments: [
            ("pubsub#access_model", "closed"), ("pubsub#max_items", "10001"), ("pubsub#max_items", "-1"),
            ("pubsub#max_items", "many"), ("pubsub#persist_items", "maybe"), ("pubsub#max_payload_size", "max"),
            ("pubsub#notification_type", "groupchat"), ("pubsub#invented", "1"), ("pubsub#node_type", "collection"),
            ("pubsub#purge_offline", "1"), ("pubsub#tempsub", "1"), ("pubsub#item_expire", "tomorrow"),
            ("pubsub#contact", "@"), ("pubsub#collection", "c"),
        ])
    func refused(name: String, value: String) {
        var configuration = NodeConfiguration()
        #expect(throws: StanzaError.self) {
            try configuration.apply(Self.submit([(name, [value])]), PubSubLimits())
        }
        #expect(!NodeConfiguration().meets(Self.submit([(name, [value])]), PubSubLimits()))
    }

    @Test("preconditions compare with what is there")
    func preconditions() {
        var configuration = NodeConfiguration.personal("n", PubSubLimits())
        configuration.maxItems = PubSubLimits().items
        let limits = PubSubLimits()
        #expect(configuration.meets(Self.submit([("pubsub#max_items", ["max"])]), limits))
        #expect(configuration.meets(Self.submit([("pubsub#max_items", ["10000"])]), limits))
        #expect(configuration.meets(Self.submit([("pubsub#persist_items", ["true"])]), limits))
        #expect(!configuration.meets(Self.submit([("pubsub#item_expire", ["600"])]), limits))
        #expect(configuration.meets(Self.submit([("pubsub#item_expire", ["max"])]), limits))
        #expect(configuration.meets(Self.submit([("pubsub#body_xslt", ["http://example.org/"])]), limits))
        #expect(!configuration.meets(Self.submit([("pubsub#access_model", ["open"])]), limits))
    }

    @Test("nodes that have to be private begin so")
    func defaults() {
        for node in [BookmarkNode.items, BookmarkNode.legacy, BookmarkNode.displayed] {
            #expect(NodeConfiguration.personal(node, PubSubLimits()).accessModel == .whitelist)
        }
        #expect(NodeConfiguration.personal("urn:x", PubSubLimits()).accessModel == .presence)
        #expect(NodeConfiguration.shared(PubSubLimits()).accessModel == .open)
    }
}
