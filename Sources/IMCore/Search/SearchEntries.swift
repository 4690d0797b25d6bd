import XMLWire

/// What of a vCard people can be found by (XEP-0054 §7).
public enum SearchEntries {
    private static let namespace = "vcard-temp"

    /// - Parameter name: of the account, where the vCard says none.
    public static func of(vcard: XMLElement, name: String?) -> [SearchStore.Entry] {
        var entries: [SearchStore.Entry] = []
        func add(_ field: SearchStore.Field, _ element: XMLElement?) {
            guard let element else { return }
            let text = element.text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
            if !text.isEmpty { entries.append(.init(field, String(text))) }
        }
        for child in vcard.elements where child.namespace == namespace {
            switch child.name {
            case "FN": add(.name, child)
            case "NICKNAME": add(.nick, child)
            case "N":
                add(.first, child.child("GIVEN", namespace: namespace))
                add(.last, child.child("FAMILY", namespace: namespace))
            case "EMAIL": add(.email, child.child("USERID", namespace: namespace))
            default: break
            }
        }
        if let name, !name.isEmpty, !entries.contains(where: { $0.field == .name }) {
            entries.append(.init(.name, name))
        }
        return entries
    }
}
