import Ground
import Storage
import XMLWire
import XMPPWire

/// Writes an account as a `<user/>` of the portable format (XEP-0227), a page at a time.
///
/// Every page is a transaction of its own: while the account is in use, messages may come in between.
public struct PortableExport {
    /// Where the next page begins.
    public struct Cursor: Codable, Sendable, Equatable {
        enum Section: Int, Codable, Sendable {
            case account, nodes, items, offline, archive
        }

        var section = Section.account
        /// The last node that was begun.
        var node = ""
        /// Sequence or id of what came last.
        var after: Int64 = 0
        /// The section's element is open, and so is the one of its node.
        var isOpen = false
        var isNodeOpen = false

        public init() {}
    }

    /// Bytes of a page at which it ends, and one element beyond.
    static let pageBytes = 1_048_576
    private static let pageItems = 200

    private let account: Account
    private let names: OpaqueIDs
    private let transaction: any Transaction
    private var address: String { account.jid.description }
    private var cursor: Cursor
    private var xml: [UInt8] = []

    /// - Returns: the next part of the element, and where the one after it begins; nil when that was all.
    public static func page(
        of account: Account, from cursor: Cursor, names: OpaqueIDs, in transaction: any Transaction
    ) throws -> (xml: [UInt8], next: Cursor?) {
        var export = PortableExport(account: account, names: names, transaction: transaction, cursor: cursor)
        return try export.run()
    }

    private init(account: Account, names: OpaqueIDs, transaction: any Transaction, cursor: Cursor) {
        self.account = account
        self.names = names
        self.transaction = transaction
        self.cursor = cursor
    }

    private mutating func run() throws -> (xml: [UInt8], next: Cursor?) {
        while xml.count < Self.pageBytes {
            let isDone: Bool
            switch cursor.section {
            case .account: isDone = try writeAccount()
            case .nodes: isDone = try writeNodes()
            case .items: isDone = try writeItems()
            case .offline: isDone = try writeOffline()
            case .archive: isDone = try writeArchive()
            }
            guard isDone else { continue }
            close()
            guard let next = Cursor.Section(rawValue: cursor.section.rawValue + 1) else {
                append("</user>\n")
                return (xml, nil)
            }
            cursor = Cursor()
            cursor.section = next
        }
        return (xml, cursor)
    }

    private mutating func append(_ text: String) { xml += Array(text.utf8) }

    private mutating func append(_ element: XMLElement) {
        element.write(into: &xml, inheritedNamespace: PortableNamespace.current)
        xml.append(10)
    }

    private var tag: String {
        switch cursor.section {
        case .account: ""
        case .nodes, .items: "pubsub"
        case .offline: "offline-messages"
        case .archive: "archive"
        }
    }

    private mutating func open(_ namespace: String?) {
        guard !cursor.isOpen else { return }
        append("<\(tag)\(namespace.map { " xmlns='\($0)'" } ?? "")>\n")
        cursor.isOpen = true
    }

    private mutating func close() {
        if cursor.isNodeOpen { append("</items>\n") }
        if cursor.isOpen { append("</\(tag)>\n") }
    }

    // MARK: What is read at once

    private mutating func writeAccount() throws -> Bool {
        let (id, jid) = (account.id, account.jid)
        append("<user name='\(XMLText.escape(account.localpart))'>\n")
        if let credentials = try AccountStore.credentials(jid, in: transaction) {
            for verifier in [credentials.sha1, credentials.sha256] where verifier.isUsable { append(verifier.portable) }
        }
        if account.name != nil || account.isAdmin {
            var element = XMLElement("account", namespace: PortableNamespace.account)
            element["name"] = account.name
            if account.isAdmin { element["administrator"] = "true" }
            append(element)
        }
        let contacts = try RosterStore.load(id, in: transaction).map { RosterItem(record: $0) }
            .sorted { $0.contact.description < $1.contact.description }
        append("<query xmlns='jabber:iq:roster'>")
        for item in contacts where item.isVisible { append(item.xml) }
        append("</query>\n")
        for item in contacts where item.subscription.pendingIn {
            let request = item.request.flatMap { XMLElement(stored: $0) }?.asStanza()
            append(
                request
                    ?? XMLElement(
                        "presence", namespace: "jabber:client",
                        attributes: ["from": item.contact.description, "to": address, "type": "subscribe"]))
        }
        if let vcard = try ProfileStore.vcard(id, in: transaction).flatMap({ XMLElement(stored: $0) }) { append(vcard) }
        let stored = try ProfileStore.privateElements(id, in: transaction).compactMap { XMLElement(stored: $0) }
        if !stored.isEmpty {
            append(XMLElement("query", namespace: "jabber:iq:private", children: stored.map { .element($0) }))
        }
        try writePrivacy(id)
        if let preferences = try ArchivePreferences.load(id, in: transaction) { append(preferences.portable) }
        return true
    }

    /// Privacy lists; the block list is the default one (XEP-0191 §5).
    private mutating func writePrivacy(_ id: Int64) throws {
        let lists =
            try PrivacyStore.load(id, in: transaction)
            ?? PrivacyLists(blocked: try BlockStore.load(id, in: transaction))
        guard !lists.lists.isEmpty else { return }
        var query = XMLElement("query", namespace: PrivacyList.namespace)
        if let name = lists.defaultName {
            query.children.append(
                .element(XMLElement("default", namespace: PrivacyList.namespace, attributes: ["name": name])))
        }
        query.children += lists.lists.map { .element($0.element) }
        append(query)
    }

