import XMLWire
import XMPPWire

/// What of a stanza a rule is asked about (XEP-0016 §2.1).
public enum PrivacyKind: UInt8, Sendable {
    /// Incoming.
    case message = 1
    case iq = 2
    case presenceIn = 4
    /// Presence that is broadcast or directed to somebody.
    case presenceOut = 8
    /// Subscriptions, and everything that is sent: only rules without kinds are about it.
    case all = 0
}

/// One rule of a privacy list.
struct PrivacyItem: Sendable, Equatable {
    enum Rule: Sendable, Equatable {
        /// The fall-through case.
        case any
        case jid(JID)
        case group(String)
        /// `both`, `to`, `from` or `none`.
        case subscription(String)
    }

    var order: UInt32
    var denies: Bool
    var rule: Rule
    /// Bits of `PrivacyKind`; zero for everything.
    var kinds: UInt8

    /// Blocks an address wholly: what XEP-0191 calls blocked.
    var blocked: JID? {
        guard denies, kinds == 0, case .jid(let jid) = rule else { return nil }
        return jid
    }

    /// The address that it is about.
    var address: JID? {
        if case .jid(let jid) = rule { return jid }
        return nil
    }

    func covers(_ kind: PrivacyKind) -> Bool { kinds == 0 || kinds & kind.rawValue != 0 }

    func matches(_ jid: JID, _ item: RosterItem?) -> Bool {
        switch rule {
        case .any: return true
        case .jid(let rule):
            guard rule.local == nil else {
                return rule.local == jid.local && rule.domain == jid.domain
                    && (rule.resource == nil || rule.resource == jid.resource)
            }
            guard rule.resource == nil else {
                return jid.local == nil && rule.domain == jid.domain && rule.resource == jid.resource
            }
            return jid.domain == rule.domain || jid.domain.hasSuffix("." + rule.domain)
        case .group(let group): return item.map { $0.isVisible && $0.groups.contains(group) } ?? false
        case .subscription(let state): return (item.map(\.subscription.attribute) ?? "none") == state
        }
    }
}

/// A named list of rules, in the order in which they are asked.
public struct PrivacyList: Sendable, Equatable {
    public static let namespace = "jabber:iq:privacy"
    /// Name of the list that blocked addresses are in when the user has never chosen a default list.
    static let blockListName = "blocklist"
    static let nameBytes = 1_023

    public var name: String
    var items: [PrivacyItem]

    /// The first rule that is about the stanza decides; none allows.
    func rule(for jid: JID, _ kind: PrivacyKind, _ item: RosterItem?) -> PrivacyItem? {
        items.first { $0.covers(kind) && $0.matches(jid, item) }
    }

    /// Addresses that are blocked wholly (XEP-0191 §5).
    var blocked: Set<JID> { Set(items.compactMap(\.blocked)) }

    /// Blocked addresses come first (XEP-0191 §5).
    mutating func block(_ jids: [JID]) {
        let known = blocked
        let added = jids.filter { !known.contains($0) }.map {
            PrivacyItem(order: 0, denies: true, rule: .jid($0), kinds: 0)
        }
        items = added + items
        renumber()
    }

    mutating func unblock(_ jids: [JID]) {
        items.removeAll { item in item.blocked.map(jids.contains) ?? false }
    }

    private mutating func renumber() {
        for index in items.indices { items[index].order = UInt32(index + 1) }
    }

    init(name: String, items: [PrivacyItem]) {
        self.name = name
        self.items = items
    }

    /// Reads a `<list/>`.
    /// - Throws: `bad-request` saying what is wrong with it.
    public init(_ element: XMLElement) throws(StanzaError) {
        guard let name = element["name"], !name.isEmpty, name.utf8.count <= Self.nameBytes else {
            throw .badRequest("a list needs a name of 1 to \(Self.nameBytes) bytes")
        }
        self.name = name
        items = []
        var orders: Set<UInt32> = []
        for child in element.elements {
            guard child.name == "item", child.namespace == Self.namespace else {
                throw .badRequest("a list holds items")
            }
            let item = try PrivacyItem(child)
            guard orders.insert(item.order).inserted else {
                throw .badRequest("the order \(item.order) is there twice")
            }
            items.append(item)
        }
        items.sort { $0.order < $1.order }
    }

