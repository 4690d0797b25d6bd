import PresenceWire
import XMLWire
import XMPPWire

/// The contact list as a document of resource lists, and back (pure).
///
///     group                 list of that name; nested lists are groups like any other
///     contact in no group   entry in a list without a name
///     name                  display-name of each of its entries
///
/// What the contact list cannot hold stays beside it, in the document that the client last sent: empty and nested lists,
/// their order, telephone numbers, references to other lists, extensions. `render` lays what the contact list says over
/// that document.
enum RosterDocument {
    struct Contact: Equatable {
        var jid: JID
        var name: String
        var groups: [String]
    }

    /// The contacts of a document, in the order of their first entries.
    ///
    /// - Parameter known: what the contact list says now: of several names of one contact, the one that is new counts.
    static func contacts(in root: XMLElement, owner: JID, known: [JID: Contact]) -> [Contact] {
        var order: [JID] = []
        var groups: [JID: [String]] = [:]
        var names: [JID: [String]] = [:]
        for entry in ResourceLists.entries(root) {
            guard let jid = XCAPAddress.jid(entry.uri)?.bare, jid != owner else { continue }
            if groups[jid] == nil {
                order.append(jid)
                groups[jid] = []
            }
            if let list = entry.list, groups[jid]?.contains(list) == false { groups[jid]?.append(list) }
            names[jid, default: []].append(entry.name)
        }
        return order.map { jid in
            let all = names[jid] ?? []
            let old = known[jid]?.name ?? ""
            let name = all.first { !$0.isEmpty && $0 != old } ?? all.first { !$0.isEmpty } ?? ""
            return Contact(jid: jid, name: name, groups: groups[jid] ?? [])
        }
    }

    /// The contact list as a document.
    ///
    /// - Parameter kept: what the client last sent; nil for nothing.
    static func render(_ contacts: [Contact], over kept: XMLElement?, owner: JID) -> XMLElement {
        var renderer = Renderer(contacts, owner: owner)
        var root = kept ?? XMLElement("resource-lists", namespace: ResourceLists.namespace)
        renderer.lists(in: &root, group: nil)
        renderer.addMissing(to: &root)
        return root
    }

    /// White space between elements, which nobody means, is not kept.
    static func compacted(_ element: XMLElement) -> XMLElement {
        var result = element
        let isMixed = element.name == "display-name" && element.namespace == ResourceLists.namespace
        result.children = element.children.compactMap { node in
            switch node {
            case .element(let child): return .element(compacted(child))
            case .text(let text):
                let isSpace = text.allSatisfy(\.isWhitespace)
                return isSpace && !isMixed && element.namespace == ResourceLists.namespace ? nil : node
            }
        }
        return result
    }

    private struct Renderer {
        let owner: JID
        let contacts: [JID: Contact]
        /// By group; nil for no group. What no entry stands for yet.
        var missing: [String?: Set<JID>] = [:]

        init(_ contacts: [Contact], owner: JID) {
            self.owner = owner
            self.contacts = Dictionary(contacts.map { ($0.jid, $0) }, uniquingKeysWith: { first, _ in first })
            for contact in contacts {
                if contact.groups.isEmpty { missing[nil, default: []].insert(contact.jid) }
                for group in contact.groups { missing[group, default: []].insert(contact.jid) }
            }
        }

        /// Takes out entries that the contact list does not have there, and lists that thereby have become empty.
        mutating func lists(in element: inout XMLElement, group: String?) {
            var children: [XMLElement.Node] = []
            for node in element.children {
                guard case .element(var child) = node, child.namespace == ResourceLists.namespace else {
                    children.append(node)
                    continue
                }
                switch child.name {
                case "list":
                    let count = child.children.count
                    lists(in: &child, group: child["name"].flatMap { $0.isEmpty ? nil : $0 } ?? group)
                    let isEmptied =
                        child.children.count < count && !child.elements.contains { $0.name != "display-name" }
                    if !isEmptied { children.append(.element(child)) }
                case "entry":
                    if let settled = entry(child, group) { children.append(.element(settled)) }
                default: children.append(node)
                }
            }
            element.children = children
        }

        private mutating func entry(_ element: XMLElement, _ group: String?) -> XMLElement? {
            guard let jid = element["uri"].flatMap({ XCAPAddress.jid($0)?.bare }), jid != owner else { return element }
            guard missing[group]?.remove(jid) != nil, let contact = contacts[jid] else { return nil }
            let label = element.child("display-name", namespace: ResourceLists.namespace)?.text ?? ""
            guard label != contact.name else { return element }
            var element = element
            element.setDisplayName(contact.name)
            return element
        }

        mutating func addMissing(to root: inout XMLElement) {
            let groups = missing.filter { !$0.value.isEmpty }.keys.sorted { ($0 ?? "") < ($1 ?? "") }
            for group in groups {
                let entries = (missing[group] ?? []).map(\.description).sorted().compactMap { try? JID(parsing: $0) }
                    .map { ResourceLists.entry(uri: XCAPAddress.uri($0), name: contacts[$0]?.name ?? "") }
                    .map { XMLElement.Node.element($0) }
                if Self.append(entries, to: &root, group: group) { continue }
                var list = XMLElement("list", namespace: ResourceLists.namespace)
                list["name"] = group
                list.children = entries
                root.children.append(.element(list))
            }
        }

        /// To the first list of that name, wherever it is; false when there is none.
        private static func append(
            _ entries: [XMLElement.Node], to element: inout XMLElement, group: String?
        ) -> Bool {
            for (place, node) in element.children.enumerated() {
                guard case .element(var child) = node, child.name == "list",
                    child.namespace == ResourceLists.namespace
                else { continue }
                let name = child["name"].flatMap { $0.isEmpty ? nil : $0 }
                if name == group {
                    child.children += entries
                } else if group == nil || !append(entries, to: &child, group: group) {
                    // Lists without a name inside of named ones belong to those.
                    continue
                }
                element.children[place] = .element(child)
                return true
            }
            return false
        }
    }
}
