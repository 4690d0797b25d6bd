/// Channel binding of the connection underneath, as the server sees it (RFC 5056, RFC 5929, RFC 9266).
public struct ChannelBinding: Sendable, Equatable {
    /// Registered unique prefix, such as `tls-exporter` or `tls-server-end-point`.
    public var type: String
    /// Binding data of this connection.
    public var bytes: [UInt8]

    public init(type: String, bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }
}
