import NIOCore
import NIOPosix

/// The listening Unix socket.
final class AdminListener: Sendable {
    private let listener: any Channel
    private let connections: AdminConnections

    private init(listener: any Channel, connections: AdminConnections) {
        self.listener = listener
        self.connections = connections
    }

    /// - Parameter descriptor: bound, not listening yet; becomes the listener's.
    static func open(
        _ descriptor: Int32, connections: AdminConnections, group: any EventLoopGroup
    ) async throws -> AdminListener {
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(AdminLimits.connections))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try connections.accept(channel) }
            }
            .withBoundSocket(descriptor).get()
        return AdminListener(listener: listener, connections: connections)
    }

    /// Takes no more connections and ends those that there are.
    func close() async {
        try? await listener.close()
        await connections.endAll()
    }
}
