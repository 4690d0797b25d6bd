import Ground
import NIOCore
import NIOPosix
import Testing
import Transport
import XMPPWire

@testable import XMPPServer

/// The sockets of the bytestreams proxy, through real connections.
@Suite("Bytestreams proxy (XEP-0065)", .serialized)
struct BytestreamRelayTests {
    private static let hash = "0123456789abcdef0123456789abcdef01234567"

    /// A relay that listens on the loopback.
    private final class Running: @unchecked Sendable {
        // Safe: set once, used from the test's thread.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let relay: NIOLoopBound<BytestreamRelay>
        let time = ManualTime()
        let channel: any Channel

        init(_ config: Proxy65Config) throws {
            let (loop, time) = (group.next(), time)
            let relay = try loop.submit {
                NIOLoopBound(BytestreamRelay(config: config, time: time), eventLoop: loop)
            }.wait()
            self.relay = relay
            let group = group
            channel = try Waiting.result {
                try await Listener.bind(address: "127.0.0.1", port: 0, group: group) { try relay.value.accept($0) }
            }
        }

        func activate(_ owner: String = "alice@example.com") throws -> BytestreamRelay.Activation {
            let relay = relay
            return try relay.eventLoop.submit { relay.value.activate(BytestreamRelayTests.hash, owner: owner) }.wait()
        }

        func tick() throws {
            let relay = relay
            try relay.eventLoop.submit { relay.value.tick() }.wait()
        }

        var active: Int {
            get throws {
                let relay = relay
                return try relay.eventLoop.submit { relay.value.active }.wait()
            }
        }

        func stop() throws {
            try channel.close().wait()
            try group.syncShutdownGracefully()
        }

        /// A connection that has asked for the hash.
        func connect() throws -> LoopbackSocket {
            let socket = try LoopbackSocket(port: channel.localAddress?.port ?? 0)
            try socket.send([5, 1, 0])
            #expect(try Self.read(socket, 2) == [5, 0])
            let address = [3, 40] + Array(BytestreamRelayTests.hash.utf8) + [0, 0]
            try socket.send([5, 1, 0] + address)
            #expect(try Self.read(socket, 47) == [5, 0, 0] + address)
            return socket
        }

        static func read(_ socket: LoopbackSocket, _ count: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            while bytes.count < count, let more = try socket.receive(milliseconds: 5_000), !more.isEmpty {
                bytes += more
            }
            return bytes
        }

        /// Everything until the other side is done.
        static func readAll(_ socket: LoopbackSocket) throws -> Int? {
            var count = 0
            while let more = try socket.receive(milliseconds: 5_000) {
                if more.isEmpty { return count }
                count += more.count
            }
            return nil
        }
    }

    private func run(
        _ change: @escaping @Sendable (inout Proxy65Config) -> Void = { _ in },
        _ body: @escaping @Sendable (Running) throws -> Void
    ) async throws {
        let result = await Waiting.onThread {
            Result {
                var config = Proxy65Config()
                change(&config)
                let running = try Running(config)
                defer { try? running.stop() }
                try body(running)
            }
        }
        try result.get()
    }

    @Test("two connections are joined once activated, and bytes pass both ways, far more than buffers hold")
    func passes() async throws {
        try await run { running in
            #expect(try running.activate() == .unknown)
            let target = try running.connect()
            #expect(try running.activate() == .alone)
            let initiator = try running.connect()
            try initiator.send(Array("early".utf8))
            #expect(try running.activate() == .active)
            #expect(try Running.read(target, 5) == Array("early".utf8))
            try target.send(Array("back".utf8))
            #expect(try Running.read(initiator, 4) == Array("back".utf8))
            let block = [UInt8](repeating: 7, count: 100_000)
            for _ in 0..<30 {
                try initiator.send(block)
                #expect(try Running.read(target, block.count).count == block.count)
            }
            initiator.end()
            #expect(try Running.readAll(target) == 0)
            target.end()
        }
    }

    @Test("a third connection with the same hash is refused")
    func third() async throws {
        try await run { running in
            let sockets = [try running.connect(), try running.connect()]
            let late = try LoopbackSocket(port: running.channel.localAddress?.port ?? 0)
            try late.send([5, 1, 0])
            #expect(try Running.read(late, 2) == [5, 0])
            try late.send([5, 1, 0, 3, 40] + Array(Self.hash.utf8) + [0, 0])
            #expect(try Running.read(late, 10) == Socks5Machine.failure(1))
            #expect(try Running.readAll(late) == 0)
            for socket in sockets { socket.end() }
        }
    }

    @Test("what does not speak SOCKS5 is cut off")
    func noise() async throws {
        try await run { running in
            let socket = try LoopbackSocket(port: running.channel.localAddress?.port ?? 0)
            try socket.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
            #expect(try Running.readAll(socket) == 0)
        }
    }

