import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Serves the admin protocol on a Unix socket of mode 0600 for the user of this process and root.
///
/// Lives from `start()` to `stop()`, once. One task reads the requests of a connection in order; what they ask of the
/// backend runs where the backend decides.
public final class AdminServer: Sendable {
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private struct Running {
        var listener: any Channel
        var acceptor: Task<Void, Never>
    }

    private let file: SocketFile
    private let dispatcher: AdminDispatcher
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let running = Mutex<Running?>(nil)
    private let openConnections = Mutex(0)

    /// - Parameter path: absolute path of the socket; its folder is created with mode 0700 when missing.
    public init(path: String, backend: any AdminBackend, eventLoopGroup: any EventLoopGroup, logger: Logger) {
        self.file = SocketFile(path: path)
        self.dispatcher = AdminDispatcher(backend: backend, logger: logger)
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
    }

    /// Begins to listen; returns when clients can connect.
    ///
    /// - Throws: an error whose description tells the operator what to do: another server answers at the path,
    ///   something else lies there, or the system refuses.
    public func start() async throws {
        try file.prepare()
        // NIO would remove whatever lies at the path when it closes a socket that it bound itself.
        let descriptor = try file.bind()
        let server: NIOAsyncChannel<Connection, Never>
        do {
            server = try await listen(descriptor)
        } catch {
            file.removeUnanswered()
            throw error
        }
        let acceptor = Task { await accept(server) }
        running.withLock {
            $0 = Running(listener: server.channel, acceptor: acceptor)
        }
        logger.debug("admin socket open", metadata: ["path": "\(file.path)"])
    }

    /// Stops listening, ends the open connections and removes the socket file. Does nothing when not started.
    public func stop() async {
        guard
            let stopping = running.withLock({ state in
                defer { state = nil }; return state
            })
        else { return }
        stopping.acceptor.cancel()
        try? await stopping.listener.close()
        await stopping.acceptor.value
        file.removeUnanswered()
    }

    private func listen(_ descriptor: Int32) async throws -> NIOAsyncChannel<Connection, Never> {
        try await ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.backlog, value: Int32(AdminLimits.connections))
            .bind(descriptor) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(LineDecoder(limit: AdminLimits.requestBytes)),
                        IdleStateHandler(allTimeout: .seconds(Int64(AdminLimits.idleSeconds))), IdleCloser())
                    // Requests are answered one by one: no more than two lines wait in memory.
                    return try Connection(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)))
                }
            }
    }

    private func accept(_ server: NIOAsyncChannel<Connection, Never>) async {
        do {
            try await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        let isWelcome = self.openConnections.withLock { count in
                            guard count < AdminLimits.connections else { return false }
                            count += 1
                            return true
                        }
                        guard isWelcome else {
                            await self.turnAway(connection)
                            continue
                        }
                        group.addTask {
                            await self.serve(connection)
                            self.openConnections.withLock { $0 -= 1 }
                        }
                    }
                    group.cancelAll()
                }
            }
        } catch is CancellationError {
            return
        } catch {
            logger.error("admin socket closed", metadata: ["error": "\(error)"])
        }
    }

    private func turnAway(_ connection: Connection) async {
        let text = "the admin socket has \(AdminLimits.connections) connections already: try again later"
        try? await connection.executeThenClose { _, outbound in
            try await outbound.write(line(AdminDispatcher.refusal(nil, AdminError(.unavailable, text))))
        }
    }

    private func serve(_ connection: Connection) async {
        do {
            try await connection.executeThenClose { inbound, outbound in
                if let peer = try await PeerCredential.of(connection.channel), !peer.isAllowed {
                    logger.warning("admin connection refused", metadata: ["uid": "\(peer.user)"])
                    let text = "user \(peer.user) may not administer this server: only its own user and root"
                    return try await outbound.write(line(AdminDispatcher.refusal(nil, AdminError(.invalid, text))))
                }
                try await answer(inbound, outbound)
            }
        } catch is CancellationError {
            return
        } catch {
            logger.debug("admin connection ended", metadata: ["error": "\(error)"])
        }
    }

    private func answer(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws {
        do {
            for try await request in inbound {
                let response = await dispatcher.respond(to: Data(request.readableBytesView))
                try await outbound.write(line(response))
            }
        } catch is LineDecoder.LineTooLong {
            let text = "a request line may have \(AdminLimits.requestBytes) bytes"
            try await outbound.write(line(AdminDispatcher.refusal(nil, AdminError(.invalid, text))))
        }
    }

    private func line(_ json: Data) -> ByteBuffer {
        var buffer = ByteBuffer(bytes: json)
        buffer.writeInteger(UInt8(ascii: "\n"))
        return buffer
    }
}
