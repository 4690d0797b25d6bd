/// What concerns streams as a whole, and what clients say to each other through the server.
extension XMPPFeature {
    static var streams: XMPPFeature {
        XMPPFeature(
            "streams",
            [
                Standard("RFC 7590", "Use of TLS in XMPP"),
                Standard("RFC 7622", "XMPP Address Format"),
                Standard("XEP-0368", "SRV records for XMPP over TLS", "1.1.0"),
            ])
    }

    /// Not looked at, never changed.
    static var passedOn: XMPPFeature {
        XMPPFeature(
            "passed-on",
            [
                Standard("XEP-0085", "Chat State Notifications", "2.1"),
                Standard("XEP-0184", "Message Delivery Receipts", "1.4.0"),
                Standard("XEP-0249", "Direct MUC Invitations", "1.2"),
                Standard("XEP-0308", "Last Message Correction", "1.2.1"),
                Standard("XEP-0333", "Displayed Markers", "1.0.0"),
            ])
    }
}
