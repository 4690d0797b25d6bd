import NIOCore
import NIOSSL
import NIOTLS

/// What was negotiated on a connection.
public enum TLSReport {
    /// Whether an event of a pipeline says that TLS is up.
    public static func isHandshake(_ event: Any) -> Bool {
        if case .handshakeCompleted? = event as? TLSUserEvent { return true }
        return false
    }

    /// `TLSv1.3`, `TLSv1.2`, or `none` without TLS.
    public static func version(of channel: any Channel) -> String {
        guard let handler = try? channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self) else {
            return "none"
        }
        switch handler.tlsVersion {
        case .tlsv13?: return "TLSv1.3"
        case .tlsv12?: return "TLSv1.2"
        default: return "none"
        }
    }
}
