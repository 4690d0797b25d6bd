import Storage
import XMLWire
import XMPPWire

/// Bookmarks of rooms: one list in three places (XEP-0402 §5.3): the items of `urn:xmpp:bookmarks:1`, the one item of
/// the node `storage:bookmarks` (XEP-0048) and the element of private storage (XEP-0049). Whatever place is written,
/// the others follow in the same transaction.
extension PubSubEngine {
    /// An item was published to an account's node.
    mutating func convert(_ item: PubSubItem, of node: PubSubNode) throws {
        switch node.name {
        case AvatarNode.metadata:
            if let element = XMLElement(stored: item.payload) { try convertAvatar(element) }
        case BookmarkNode.items: try collectBookmarks()
        case BookmarkNode.legacy:
            guard let storage = XMLElement(stored: item.payload), Self.isStorage(storage) else { return }
            try spreadBookmarks(storage)
            try storePrivately(storage)
        default: break
        }
    }

    mutating func retracted(_ ids: [String], from node: PubSubNode) throws {
        if service.isPersonal, node.name == BookmarkNode.items { try collectBookmarks() }
    }

    /// A node was purged or deleted.
    mutating func emptied(_ node: PubSubNode) throws {
        guard service.isPersonal else { return }
        if node.name == BookmarkNode.items { try collectBookmarks() }
        if node.name == AvatarNode.metadata {
            try convertAvatar(XMLElement("metadata", namespace: AvatarNode.metadata))
        }
    }

    static func isStorage(_ element: XMLElement) -> Bool {
        element.name == "storage" && element.namespace == BookmarkNode.legacy
    }

    /// Stores elements in the account's private storage (XEP-0049); a list of bookmarks goes to its nodes too.
    public mutating func setPrivate(_ elements: [XMLElement]) throws {
        for element in elements {
            try storePrivately(element)
            guard Self.isStorage(element) else { continue }
            try spreadBookmarks(element)
            try publishQuietly(element, id: "current", to: BookmarkNode.legacy)
        }
    }

    // MARK: From the items

    /// Writes the list of the older specifications from the items.
    private mutating func collectBookmarks() throws {
        guard let userID = service.userID else { return }
        var storage = XMLElement("storage", namespace: BookmarkNode.legacy)
        // What is no room, such as the address of a page, has no place among the items and stays.
        let old = try ProfileStore.privateElement(
            "storage", namespace: BookmarkNode.legacy, of: userID, in: transaction)
        if let old = old.flatMap({ XMLElement(stored: $0) }) {
            storage.children = old.elements.filter { $0.name != "conference" }.map { .element($0) }
        }
        if let node = try PubSubStore.node(BookmarkNode.items, of: address, in: transaction) {
            for item in try PubSubStore.oldest(of: node, limit: limits.items, in: transaction) {
                guard let conference = XMLElement(stored: item.payload), conference.name == "conference" else {
                    continue
                }
                storage.children.append(.element(Self.legacy(conference, jid: item.id)))
            }
        }
        try storePrivately(storage)
        try publishQuietly(storage, id: "current", to: BookmarkNode.legacy)
    }

    private func storePrivately(_ element: XMLElement) throws {
        guard let userID = service.userID else { return }
        let fits = try ProfileStore.setPrivateElement(
            element.standaloneBytes, name: element.name, namespace: element.namespace, of: userID,
            limit: privateStorageBytes, in: transaction)
        guard fits else {
            throw StanzaError(
                .cancel, .resourceConstraint, "private storage holds at most \(privateStorageBytes) bytes")
        }
    }

    private static func legacy(_ conference: XMLElement, jid: String) -> XMLElement {
        var legacy = XMLElement("conference", namespace: BookmarkNode.legacy, attributes: ["jid": jid])
        for name in ["name", "autojoin"] { legacy[name] = conference[name] }
        for name in ["nick", "password"] {
            guard let text = conference.child(name, namespace: BookmarkNode.items)?.text else { continue }
            legacy.children.append(
                .element(XMLElement(name, namespace: BookmarkNode.legacy, children: [.text(text)])))
        }
        return legacy
    }

    // MARK: To the items

    /// Brings the items into line with a list; what has not changed is neither written nor told.
    private mutating func spreadBookmarks(_ storage: XMLElement) throws {
        var wanted: [(id: String, conference: XMLElement)] = []
        var ids: Set<String> = []
        for element in storage.elements where element.name == "conference" && element.namespace == BookmarkNode.legacy {
            guard let text = element["jid"], let jid = try? JID(parsing: text),
                ids.insert(jid.bare.description).inserted
            else { continue }
            wanted.append((jid.bare.description, element))
        }
        guard wanted.count <= limits.items else {
            throw StanzaError(.cancel, .resourceConstraint, "at most \(limits.items) bookmarks are kept")
        }
        var known: [String: XMLElement] = [:]
        if let node = try PubSubStore.node(BookmarkNode.items, of: address, in: transaction) {
            for item in try PubSubStore.oldest(of: node, limit: limits.items, in: transaction) {
                known[item.id] = XMLElement(stored: item.payload) ?? XMLElement("", namespace: "")
            }
        }
        for (id, conference) in wanted {
            let item = Self.item(conference, extending: known[id])
            if known[id] != item { try publishQuietly(item, id: id, to: BookmarkNode.items) }
        }
        let gone = known.keys.filter { !ids.contains($0) }.sorted()
        guard !gone.isEmpty, var node = try PubSubStore.node(BookmarkNode.items, of: address, in: transaction) else {
            return
        }
        for id in gone { _ = try PubSubStore.retract(id, from: &node, in: transaction) }
        try announce(PubSubEvent.retraction(node.name, gone), node)
    }

    /// The item for a room of the list; what only items can hold is kept.
    private static func item(_ conference: XMLElement, extending known: XMLElement?) -> XMLElement {
        var item = XMLElement("conference", namespace: BookmarkNode.items)
        // In the order in which the item had them, so that an unchanged one compares equal.
        for attribute in known?.attributes ?? [] where conference[attribute.name] != nil { item[attribute.name] = "" }
        for name in ["name", "autojoin"] { item[name] = conference[name] }
        for name in ["nick", "password"] {
            guard let text = conference.child(name, namespace: BookmarkNode.legacy)?.text else { continue }
            item.children.append(.element(XMLElement(name, namespace: BookmarkNode.items, children: [.text(text)])))
        }
        if let extensions = known?.child("extensions", namespace: BookmarkNode.items) {
            item.children.append(.element(extensions))
        }
        return item
    }
}
