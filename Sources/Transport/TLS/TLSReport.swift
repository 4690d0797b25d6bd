import NIOCore
import NIOSSL

/// What was negotiated on a connection.
public enum TLSReport {
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
