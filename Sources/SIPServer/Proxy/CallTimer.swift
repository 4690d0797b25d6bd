import SIPWire

/// What a proxy has to say about the time that a call lasts unless it is refreshed (RFC 4028 §8), where the administrator wants
/// calls to be refreshed; pure.
struct CallTimer {
    /// Of Session-Expires; nil where the request stays as it is.
    let seconds: Int?
    /// The caller can refresh.
    private let isCapable: Bool

    enum Verdict {
        case pass(CallTimer?)
        /// 422 with that Min-SE.
        case tooBrief(Int)
    }

    /// - Parameters:
    ///   - request: anything that is passed on.
    ///   - wanted: seconds; 0 leaves everything to the ends.
    ///   - least: seconds, at least 90.
    static func verdict(on request: SIPMessage, wanted: Int, least: Int) -> Verdict {
        guard wanted > 0, request.method == .invite || request.method == .update else { return .pass(nil) }
        let isCapable = request.supports("timer") || request.requires("timer")
        let floor = max(least, request.first(.minSE).flatMap { SessionTimer.seconds($0) } ?? 0)
        guard let value = request.first(.sessionExpires), let asked = SessionTimer.seconds(value) else {
            return .pass(CallTimer(seconds: max(wanted, floor), isCapable: isCapable))
        }
        if asked < least {
            return isCapable ? .tooBrief(least) : .pass(CallTimer(seconds: floor, isCapable: false))
        }
        // It may become shorter, but not than those before us can bear (§8.1).
        let shorter = max(wanted, floor)
        return .pass(CallTimer(seconds: asked > shorter ? shorter : nil, isCapable: isCapable))
    }

    /// What a 2xx needs beside what it has: the callee knows nothing of timers, and so the caller refreshes (§8.2).
    func missing(in response: SIPMessage) -> String {
        guard let seconds, isCapable, response.status.isSuccess, !response.has(.sessionExpires) else { return "" }
        return "Session-Expires: \(seconds);refresher=uac\r\n"
            + (response.requires("timer") ? "" : "Require: timer\r\n")
    }
}