    /// The `<list/>`.
    public var element: XMLElement {
        XMLElement(
            "list", namespace: Self.namespace, attributes: ["name": name],
            children: items.map { .element($0.element) })
    }

    /// Groups that rules name.
    var groups: [String] {
        items.compactMap { if case .group(let group) = $0.rule { group } else { nil } }
    }
}

extension PrivacyItem {
    private static let words: [(name: String, kind: PrivacyKind)] = [
        ("message", .message), ("iq", .iq), ("presence-in", .presenceIn), ("presence-out", .presenceOut),
    ]

    fileprivate init(_ element: XMLElement) throws(StanzaError) {
        switch element["action"] {
        case "allow": denies = false
        case "deny": denies = true
        default: throw .badRequest("the action of an item is allow or deny")
        }
        guard let order = element["order"].flatMap({ UInt32($0) }) else {
            throw .badRequest("the order of an item is a number")
        }
        self.order = order
        let value = element["value"] ?? ""
        switch element["type"] {
        case nil: rule = .any
        case "jid":
            guard let jid = try? JID(parsing: value) else { throw .badRequest("'\(value)' is not an address") }
            rule = .jid(jid)
        case "group":
            guard !value.isEmpty, value.utf8.count <= PrivacyList.nameBytes else {
                throw .badRequest("an item of type group names one")
            }
            rule = .group(value)
        case "subscription":
            guard ["both", "to", "from", "none"].contains(value) else {
                throw .badRequest("a subscription is both, to, from or none")
            }
            rule = .subscription(value)
        default: throw .badRequest("the type of an item is jid, group or subscription")
        }
        kinds = 0
        for child in element.elements {
            guard child.namespace == PrivacyList.namespace,
                let kind = Self.words.first(where: { $0.name == child.name })?.kind
            else { throw .badRequest("<\(child.name)/> is not a kind of stanza") }
            kinds |= kind.rawValue
        }
    }

    fileprivate var element: XMLElement {
        var element = XMLElement("item", namespace: PrivacyList.namespace)
        switch rule {
        case .any: break
        case .jid(let jid): (element["type"], element["value"]) = ("jid", jid.description)
        case .group(let group): (element["type"], element["value"]) = ("group", group)
        case .subscription(let state): (element["type"], element["value"]) = ("subscription", state)
        }
        element["action"] = denies ? "deny" : "allow"
        element["order"] = String(order)
        for (name, kind) in Self.words where kinds & kind.rawValue != 0 {
            element.children.append(.element(XMLElement(name, namespace: PrivacyList.namespace)))
        }
        return element
    }
}

/// The privacy lists of a user, and which of them are in force. A user without any has none of this.
struct PrivacyLists: Sendable {
    static let capacity = 50
    /// Rules of all lists together.
    static let items = 1_000

    /// By name, in order.
    var lists: [PrivacyList]
    var defaultName: String?
    /// Lists that sessions have chosen, for as long as they last.
    var active: [ObjectIdentifier: String] = [:]

    init(lists: [PrivacyList], defaultName: String?) {
        self.lists = lists
        self.defaultName = defaultName
    }

    /// The lists of somebody who has blocked addresses and never chosen a list (XEP-0191 §5).
    init(blocked: Set<JID>) {
        lists = []
        guard !blocked.isEmpty else { return }
        var list = PrivacyList(name: PrivacyList.blockListName, items: [])
        list.block(blocked.sorted { $0.description < $1.description })
        lists = [list]
        defaultName = list.name
    }

    subscript(name: String) -> PrivacyList? {
        get { lists.first { $0.name == name } }
        set {
            lists.removeAll { $0.name == name }
            guard let newValue else { return }
            lists.append(newValue)
            lists.sort { $0.name < $1.name }
        }
    }

    /// Name of the list that decides for a session; for nobody in particular the default.
    func name(for source: ObjectIdentifier?) -> String? { source.flatMap { active[$0] } ?? defaultName }

    func list(for source: ObjectIdentifier?) -> PrivacyList? { name(for: source).flatMap { self[$0] } }

    var blocked: Set<JID> { defaultName.flatMap { self[$0] }?.blocked ?? [] }
    var itemCount: Int { lists.reduce(0) { $0 + $1.items.count } }
}
