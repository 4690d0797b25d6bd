import NIOCore
import NIOPosix

/// Opens TCP listeners whose connections live on one event loop.
public enum Listener {
    // Dead links are noticed within about a minute, whether something is under way or not (tcp(7); Linux values).
    private static let keepIdle = NIOBSDSocket.Option(rawValue: 4)
    private static let keepInterval = NIOBSDSocket.Option(rawValue: 5)
    private static let userTimeout = NIOBSDSocket.Option(rawValue: 18)

    /// Binds and calls `accept` for each connection, on its loop, before anything is read.
    ///
    /// The receive buffer starts small, because most connections are idle (docs/benchmarks.md).
    public static func bind(
        address: String, port: Int, group: any EventLoopGroup,
        accept: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        do {
            return try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.tcpOption(Self.keepIdle), value: 60)
                .childChannelOption(.tcpOption(Self.keepInterval), value: 15)
                .childChannelOption(.tcpOption(Self.userTimeout), value: 60_000)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 128, initial: 128, maximum: 65_536)
                )
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 65_536, high: 262_144))
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try accept(channel) }
                }
                .bind(host: address, port: port).get()
        } catch {
            throw ListenFailure("cannot listen on \(address) port \(port): \(error)")
        }
    }
}

public struct ListenFailure: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
