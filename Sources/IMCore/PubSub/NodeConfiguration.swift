import XMPPWire

/// Who may subscribe to a node and read it (XEP-0060 §4.5).
public enum AccessModel: String, Sendable, CaseIterable { case open, presence, roster, authorize, whitelist }

/// Who may publish to a node (XEP-0060 §7, `pubsub#publish_model`).
public enum PublishModel: String, Sendable, CaseIterable { case publishers, subscribers, open }

/// When the last item is sent without a publication (`pubsub#send_last_published_item`).
public enum SendLastItem: String, Sendable, CaseIterable {
    case never
    case onSubscription = "on_sub"
    case onSubscriptionAndPresence = "on_sub_and_presence"
}

/// Whose address items carry for replies (`pubsub#itemreply`).
public enum ItemReply: String, Sendable, CaseIterable { case owner, publisher }

/// Bounds of every service, from the settings.
public struct PubSubLimits: Sendable {
    /// Nodes that one account may own at a service.
    public var nodes = 1_000
    /// Items of a node: what `pubsub#max_items` may ask for, and what `max` means.
    public var items = 10_000
    /// Bytes of one item's payload.
    public var itemBytes = 262_144
    /// Bytes of all items that one account owns at a service.
    public var totalBytes = 52_428_800
    /// Subscriptions, and affiliations, of a node.
    public var subscriptions = 10_000
    /// What the service knows enough of its users for.
    var accessModels = AccessModel.allCases
    /// Bytes of a node's or an item's name, of a title and the like.
    static let nameBytes = 1_023
    /// Roster groups or contacts of a node.
    static let listedValues = 100
    /// Seconds, a century: what is to last longer lasts for ever.
    static let itemLifetime: Int64 = 3_155_760_000

    public init() {}
}

/// The options of a node (XEP-0060 §8.2, §16.4.4).
public struct NodeConfiguration: Sendable, Equatable {
    public var title = ""
    public var description = ""
    /// Namespace of the payloads (`pubsub#type`), empty when any will do.
    public var type = ""
    public var language = ""
    /// Addresses.
    public var contacts: [String] = []
    public var accessModel = AccessModel.open
    public var publishModel = PublishModel.publishers
    /// Groups that may read with the access model `roster`.
    public var rosterGroups: [String] = []
    public var deliversNotifications = true
    public var deliversPayloads = true
    public var notifiesConfiguration = false
    public var notifiesDeletion = true
    public var notifiesRetraction = true
    /// Tells the owners of subscriptions.
    public var notifiesSubscriptions = false
    public var persistsItems = true
    /// `Int.max` for as many as the settings allow.
    public var maxItems = 1
    /// Seconds after which an item is no more, nil for never.
    public var itemLifetime: Int64?
    public var maxPayloadBytes = PubSubLimits().itemBytes
    public var itemReply = ItemReply.owner
    public var sendLastItem = SendLastItem.onSubscription
    /// Subscribers that are not there miss what happens.
    public var deliversToAvailable = false
    public var allowsSubscriptions = true
    public var notificationType = MessageType.headline

    /// Items that are kept.
    func itemLimit(_ limits: PubSubLimits) -> Int { min(maxItems, limits.items) }

    /// What a new node of an account has (XEP-0163 §3.6 and §6).
    ///
    /// Nodes whose specification wants them private (XEP-0223) begin so, even if the client forgets to say it.
    public static func personal(_ node: String, _ limits: PubSubLimits) -> NodeConfiguration {
        var configuration = NodeConfiguration()
        configuration.accessModel = .presence
        configuration.sendLastItem = .onSubscriptionAndPresence
        configuration.maxPayloadBytes = limits.itemBytes
        switch node {
        case BookmarkNode.items, BookmarkNode.displayed:
            configuration.accessModel = .whitelist
            configuration.maxItems = .max
            configuration.sendLastItem = .never
        case BookmarkNode.legacy: configuration.accessModel = .whitelist
        default: break
        }
        return configuration
    }

    /// What a new node of a service has.
    public static func shared(_ limits: PubSubLimits) -> NodeConfiguration {
        var configuration = NodeConfiguration()
        configuration.maxItems = min(20, limits.items)
        configuration.maxPayloadBytes = limits.itemBytes
        return configuration
    }
}

/// Names of nodes that the server treats with care.
public enum BookmarkNode {
    /// XEP-0402.
    public static let items = "urn:xmpp:bookmarks:1"
    /// XEP-0048.
    public static let legacy = "storage:bookmarks"
    /// XEP-0490.
    public static let displayed = "urn:xmpp:mds:displayed:0"
}
