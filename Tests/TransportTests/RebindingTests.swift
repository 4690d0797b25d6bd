import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("Sockets that die")
struct RebindingTests {
    @Test("a socket is bound again as soon as its port is free, more slowly each time")
    func again() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let first = try await DatagramListener.bind(address: "127.0.0.1", port: 0, group: group) { _ in }
        let port = try #require(first.localAddress?.port)
        var pauses: [Int] = []
        let second = await Rebinding.attempt(isWanted: { true }) { seconds in
            pauses.append(seconds)
            if pauses.count == 8 { try? await first.close().get() }
        } bind: {
            try await DatagramListener.bind(address: "127.0.0.1", port: port, group: group) { _ in }
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60])
        #expect(second?.localAddress?.port == port)
        try await second?.close().get()
        try await group.shutdownGracefully()
    }

    @Test("what is not wanted any more is not bound")
    func unwanted() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var (asked, tried) = (0, 0)
        let channel = await Rebinding.attempt(isWanted: {
            asked += 1
            return asked < 3
        }) { _ in
        } bind: {
            tried += 1
            throw ListenFailure("taken")
        }
        #expect(channel == nil && tried == 2)
        try await group.shutdownGracefully()
    }
}
