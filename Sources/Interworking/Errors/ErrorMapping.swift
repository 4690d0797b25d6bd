import SIPWire
import XMPPWire

/// Stanza errors as SIP statuses (RFC 7247 §7.1) and the other way round (§7.2).
public enum ErrorMapping {
    // MARK: From SIP (RFC 7247 §7.2)

    /// What a final response that is no success means to an XMPP entity. Codes of no document are as the first one of their
    /// class (RFC 3261 §8.1.3.2).
    public static func condition(of status: SIPStatus) -> StanzaError.Condition {
        switch status.rawValue {
        case 301, 410: .gone
        case 380: .notAcceptable
        case 300..<400: .redirect
        case 401: .notAuthorized
        case 403: .forbidden
        case 404, 481, 484, 485, 604: .itemNotFound
        case 405, 420, 439, 501: .featureNotImplemented
        case 406, 415, 416, 421, 482, 483, 488, 505, 606: .notAcceptable
        case 407: .registrationRequired
        case 408, 504: .remoteServerTimeout
        case 413, 414, 440, 489, 513: .policyViolation
        case 422, 423: .resourceConstraint
        case 430, 480: .recipientUnavailable
        case 486, 487: .serviceUnavailable
        case 491: .unexpectedRequest
        case 400..<500: .badRequest
        case 502: .remoteServerNotFound
        case 500..<600: .internalServerError
        default: .serviceUnavailable
        }
    }

    /// What the sender may do about it (RFC 6120 §8.3.3 names a kind for every condition).
    public static func kind(of condition: StanzaError.Condition) -> StanzaError.Kind {
        switch condition {
        case .badRequest, .jidMalformed, .notAcceptable, .policyViolation, .redirect: .modify
        case .forbidden, .notAuthorized, .registrationRequired, .subscriptionRequired: .auth
        case .recipientUnavailable, .remoteServerTimeout, .resourceConstraint, .unexpectedRequest: .wait
        case .conflict, .featureNotImplemented, .gone, .internalServerError, .itemNotFound, .notAllowed,
            .remoteServerNotFound, .serviceUnavailable, .undefinedCondition:
            .cancel
        }
    }

    /// The error that a sender gets for a response; the status is said in the text.
    public static func error(for status: SIPStatus, reason: String = "") -> StanzaError {
        let condition = condition(of: status)
        let phrase = reason.isEmpty ? "\(status.reason)" : String(reason.prefix(200))
        return StanzaError(kind(of: condition), condition, "SIP \(status.rawValue) \(phrase)")
    }

    // MARK: To SIP (RFC 7247 §7.1)

    /// The status that stands for a stanza error.
    ///
    /// - Parameter isWhole: the error speaks about the user, wherever the user is, and not about one client: then nobody
    ///   else is asked (6xx).
    public static func status(of condition: StanzaError.Condition, isWhole: Bool = false) -> SIPStatus {
        switch condition {
        case .badRequest, .conflict, .jidMalformed, .subscriptionRequired, .undefinedCondition: .badRequest
        case .featureNotImplemented: .notImplemented
        case .forbidden: isWhole ? .decline : .forbidden
        case .gone: .gone
        case .internalServerError, .resourceConstraint: .serverInternalError
        case .itemNotFound: isWhole ? .doesNotExistAnywhere : .notFound
        case .notAcceptable: isWhole ? .notAcceptableAnywhere : .notAcceptable
        case .notAllowed, .policyViolation: .forbidden
        case .notAuthorized: .unauthorized
        case .recipientUnavailable: isWhole ? .busyEverywhere : .temporarilyUnavailable
        case .redirect: .movedTemporarily
        case .registrationRequired: .proxyAuthenticationRequired
        case .remoteServerNotFound: .notFound
        case .remoteServerTimeout: .requestTimeout
        // Not 503, which would speak about the server as a whole (RFC 7247 §7.1, note on service-unavailable).
        case .serviceUnavailable: .forbidden
        case .unexpectedRequest: .requestPending
        }
    }

    /// Statuses of a registered contact that say something about the contact and nothing about the message: the message
    /// waits for another one, or for a better time.
    public static func isTemporary(_ status: SIPStatus) -> Bool {
        switch status.rawValue {
        case 404, 408, 410, 430, 480, 481, 500, 502, 503, 504: true
        case 300..<400: true
        // Proxies on the way want what we cannot give; the contact has not seen it.
        case 401, 407: true
        default: false
        }
    }
}
