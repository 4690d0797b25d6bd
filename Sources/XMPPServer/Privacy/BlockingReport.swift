import Logging
import XMLWire
import XMPPWire

/// Why somebody was blocked, as told with the block (XEP-0377): an event for the administrator, in the log.
///
/// What a user writes is bounded and put on one line. Nothing is forwarded, whatever the report allows.
struct BlockingReport: Equatable {
    static let namespace = "urn:xmpp:reporting:1"
    /// Reports of one account that are written down in an hour.
    static let perHour = 100
    /// Characters of the user's words, and messages named, that are written down.
    private static let textLength = 500
    private static let messages = 20
    private static let idLength = 100

    /// Who is reported.
    let jid: JID
    /// `spam`, `abuse`, or `other`.
    let reason: String
    let text: String
    /// Ids of the messages that show it (XEP-0359).
    let stanzaIDs: [String]

    /// The reports of a block, one for each item that has one. What is missing in a report does not matter: the block
    /// is carried out in any case (§4).
    static func all(in block: XMLElement) -> [BlockingReport] {
        block.elements.filter { $0.name == "item" && $0.namespace == "urn:xmpp:blocking" }.compactMap(read)
    }

    private static func read(_ item: XMLElement) -> BlockingReport? {
        guard let jid = item["jid"].flatMap({ try? JID(parsing: $0) }),
            let report = item.child("report", namespace: namespace)
        else { return nil }
        let reason =
            switch report["reason"] {
            case "urn:xmpp:reporting:spam": "spam"
            case "urn:xmpp:reporting:abuse": "abuse"
            default: "other"
            }
        let ids = report.elements.filter { $0.name == "stanza-id" && $0.namespace == "urn:xmpp:sid:0" }
            .compactMap { $0["id"] }.prefix(messages)
        return BlockingReport(
            jid: jid, reason: reason,
            text: line(report.child("text", namespace: namespace)?.text ?? "", textLength),
            stanzaIDs: ids.map { line($0, idLength) })
    }

    /// The text without line breaks and other controls, with which a user could write lines of the log.
    private static func line(_ text: String, _ limit: Int) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(limit * 4) {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .format: scalars.append(" ")
            default: scalars.append(scalar)
            }
        }
        return String(String(scalars).trimmed.prefix(limit))
    }

    func log(by owner: JID, _ logger: Logger) {
        logger.notice(
            "a user was reported",
            metadata: [
                "jid": "\(jid)", "by": "\(owner)", "reason": "\(reason)", "text": "\(text)",
                "stanza-ids": "\(stanzaIDs.joined(separator: " "))",
            ])
    }
}
