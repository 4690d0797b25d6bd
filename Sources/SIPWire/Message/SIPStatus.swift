/// A status code, 100 … 699, with the reason phrase that its document gives it.
public struct SIPStatus: Hashable, Sendable, RawRepresentable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public init(_ code: Int) { rawValue = UInt16(clamping: code) }

    public var isProvisional: Bool { rawValue < 200 }
    public var isFinal: Bool { rawValue >= 200 }
    public var isSuccess: Bool { rawValue >= 200 && rawValue < 300 }
    public var isRedirection: Bool { rawValue >= 300 && rawValue < 400 }
    public var isFailure: Bool { rawValue >= 400 }
    /// 6xx: no other branch may succeed.
    public var isGlobalFailure: Bool { rawValue >= 600 }

    public static let trying = SIPStatus(100)
    public static let ringing = SIPStatus(180)
    public static let callIsBeingForwarded = SIPStatus(181)
    public static let queued = SIPStatus(182)
    public static let sessionProgress = SIPStatus(183)
    public static let ok = SIPStatus(200)
    public static let accepted = SIPStatus(202)
    public static let noNotification = SIPStatus(204)
    public static let multipleChoices = SIPStatus(300)
    public static let movedPermanently = SIPStatus(301)
    public static let movedTemporarily = SIPStatus(302)
    public static let useProxy = SIPStatus(305)
    public static let alternativeService = SIPStatus(380)
    public static let badRequest = SIPStatus(400)
    public static let unauthorized = SIPStatus(401)
    public static let paymentRequired = SIPStatus(402)
    public static let forbidden = SIPStatus(403)
    public static let notFound = SIPStatus(404)
    public static let methodNotAllowed = SIPStatus(405)
    public static let notAcceptable = SIPStatus(406)
    public static let proxyAuthenticationRequired = SIPStatus(407)
    public static let requestTimeout = SIPStatus(408)
    public static let gone = SIPStatus(410)
    public static let conditionalRequestFailed = SIPStatus(412)
    public static let requestEntityTooLarge = SIPStatus(413)
    public static let requestURITooLong = SIPStatus(414)
    public static let unsupportedMediaType = SIPStatus(415)
    public static let unsupportedURIScheme = SIPStatus(416)
    public static let badExtension = SIPStatus(420)
    public static let extensionRequired = SIPStatus(421)
    public static let sessionIntervalTooSmall = SIPStatus(422)
    public static let intervalTooBrief = SIPStatus(423)
    public static let flowFailed = SIPStatus(430)
    public static let firstHopLacksOutboundSupport = SIPStatus(439)
    public static let maxBreadthExceeded = SIPStatus(440)
    public static let temporarilyUnavailable = SIPStatus(480)
    public static let callDoesNotExist = SIPStatus(481)
    public static let loopDetected = SIPStatus(482)
    public static let tooManyHops = SIPStatus(483)
    public static let addressIncomplete = SIPStatus(484)
    public static let ambiguous = SIPStatus(485)
    public static let busyHere = SIPStatus(486)
    public static let requestTerminated = SIPStatus(487)
    public static let notAcceptableHere = SIPStatus(488)
    public static let badEvent = SIPStatus(489)
    public static let requestPending = SIPStatus(491)
    public static let undecipherable = SIPStatus(493)
    public static let serverInternalError = SIPStatus(500)
    public static let notImplemented = SIPStatus(501)
    public static let badGateway = SIPStatus(502)
    public static let serviceUnavailable = SIPStatus(503)
    public static let serverTimeout = SIPStatus(504)
    public static let versionNotSupported = SIPStatus(505)
    public static let messageTooLarge = SIPStatus(513)
    public static let busyEverywhere = SIPStatus(600)
    public static let decline = SIPStatus(603)
    public static let doesNotExistAnywhere = SIPStatus(604)
    public static let notAcceptableAnywhere = SIPStatus(606)

    /// The phrase of RFC 3261 §21 or of the extension; for codes without one that of its class (`x00`).
    public var reason: StaticString {
        switch rawValue {
        case 100..<200: provisionalReason
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Notification"
        case 201..<300: "OK"
        case 300..<400: redirectionReason
        case 400..<430: requestReason
        case 430..<500: callReason
        case 500..<600: serverReason
        case 600: "Busy Everywhere"
        case 603: "Decline"
        case 604: "Does Not Exist Anywhere"
        case 606: "Not Acceptable"
        default: "Failure"
        }
    }

    private var provisionalReason: StaticString {
        switch rawValue {
        case 100: "Trying"
        case 180: "Ringing"
        case 181: "Call Is Being Forwarded"
        case 182: "Queued"
        default: "Session Progress"
        }
    }

    private var redirectionReason: StaticString {
        switch rawValue {
        case 301: "Moved Permanently"
        case 302: "Moved Temporarily"
        case 305: "Use Proxy"
        case 380: "Alternative Service"
        default: "Multiple Choices"
        }
    }

    private var requestReason: StaticString {
        switch rawValue {
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 407: "Proxy Authentication Required"
        case 408: "Request Timeout"
        case 410: "Gone"
        case 412: "Conditional Request Failed"
        case 413: "Request Entity Too Large"
        case 414: "Request-URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Unsupported URI Scheme"
        case 420: "Bad Extension"
        case 421: "Extension Required"
        case 422: "Session Interval Too Small"
        case 423: "Interval Too Brief"
        default: "Bad Request"
        }
    }

    private var callReason: StaticString {
        switch rawValue {
        case 430: "Flow Failed"
        case 439: "First Hop Lacks Outbound Support"
        case 440: "Max-Breadth Exceeded"
        case 480: "Temporarily Unavailable"
        case 481: "Call/Transaction Does Not Exist"
        case 482: "Loop Detected"
        case 483: "Too Many Hops"
        case 484: "Address Incomplete"
        case 485: "Ambiguous"
        case 486: "Busy Here"
        case 487: "Request Terminated"
        case 488: "Not Acceptable Here"
        case 489: "Bad Event"
        case 491: "Request Pending"
        case 493: "Undecipherable"
        case 494: "Security Agreement Required"
        default: "Bad Request"
        }
    }

    private var serverReason: StaticString {
        switch rawValue {
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Server Time-out"
        case 505: "Version Not Supported"
        case 513: "Message Too Large"
        case 580: "Precondition Failure"
        default: "Server Internal Error"
        }
    }
}

extension SIPStatus: CustomStringConvertible {
    public var description: String { "\(rawValue) \(reason)" }
}
