extension XMPPFeature {
    static var bosh: XMPPFeature {
        XMPPFeature(
            "bosh",
            [
                Standard("XEP-0124", "Bidirectional-streams Over Synchronous HTTP (BOSH)", "1.11.2"),
                Standard("XEP-0206", "XMPP Over BOSH", "1.4"),
            ])
    }
}
