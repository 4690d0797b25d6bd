import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The administration interface: one HTTP server behind a Unix socket and, if wanted, an HTTPS listener.
///
/// Lives from `start()` to `stop()`, again and again. Nothing of it runs on the loop of the messages.
public final class AdminServer: Sendable {
    public let admin: AdminInterface
    private let file: SocketFile
    private let group: any EventLoopGroup
    private let responder: RouterResponder<AdminRequestContext>
    private let running = Mutex<AdminListener?>(nil)
    private let remote: AdminConnections

    /// - Parameters:
    ///   - path: absolute path of the socket; its folder is created with mode 0700 when missing.
    ///   - group: not the one of the messages.
    public init(
        _ admin: AdminInterface, path: String, pages: [any AdminPages] = [],
        group: any EventLoopGroup
    ) {
        self.admin = admin
        self.file = SocketFile(path: path)
        self.group = group
        responder = AdminRouting(admin, pages: pages).responder()
        remote = AdminConnections(
            responder: responder, limit: AdminLimits.remoteConnections, isLocal: false, logger: admin.logger)
    }

    /// Begins to listen; returns when clients can connect.
    ///
    /// - Throws: an error whose description tells the operator what to do: another server answers at the path,
    ///   something else lies there, or the system refuses.
    public func start() async throws {
        try file.prepare()
        // NIO would remove whatever lies at the path when it closes a socket that it bound itself.
        let descriptor = try file.bind()
        do {
            let local = AdminConnections(
                responder: responder, limit: AdminLimits.connections, isLocal: true, logger: admin.logger)
            let listener = try await AdminListener.open(descriptor, connections: local, group: group)
            running.withLock { $0 = listener }
        } catch {
            file.removeUnanswered()
            throw error
        }
        admin.logger.debug("admin interface open", metadata: ["path": "\(file.path)"])
    }

    /// Serves a connection of the HTTPS listener, which somebody else owns. On its loop, before anything is read.
    ///
    /// - Parameter installTLS: puts TLS in front of everything in the pipeline.
    public func accept(_ channel: any Channel, installTLS: (any Channel) throws -> Void) throws {
        try remote.accept(channel, installTLS: installTLS)
    }

    /// Stops listening, ends the open connections and removes the socket file. Does nothing when not started.
    public func stop() async {
        await remote.endAll()
        guard
            let listener = running.withLock({ listener in
                defer { listener = nil }
                return listener
            })
        else { return }
        await listener.close()
        file.removeUnanswered()
    }
}
