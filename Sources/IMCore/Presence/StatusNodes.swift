/// Nodes of personal eventing (XEP-0163) that tell of availability by another name: they follow the switch of
/// `presence.sharing`.
enum StatusNodes {
    /// XEP-0107, XEP-0108, XEP-0118, XEP-0080.
    private static let names: Set<String> = [
        "http://jabber.org/protocol/mood", "http://jabber.org/protocol/activity", "http://jabber.org/protocol/tune",
        "http://jabber.org/protocol/geoloc",
    ]

    static func contains(_ node: String) -> Bool { names.contains(node) }

    static func without(_ nodes: Set<String>) -> Set<String> {
        nodes.isDisjoint(with: names) ? nodes : nodes.subtracting(names)
    }
}