    // MARK: Nodes

    private mutating func writeNodes() throws -> Bool {
        let namespace = PubSubNamespace.owner
        let nodes = try PubSubStore.nodes(of: address, after: cursor.node, limit: 1, in: transaction)
        guard let node = nodes.first else { return true }
        cursor.node = node.name
        open(namespace)
        func element(_ name: String, _ children: [XMLElement]) -> XMLElement {
            XMLElement(
                name, namespace: namespace, attributes: ["node": node.name], children: children.map { .element($0) })
        }
        write(element("configure", [node.configuration.form(.submit).element]), inside: namespace)
        let affiliations = try PubSubStore.affiliations(with: node, in: transaction).map {
            XMLElement(
                "affiliation", namespace: namespace, attributes: ["jid": $0.jid, "affiliation": $0.affiliation.word])
        }
        if !affiliations.isEmpty { write(element("affiliations", affiliations), inside: namespace) }
        let subscriptions = try PubSubStore.subscriptions(to: node, in: transaction).map {
            XMLElement(
                "subscription", namespace: namespace,
                attributes: ["jid": $0.jid.description, "subscription": $0.state.word])
        }
        if !subscriptions.isEmpty { write(element("subscriptions", subscriptions), inside: namespace) }
        return false
    }

    private mutating func write(_ element: XMLElement, inside namespace: String) {
        element.write(into: &xml, inheritedNamespace: namespace)
        xml.append(10)
    }

    private mutating func writeItems() throws -> Bool {
        if cursor.isNodeOpen, let node = try PubSubStore.node(cursor.node, of: address, in: transaction) {
            let items = try PubSubStore.oldest(
                of: node, limit: Self.pageItems, after: cursor.after, in: transaction)
            for item in items where xml.count < Self.pageBytes {
                cursor.after = item.sequence
                let payload = XMLElement(stored: item.payload).map { [XMLElement.Node.element($0)] } ?? []
                write(
                    XMLElement(
                        "item", namespace: PubSubNamespace.pubsub, attributes: ["id": item.id], children: payload),
                    inside: PubSubNamespace.pubsub)
            }
            if !items.isEmpty { return false }
        }
        if cursor.isNodeOpen {
            append("</items>\n")
            cursor.isNodeOpen = false
        }
        // Nodes without items have no element.
        while let node = try PubSubStore.nodes(of: address, after: cursor.node, limit: 1, in: transaction).first {
            cursor.node = node.name
            guard node.itemCount > 0 else { continue }
            open(PubSubNamespace.pubsub)
            append("<items node='\(XMLText.escape(node.name))'>\n")
            cursor.isNodeOpen = true
            cursor.after = 0
            return false
        }
        return true
    }

    // MARK: Messages

    private mutating func writeOffline() throws -> Bool {
        let page = try JournalStore.page(
            account.id, after: MessageID(cursor.after), limit: Self.pageItems, bytes: Int64(Self.pageBytes),
            in: transaction)
        for message in page.messages {
            cursor.after = message.id.value
            let stanza = StanzaStamp.delayed(
                message.stanza, from: account.domain, stamp: Timestamp.format(message.id.acceptedAt))
            guard let element = XMLElement(stored: stanza)?.asStanza() else { continue }
            open(nil)
            append(element)
        }
        return page.isLast
    }

    private mutating func writeArchive() throws -> Bool {
        var selection = ArchiveStore.Selection(archive: account.id)
        selection.after = cursor.after
        let page = try ArchiveStore.page(
            selection, backwards: false, limit: Self.pageItems, bytes: Int64(Self.pageBytes), in: transaction)
        let owner = Array(address.utf8)
        for message in page.messages {
            cursor.after = message.id.value
            let name = names.name(of: message.id)
            let stanza = StanzaStamp.identified(StanzaStamp.withoutStanzaID(message.stanza), name, by: owner)
            guard let element = XMLElement(stored: stanza)?.asStanza() else { continue }
            open(PortableNamespace.archive)
            append(
                "<result xmlns='urn:xmpp:mam:2' id='\(String(decoding: name, as: UTF8.self))'>"
                    + "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='"
                    + "\(Timestamp.format(message.id.acceptedAt))'/>")
            element.write(into: &xml, inheritedNamespace: "urn:xmpp:forward:0")
            append("</forwarded></result>\n")
        }
        return page.isLast
    }
}

extension ArchivePreferences {
    fileprivate static let namespace = "urn:xmpp:mam:2"

    /// `<prefs/>` (XEP-0441).
    var portable: XMLElement {
        func list(_ name: String, _ jids: Set<JID>) -> XMLElement.Node {
            .element(
                XMLElement(
                    name, namespace: Self.namespace,
                    children: jids.map(\.description).sorted().map {
                        .element(XMLElement("jid", namespace: Self.namespace, children: [.text($0)]))
                    }))
        }
        return XMLElement(
            "prefs", namespace: Self.namespace, attributes: ["default": mode.rawValue],
            children: [list("always", always), list("never", never)])
    }

    init?(portable element: XMLElement) {
        guard let mode = element["default"].flatMap({ Mode(rawValue: $0) }) else { return nil }
        func list(_ name: String) -> Set<JID> {
            let jids = element.child(name, namespace: Self.namespace)?.elements ?? []
            return Set(jids.prefix(Self.capacity / 2).compactMap { try? JID(parsing: $0.text) })
        }
        self.init(mode, always: list("always"), never: list("never"))
    }
}
