/// Parts of the server beyond accounts and sessions, each behind a protocol of its own. Nil where a server has none,
/// as in tests.
public struct AdminParts: Sendable {
    public var settings: (any AdminSettings)?
    public var metrics: (any AdminMetrics)?
    public var services: (any AdminFeatureServices)?
    public var doctor: (any AdminDoctor)?
    public var logs: (any AdminLogs)?
    public var certificates: (any AdminCertificates)?
    public var sip: (any AdminSIP)?

    public init() {}
}
