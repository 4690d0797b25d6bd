/// Features of the login: announced in the stream, negotiated before there is a session.
extension XMPPFeature {
    static var extensibleSASL: XMPPFeature {
        XMPPFeature(
            "sasl2",
            [
                Standard("XEP-0388", "Extensible SASL Profile", "1.0.4", .partial("no tasks, no upgrades")),
                Standard("XEP-0440", "SASL Channel-Binding Type Capability", "0.4.1"),
                Standard("XEP-0474", "SASL SCRAM Downgrade Protection", "0.5.0"),
            ])
    }

    static var inlineBinding: XMPPFeature {
        XMPPFeature(
            "bind2", [Standard("XEP-0386", "Bind 2", "1.0.0")])
    }

    static var fast: XMPPFeature {
        XMPPFeature(
            "fast",
            [
                Standard(
                    "XEP-0484", "Fast Authentication Streamlining Tokens", "0.2.0",
                    .partial("HT-SHA-256-NONE and -ENDP; no TLS 0-RTT"))
            ])
    }
}
