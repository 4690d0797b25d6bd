import SIPWire

/// Which of the final responses of several branches is passed back (RFC 3261 §16.7 step 6); pure.
enum ResponseChoice {
    /// What a branch came to, when it brought no 2xx.
    enum Result {
        case response(SIPMessage)
        /// Nobody answered: 408 of our own, of an INVITE only (RFC 4320 §4.2).
        case timeout
        /// No way there.
        case unreachable
        /// Nothing but UDP leads there, which cannot carry it.
        case tooLarge

        var code: Int {
            switch self {
            case .response(let message): Int(message.statusCode)
            case .timeout: 408
            case .unreachable: 503
            case .tooLarge: 513
            }
        }
    }

    /// The one to pass back; nil without any.
    static func best(_ results: [Result]) -> Result? {
        results.min { rank($0.code) < rank($1.code) }
    }

    /// Lower is better: any 6xx, then the lowest class; within 4xx first what the client can do something about, last what
    /// says least.
    static func rank(_ code: Int) -> Int {
        let kind = code / 100
        guard kind < 6 else { return 0 }
        guard kind == 4 else { return kind * 1_000 + 500 }
        switch code {
        case 401, 407: return 4_000
        case 415, 420, 484: return 4_100
        case 486, 600, 480: return 4_200
        case 408, 430, 481, 487: return 4_900
        default: return 4_300
        }
    }
}
