import Storage
import XMLWire
import XMPPWire

/// Contacts and open requests of an account that is imported.
extension PortableImport {
    mutating func takeRoster(_ query: XMLElement, _ line: Int) throws {
        for element in query.elements where element.name == "item" {
            guard let text = element["jid"], let contact = (try? JID(parsing: text))?.bare, contact != user.jid else {
                leaveOut(line, "roster: '\(element["jid"] ?? "")' is not the address of a contact")
                continue
            }
            guard element["subscription"] != "remove" else { continue }
            let item = try self.contact(contact, line)
            item.isVisible = true
            item.name = bounded(element["name"] ?? "", line)
            var groups: [String] = []
            for group in element.elements where group.name == "group" {
                let name = bounded(group.text, line)
                if !name.isEmpty, !groups.contains(name) { groups.append(name) }
            }
            item.groups = groups
            item.subscription = Self.subscription(of: element, pendingIn: item.subscription.pendingIn)
        }
    }

    /// A request that waits for an answer (XEP-0227 §4.8).
    mutating func takeRequest(_ presence: XMLElement, _ line: Int) throws {
        guard presence["type"] == "subscribe", let text = presence["from"],
            let contact = (try? JID(parsing: text))?.bare, contact != user.jid
        else { return leaveOut(line, "presence that is no subscription request of somebody") }
        let item = try self.contact(contact, line)
        guard !item.subscription.from else { return }
        item.subscription = SubscriptionMachine(stored: item.subscription.storedBits | 8)
        var request = presence
        request["from"] = contact.description
        request["to"] = address
        item.request = request.stanzaForm
    }

    private mutating func contact(_ contact: JID, _ line: Int) throws -> RosterItem {
        if let known = contacts[contact] { return known }
        guard contacts.count < limits.contacts else {
            throw refusal(line, "the roster has more than \(limits.contacts) contacts")
        }
        let item = RosterItem(contact: contact, isVisible: false)
        contacts[contact] = item
        return item
    }

    /// RFC 6121 §2.3.3.
    private mutating func bounded(_ text: String, _ line: Int) -> String {
        guard text.utf8.count > 1_023 else { return text }
        leaveOut(line, "roster: a name or group longer than 1023 bytes")
        return ""
    }

    private static func subscription(of element: XMLElement, pendingIn: Bool) -> SubscriptionMachine {
        var bits: Int64
        switch element["subscription"] {
        case "both": bits = 3
        case "from": bits = 2
        case "to": bits = 1
        default: bits = 0
        }
        if element["ask"] == "subscribe", bits & 1 == 0 { bits |= 4 }
        if pendingIn, bits & 2 == 0 { bits |= 8 }
        if element["approved"] == "true" || element["approved"] == "1", bits & 2 == 0 { bits |= 16 }
        return SubscriptionMachine(stored: bits)
    }
}
