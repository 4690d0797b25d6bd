import Hummingbird
import Logging

/// What is known of a request, from its connection and from what it carries.
public struct AdminRequestContext: RequestContext {
    /// What a connection knows.
    public struct Source: RequestContextSource {
        public var logger: Logger
        /// An IP address, or `local` for the Unix socket.
        public var peer: String
        /// The caller, where the connection itself says who it is: on the Unix socket.
        public var principal: AdminPrincipal?
        public var requestID: String
    }

    public var coreContext: CoreRequestContextStorage
    /// Whom the connection, a token or a console session has shown; nil for strangers.
    public var principal: AdminPrincipal?
    /// The console session that the request's cookie names.
    public var session: ConsoleSession?
    /// Names the request in the log and in problem answers.
    public let requestID: String
    /// An IP address, or `local` for the Unix socket.
    public let peer: String

    public init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        principal = source.principal
        requestID = source.requestID
        peer = source.peer
    }

    /// Bytes of the largest form that a page takes.
    public var maxUploadSize: Int { AdminLimits.bodyBytes }
}
