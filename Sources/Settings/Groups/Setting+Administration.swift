import Foundation

extension Setting {
    static let administration: [Setting] = [
        Setting(
            "admin.banner",
            "Text shown before anybody signs in to the console, such as who may use it. Empty for none.",
            .paragraph(\.administration.banner), title: "Login banner"),
        Setting(
            "admin.idle_minutes", "Minutes without a request after which a console session ends.",
            .integer(\.administration.idleMinutes, allowed: 1...1_440, zeroMeans: nil),
            title: "Idle time of console sessions"),
        Setting(
            "admin.session_hours", "Hours after which a console session ends, whatever happens in it.",
            .integer(\.administration.sessionHours, allowed: 1...168, zeroMeans: nil),
            title: "Longest console session", unit: "hours"),
        Setting(
            "admin.password_length", "Characters of the shortest password of an administrator.",
            .integer(\.administration.passwordLength, allowed: 8...100, zeroMeans: nil),
            title: "Shortest administrator password"),
        Setting(
            "admin.failed_logins_per_address",
            "Failed sign-ins from one address a minute before it must wait.",
            .integer(\.administration.failedLoginsPerAddress, allowed: 1...10_000, zeroMeans: nil),
            title: "Failed administrator sign-ins per address"),
        Setting(
            "admin.failed_logins_per_name",
            "Failed sign-ins with one name a minute before it must wait.",
            .integer(\.administration.failedLoginsPerName, allowed: 1...10_000, zeroMeans: nil),
            title: "Failed administrator sign-ins per name"),
        Setting(
            "admin.audit_syslog",
            "Syslog server (RFC 5424) that every entry of the audit is sent to as well.",
            .word(
                \.administration.auditSyslog, allowed: "a URL such as udp://log.example.com:514 or tcp://…, or \"\"",
                isAllowed: { SyslogAddress.isAddress($0) }),
            title: "Audit to syslog"),
    ]
}

extension ServerConfig {
    /// Signing in to the console.
    public struct Administration: Sendable, Equatable {
        /// Shown before sign-in; empty for none.
        public var banner = ""
        /// Minutes without a request that end a console session, 1 … 1,440.
        public var idleMinutes = 30
        /// Hours after which it ends whatever happens, 1 … 168.
        public var sessionHours = 12
        /// Characters of the shortest password of an administrator, 8 … 100.
        public var passwordLength = 10
        /// Failed sign-ins a minute before the next must wait, 1 … 10,000.
        public var failedLoginsPerAddress = 20
        public var failedLoginsPerName = 5
        /// `udp://host:port` or `tcp://host:port`; empty for none.
        public var auditSyslog = ""

        public init() {}
    }
}

/// Where syslog listens, as `roost.yaml` names it.
enum SyslogAddress {
    static func isAddress(_ text: String) -> Bool {
        guard let parts = URLComponents(string: text), ["udp", "tcp"].contains(parts.scheme ?? ""),
            let host = parts.host, !host.isEmpty, parts.query == nil, parts.user == nil
        else { return false }
        return ["", "/"].contains(parts.path) && (parts.port.map { (1...65_535).contains($0) } ?? true)
    }
}
