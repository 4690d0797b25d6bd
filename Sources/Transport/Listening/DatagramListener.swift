import NIOCore
import NIOPosix

/// Opens UDP sockets that live on one event loop.
public enum DatagramListener {
    /// The largest that there are (RFC 768).
    private static let largest = 65_536

    /// Binds and calls `accept` with the socket, on its loop, before anything is read.
    ///
    /// Without `SO_REUSEADDR`: with it, another server could take the port over without a word. The buffers of the system
    /// are large: a burst is worth keeping, and nobody repeats what got lost before half a second.
    public static func bind(
        address: String, port: Int, group: any EventLoopGroup,
        accept: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        do {
            let channel = try await DatagramBootstrap(group: group)
                .channelOption(.socketOption(.so_rcvbuf), value: 4_194_304)
                .channelOption(.socketOption(.so_sndbuf), value: 4_194_304)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: largest))
                // What waits behind the first, the accepting side takes many at a time.
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.writeBufferWaterMark, value: .init(low: 1_048_576, high: 4_194_304))
                .channelOption(.autoRead, value: false)
                .bind(host: address, port: port).get()
            do {
                try await channel.eventLoop.submit {
                    try accept(channel)
                    try channel.syncOptions?.setOption(.autoRead, value: true)
                }.get()
            } catch {
                try? await channel.close().get()
                throw error
            }
            return channel
        } catch {
            throw ListenFailure("cannot listen on \(address) port \(port) (UDP): \(error)")
        }
    }
}
