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

    /// Never changed; what matters for storing and copying a message (chat states, receipts, data in band) is seen.
    static var passedOn: XMPPFeature {
        XMPPFeature(
            "passed-on",
            [
                Standard("XEP-0047", "In-Band Bytestreams", "2.0.1", .passedOn),
                Standard("XEP-0071", "XHTML-IM", "1.5.4", .passedOn),
                Standard("XEP-0085", "Chat State Notifications", "2.1", .passedOn),
                Standard("XEP-0095", "Stream Initiation", "1.2", .passedOn),
                Standard("XEP-0096", "SI File Transfer", "1.3.1", .passedOn),
                Standard("XEP-0166", "Jingle", "1.1.2", .passedOn),
                Standard("XEP-0184", "Message Delivery Receipts", "1.4.0", .passedOn),
                Standard("XEP-0234", "Jingle File Transfer", "0.19.1", .passedOn),
                Standard("XEP-0249", "Direct MUC Invitations", "1.2", .passedOn),
                Standard("XEP-0260", "Jingle SOCKS5 Bytestreams Transport Method", "1.0.3", .passedOn),
                Standard("XEP-0261", "Jingle In-Band Bytestreams Transport Method", "1.0", .passedOn),
                Standard("XEP-0308", "Last Message Correction", "1.2.1", .passedOn),
                Standard("XEP-0319", "Last User Interaction in Presence", "1.0.3", .passedOn),
                Standard("XEP-0333", "Displayed Markers", "1.0.0", .passedOn),
            ])
    }
}
