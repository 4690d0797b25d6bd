import IMCore
import Interworking
import SIPWire
import XMPPWire

/// What the sender of an MSRP message wants to be told of it beyond the answer (RFC 4975 §7.1.1).
struct ReportWish {
    /// Message-ID of MSRP.
    let messageID: SIPBytes
    /// Length of the whole message.
    let bytes: Int
    let wantsSuccess: Bool
    let wantsFailure: Bool
    /// Of the stanza that the message became.
    var stanzaID = ""
}

// REPORT to the SIP side (RFC 4975 §7.1.2): success when the user's client sends a receipt (RFC 7573: delivery reports are
// XEP-0184 on the other side), failure when an error comes back after the message was answered.

extension ChatSession {
    /// Messages that are remembered for reports; older ones get none.
    private static let wishBound = 200

    func note(_ wish: ReportWish, as stanzaID: String) {
        guard wish.wantsSuccess || wish.wantsFailure else { return }
        if wishes.count >= Self.wishBound { wishes.removeFirst() }
        var wish = wish
        wish.stanzaID = stanzaID
        wishes.append(wish)
    }

    /// What a stanza for the SIP side says about an earlier message of it.
    func reportWhatItSays(_ notification: MessageContent.Notification) {
        guard notification.state != .failed, let wish = take(notification.messageID), wish.wantsSuccess else { return }
        report(wish, 200, "OK")
    }

    /// An error came back for a message of the SIP side.
    ///
    /// - Returns: false when no message of this session is meant.
    @discardableResult
    func reportFailure(_ stanza: MessageStanza) -> Bool {
        guard let wish = take(String(decoding: stanza.id, as: UTF8.self)) else { return false }
        if wish.wantsFailure {
            report(wish, Self.code(of: stanza.errorCondition ?? .undefinedCondition), "Not Delivered")
        }
        return true
    }

    private func take(_ stanzaID: String) -> ReportWish? {
        guard !stanzaID.isEmpty, let index = wishes.lastIndex(where: { $0.stanzaID == stanzaID }) else { return nil }
        return wishes.remove(at: index)
    }

    /// Codes that RFC 4975 §10 knows.
    private static func code(of condition: StanzaError.Condition) -> Int {
        switch condition {
        case .remoteServerTimeout: 408
        case .policyViolation: 413
        case .notAcceptable: 415
        case .featureNotImplemented: 501
        default: 403
        }
    }

    func report(_ wish: ReportWish, _ code: Int, _ comment: String) {
        guard let link, let path = localPath, !hasEnded else { return }
        let name = transaction()
        link.write {
            MSRPWriter.report(
                of: wish.messageID, bytes: wish.bytes, code: code, comment: comment, to: media.path, from: path,
                transaction: name, into: &$0)
        }
    }
}