    @Test("streams of one user are counted, and given back at their end")
    func perUser() async throws {
        try await run({ $0.streamsPerUser = 1 }) { running in
            var pair = [try running.connect(), try running.connect()]
            #expect(try running.activate() == .active)
            let next = [try running.connect(), try running.connect()]
            #expect(try running.activate() == .full)
            pair[0].end()
            #expect(try Running.readAll(pair[1]) == 0)
            pair = []
            while try running.active > 0 {}
            #expect(try running.activate() == .active)
            for socket in next { socket.end() }
        }
    }

    @Test("a stream ends at its size")
    func size() async throws {
        try await run({ $0.streamBytes = 1_000 }) { running in
            let (one, other) = (try running.connect(), try running.connect())
            #expect(try running.activate() == .active)
            try one.send([UInt8](repeating: 1, count: 900))
            #expect(try Running.read(other, 900).count == 900)
            try one.send([UInt8](repeating: 1, count: 200))
            #expect(try Running.readAll(other) == 0)
        }
    }

    @Test("a stream is held to its rate, and nothing of it is lost")
    func rate() async throws {
        try await run({ $0.bytesPerSecond = 400_000 }) { running in
            let (one, other) = (try running.connect(), try running.connect())
            #expect(try running.activate() == .active)
            let clock = ContinuousClock()
            let start = clock.now
            // The first 400,000 pass at once; the clock of the limit stands still, so the rest waits in full.
            for _ in 0..<6 {
                try one.send([UInt8](repeating: 1, count: 100_000))
                #expect(try Running.read(other, 100_000).count == 100_000)
            }
            #expect(clock.now - start > .milliseconds(200))
            one.end()
            #expect(try Running.readAll(other) == 0)
        }
    }

    @Test("what is sent before activation is bounded")
    func early() async throws {
        try await run { running in
            let (one, other) = (try running.connect(), try running.connect())
            try one.send([UInt8](repeating: 1, count: 50_000))
            #expect(try running.activate() == .active)
            #expect(try Running.read(other, 50_000).count == 50_000)
            let flood = try LoopbackSocket(port: running.channel.localAddress?.port ?? 0)
            // As many methods as can be named, none of them ours.
            try flood.send([5, 255] + [UInt8](repeating: 9, count: 255))
            #expect(try Running.readAll(flood) == 2)
        }
    }

    @Test("one address has no more than its share of waiting connections")
    func perAddress() async throws {
        try await run({ $0.waitingPerAddress = 2 }) { running in
            let pair = [try running.connect(), try running.connect()]
            let third = try LoopbackSocket(port: running.channel.localAddress?.port ?? 0)
            #expect(try Running.readAll(third) == 0)
            // Those that are joined wait no more.
            #expect(try running.activate() == .active)
            let next = try running.connect()
            for socket in pair + [next] { socket.end() }
        }
    }

    @Test("more connections than can become streams are closed at once")
    func full() async throws {
        try await run({
            $0.streams = 1
            $0.waitingPerAddress = 1_000
        }) { running in
            let port = running.channel.localAddress?.port ?? 0
            let sockets = try (0..<66).map { _ in try LoopbackSocket(port: port) }
            // The last one was accepted once it is answered.
            try sockets[65].send([5, 1, 0])
            #expect(try Running.read(sockets[65], 2) == [5, 0])
            let late = try LoopbackSocket(port: port)
            #expect(try Running.readAll(late) == 0)
            for socket in sockets { socket.end() }
        }
    }

    @Test("the end of one direction leaves the other open")
    func halfClosed() async throws {
        try await run { running in
            let (one, other) = (try running.connect(), try running.connect())
            #expect(try running.activate() == .active)
            try one.send([1, 2, 3])
            one.endOutput()
            #expect(try Running.readAll(other) == 3)
            try other.send([4, 5])
            other.end()
            #expect(try Running.readAll(one) == 2)
            while try running.active > 0 {}
        }
    }

    @Test("what is idle or never activated is closed")
    func idle() async throws {
        try await run({ $0.idleSeconds = 60 }) { running in
            let (one, other) = (try running.connect(), try running.connect())
            #expect(try running.activate() == .active)
            running.time.advance(milliseconds: 50_000)
            try one.send([1])
            #expect(try Running.read(other, 1) == [1])
            running.time.advance(milliseconds: 50_000)
            let lone = try running.connect()
            try running.tick()
            try one.send([2])
            #expect(try Running.read(other, 1) == [2])
            running.time.advance(milliseconds: 61_000)
            try running.tick()
            #expect(try Running.readAll(one) == 0)
            #expect(try Running.readAll(other) == 0)
            #expect(try Running.readAll(lone) == 0)
        }
    }
}
