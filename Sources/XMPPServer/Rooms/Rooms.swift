/// Runs on a domain of its own; what is declared here is for docs/PROTOCOLS.md.
extension XMPPFeature {
    static var rooms: XMPPFeature {
        XMPPFeature(
            "rooms",
            [
                Standard(
                    "XEP-0045", "Multi-User Chat", "1.34.6",
                    .partial("no registration of users with rooms (§7.10), no unique room names")),
                Standard(
                    "XEP-0425", "Moderated Message Retraction", "0.3.0",
                    .partial("of the last 100 messages of a room")),
                Standard("XEP-0410", "MUC Self-Ping (Schrödinger's Chat)", "1.1.0"),
            ])
    }
}
