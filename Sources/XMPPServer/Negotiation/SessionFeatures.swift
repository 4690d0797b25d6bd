/// Features without requests of their own: they are announced, and live in the stream or in the core.
extension XMPPFeature {
    /// Resource binding (RFC 6120 §7), and the session request of RFC 3921, which old clients still send.
    static var binding: XMPPFeature {
        XMPPFeature(
            "binding", [Standard("RFC 6120", "XMPP Core", "", .partial("no streams between servers yet"))],
            requests: [
                Request(name: "session", namespace: XMPPNamespace.session, scopes: [.account, .server]) { request in
                    request.isSet ? request.reply() : request.refuse(.badRequest("a session is set"))
                },
                Request(name: "bind", namespace: XMPPNamespace.bind, scopes: [.account, .server]) { request in
                    request.refuse(.notAllowed)
                },
            ],
            streamFeature: "<bind xmlns='\(XMPPNamespace.bind)'><required/></bind>"
                + "<session xmlns='\(XMPPNamespace.session)'><optional/></session>")
    }

    static var streamManagement: XMPPFeature {
        XMPPFeature(
            "stream-management", [Standard("XEP-0198", "Stream Management", "1.6.1")],
            streamFeature: "<sm xmlns='\(XMPPNamespace.streamManagement)'><optional/></sm>",
            inline: Inline(
                feature: XMPPNamespace.streamManagement, names: ["enable"], namespace: XMPPNamespace.streamManagement
            ) { session, element in
                session.enableStreamManagement(
                    resume: ["true", "1"].contains(element["resume"] ?? ""), max: element["max"].flatMap { Int($0) })
            })
    }

    /// Offline messages (XEP-0160).
    static var offline: XMPPFeature {
        XMPPFeature(
            "offline",
            [
                Standard("XEP-0160", "Best Practices for Handling Offline Messages", "1.0.1"),
                Standard("XEP-0203", "Delayed Delivery", "2.0"),
            ], serverFeatures: ["msgoffline", "urn:xmpp:delay"])
    }

    static var stanzaIDs: XMPPFeature {
        XMPPFeature(
            "stanza-ids", [Standard("XEP-0359", "Unique and Stable Stanza IDs", "0.7.0")],
            accountFeatures: ["urn:xmpp:sid:0"])
    }
}
