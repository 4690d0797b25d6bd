import NIOSSL

/// Why TLS did not come about, in words that an administrator can use.
enum TLSProblem {
    /// - Parameter name: that the certificate of the other side must have; empty where its address counts.
    static func text(_ error: any Error, name: String) -> String {
        let details = "\(error)"
        let wanted = name.isEmpty ? "its address" : name
        if details.contains("failedToValidateHostname") || error as? NIOSSLExtraError == .failedToValidateHostname {
            return "its certificate is not for \(wanted)"
        }
        if details.contains("CERTIFICATE_VERIFY_FAILED") {
            return "its certificate is out of date, or no authority that is believed stands behind it"
        }
        // What it has told us in an alert (RFC 8446 §6.2).
        if details.contains("CERTIFICATE_REQUIRED") { return "it wants a certificate of us" }
        if ["UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN", "UNSUPPORTED_CERTIFICATE"]
            .contains(where: details.contains)
        {
            return "it does not accept our certificate"
        }
        if error as? NIOSSLError == .uncleanShutdown {
            return "it ended the connection without a word; it may not accept our certificate"
        }
        if details.contains("PROTOCOL_VERSION") || details.contains("UNSUPPORTED_PROTOCOL") {
            return "it speaks neither TLS 1.2 nor 1.3"
        }
        if details.contains("WRONG_VERSION_NUMBER") || details.contains("HTTP_REQUEST") { return "it speaks no TLS" }
        return "TLS failed"
    }
}

/// Says the same thing to the log once in ten minutes, however often it happens.
struct PacedLog {
    private var last: [String: Int64] = [:]
    private static let pause: Int64 = 600_000
    private static let remembered = 1_024

    /// - Parameters:
    ///   - what: names what is said, and about whom.
    ///   - uptime: milliseconds.
    mutating func allows(_ what: String, _ uptime: Int64) -> Bool {
        if let before = last[what], uptime - before < Self.pause { return false }
        if last.count >= Self.remembered { last.removeAll(keepingCapacity: true) }
        last[what] = uptime
        return true
    }
}
