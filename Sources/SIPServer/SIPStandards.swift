/// The specifications of the SIP face, for docs/PROTOCOLS.md.
public enum SIPStandards {
    private struct Standard {
        var number: String
        var title: String
        /// Nil for complete, else what is missing or how far it goes.
        var partial: String?
        /// Target and folder.
        var home: String

        init(_ number: String, _ title: String, _ home: String, _ partial: String? = nil) {
            (self.number, self.title, self.home, self.partial) = (number, title, home, partial)
        }
    }

    /// The part of the page about SIP.
    public static func markdown() -> String {
        var text = """

            ## SIP

            *Home* is the target, and the folder where there is one.

            | | title | | home |
            | --- | --- | --- | --- |

            """
        for standard in all {
            text +=
                "| \(standard.number) | \(standard.title) | \(standard.partial.map { "partial: \($0)" } ?? "complete")"
                + " | \(standard.home) |\n"
        }
        return text
    }

    private static let all: [Standard] = [
        Standard("RFC 3261", "SIP", "SIPWire, SIPServer", "no multicast; TLS without CRLs"),
        Standard("RFC 3263", "Locating SIP Servers", "Resolving"),
        Standard("RFC 3265, 6665", "Event Notification", "SIPServer/Events"),
        Standard("RFC 3311", "UPDATE", "SIPServer/Proxy", "passed on"),
        Standard("RFC 3327", "Path", "SIPServer/Registration"),
        Standard("RFC 3428", "MESSAGE", "SIPServer/Messaging"),
        Standard("RFC 3515", "REFER", "SIPServer/Proxy", "passed on"),
        Standard("RFC 3581", "Symmetric Response Routing (rport)", "SIPServer/Transport"),
        Standard("RFC 3680", "Registration Event Package", "SIPServer/Events"),
        Standard("RFC 3842", "Message Summary Event Package", "SIPServer/Events", "counts of stored messages"),
        Standard("RFC 3856", "Presence Event Package", "SIPServer/Events"),
        Standard("RFC 3857, 3858", "Watcher Information", "SIPServer/Events"),
        Standard(
            "RFC 3862", "Common Presence and Instant Messaging (CPIM)", "Interworking/Messages", "text; no signatures"),
        Standard("RFC 3863", "PIDF", "PresenceWire/PIDF"),
        Standard("RFC 3903", "PUBLISH", "SIPServer/Events"),
        Standard("RFC 3994", "Indication of Message Composition", "Interworking/Messages"),
        Standard(
            "RFC 4028", "Session Timers", "SIPServer/Proxy, SIPServer/Messaging/Sessions",
            "refreshes of our own go as UPDATE"),
        Standard("RFC 4235", "Dialog Event Package", "SIPServer/Events"),
        Standard("RFC 4320", "Non-INVITE Transactions", "SIPServer/Transactions"),
        Standard("RFC 4475, 5118", "Torture Tests", "Tests/SIPWireTests"),
        Standard("RFC 4479, 4480", "Data Model, RPID", "PresenceWire/RPID"),
        Standard("RFC 4662", "Event Lists", "SIPServer/Events", "the user's own contact list"),
        Standard(
            "RFC 4745, 5025", "Common Policy, Presence Rules", "PresenceWire/PresenceRules",
            "what block and allow lists can say"),
        Standard("RFC 4825", "XCAP", "SIPServer/XCAP"),
        Standard("RFC 4826", "Resource Lists", "PresenceWire/ResourceLists", "the contact list as one list"),
        Standard("RFC 4975", "MSRP", "SIPWire, SIPServer/Messaging/Sessions", "text, no relays"),
        Standard(
            "RFC 5262, 5263", "Partial Presence", "PresenceWire/PIDF, SIPServer/Events",
            "to watchers; whole tuples and persons"),
        Standard(
            "RFC 5367", "Subscriptions to Lists in Requests", "SIPServer/Events", "presence of people of this server"),
        Standard("RFC 5393", "Loop Detection and Amplification", "SIPServer/Proxy"),
        Standard("RFC 5438", "Instant Message Disposition Notification", "Interworking/Messages"),
        Standard("RFC 5626", "Outbound", "SIPServer/Registration"),
        Standard("RFC 5627", "GRUU", "SIPServer/Registration"),
        Standard(
            "RFC 5874, 5875", "XCAP Diff", "PresenceWire/XCAP, SIPServer/Events",
            "tags of the own documents; no patches"),
        Standard("RFC 6026", "INVITE Transactions, 2xx", "SIPServer/Transactions"),
        Standard("RFC 7247", "SIP and XMPP: Addresses and Errors", "Interworking"),
        Standard("RFC 7572", "SIP and XMPP: Single Messages", "Interworking/Messages"),
        Standard("RFC 7573", "SIP and XMPP: Message Sessions", "SIPServer/Messaging/Sessions"),
        Standard("RFC 8048", "SIP and XMPP: Presence", "Interworking/Presence, SIPServer/Foreign"),
        Standard("RFC 8760", "Digest with SHA-256", "SIPWire, SIPServer/Authentication", "MD5 and SHA-256, qop=auth"),
    ]
}
