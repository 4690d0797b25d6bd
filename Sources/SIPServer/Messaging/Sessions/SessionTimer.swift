import SIPWire

/// How long a session lasts unless it is refreshed (RFC 4028), as an end of it has agreed; pure.
struct SessionTimer: Equatable {
    /// Of every refresh.
    let seconds: Int
    /// The refreshes are ours; otherwise the peer's.
    let isOurs: Bool
    /// Uptime, milliseconds: our next refresh, or the end because no refresh of the peer has come.
    let due: Int64

    /// No shorter time is ever agreed on (§5).
    static let least = 90

    private init(seconds: Int, isOurs: Bool, _ uptime: Int64) {
        self.seconds = seconds
        self.isOurs = isOurs
        // §10: half of the time is gone; a third, but no more than 32 seconds, is left.
        let wait = isOurs ? seconds / 2 : seconds - min(32, seconds / 3)
        due = uptime + Int64(wait) * 1_000
    }

    /// What a request that begins or refreshes a session comes to.
    enum Verdict: Equatable {
        /// It lasts until somebody ends it.
        case endless
        /// 422 with that Min-SE (§9).
        case tooBrief(Int)
        case timed(SessionTimer)
    }

    /// - Parameters:
    ///   - request: INVITE or UPDATE of the peer.
    ///   - least: seconds, at least 90.
    static func verdict(on request: SIPMessage, least: Int, uptime: Int64) -> Verdict {
        guard let value = request.first(.sessionExpires), let seconds = seconds(value) else { return .endless }
        let isCapable = request.supports("timer") || request.requires("timer")
        guard seconds >= least else { return isCapable ? .tooBrief(least) : .endless }
        // Table 2 of §9: what the caller says counts; without a word it is the caller, if it can.
        let refresher = SIPParameters(value)["refresher"]
        let isOurs = refresher?.matches("uas") ?? !isCapable
        // Ours go as UPDATE, which does not touch the description.
        guard !isOurs || request.all(.allow).contains("update") else { return .endless }
        return .timed(SessionTimer(seconds: seconds, isOurs: isOurs, uptime))
    }

    /// What the answer to a request of ours comes to; nil for a session that lasts until somebody ends it.
    static func agreed(in answer: SIPMessage, uptime: Int64) -> SessionTimer? {
        guard let value = answer.first(.sessionExpires), let seconds = seconds(value), seconds >= least else {
            return nil
        }
        let isOurs = SIPParameters(value)["refresher"]?.matches("uac") ?? false
        guard !isOurs || answer.all(.allow).contains("update") else { return nil }
        return SessionTimer(seconds: seconds, isOurs: isOurs, uptime)
    }

    /// The same once more, from now on.
    func renewed(_ uptime: Int64) -> SessionTimer { SessionTimer(seconds: seconds, isOurs: isOurs, uptime) }

    /// Header fields of the answer to the peer's request (§9).
    func describe(_ builder: inout SIPResponseBuilder) {
        builder.add(.sessionExpires, text: "\(seconds);refresher=\(isOurs ? "uas" : "uac")")
        if !isOurs { builder.add(.require, "timer") }
    }

    /// `delta-seconds`, before the parameters.
    static func seconds(_ value: SIPBytes) -> Int? {
        let digits = value.firstIndex(of: 0x3B).map { value.part(0, $0).trimmed } ?? value
        return SIPMessage.seconds(digits).map { Int($0) }
    }
}
