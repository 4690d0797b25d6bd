import NIOCore
import NIOPosix

@testable import Resolving

/// A name server on loopback that says what a test has told it, and counts who asked for what.
final class NameServer: @unchecked Sendable {
    // Safe: touched on its loop only, but for `address`, which is set before anybody asks.
    private var answers: [String: [[UInt8]]] = [:]
    private var asked: [String: Int] = [:]
    private var isSilent = false
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private var channel: (any Channel)?
    private(set) var address = ""
    let loop: any EventLoop

    init() async throws {
        loop = group.next()
        let bound = try await DatagramBootstrap(group: group)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(server: self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        channel = bound
        address = "127.0.0.1:\(bound.localAddress?.port ?? 0)"
    }

    func stop() async throws {
        try await channel?.close().get()
        try await group.shutdownGracefully()
    }

    /// Records of one name and type, ready but for their name.
    func tell(_ name: String, _ type: DNSRecordType, _ records: [[UInt8]]) async throws {
        try await loop.submit { self.answers["\(name) \(type.rawValue)"] = records }.get()
    }

    func fallSilent() async throws { try await loop.submit { self.isSilent = true }.get() }

    func count(_ name: String, _ type: DNSRecordType) async throws -> Int {
        try await loop.submit { self.asked["\(name) \(type.rawValue)"] ?? 0 }.get()
    }

    // MARK: Records

    static func name(_ text: String) -> [UInt8] {
        text.isEmpty ? [0] : text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private static func word(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    static func record(_ type: UInt16, _ content: [UInt8], ttl: UInt16 = 300) -> [UInt8] {
        // The name points at the question's.
        [0xC0, 0x0C] + word(type) + word(1) + [0, 0] + word(ttl) + word(UInt16(content.count)) + content
    }

    static func a(_ bytes: UInt8..., ttl: UInt16 = 300) -> [UInt8] { record(1, bytes, ttl: ttl) }

    static func srv(_ priority: UInt16, _ weight: UInt16, _ port: UInt16, _ target: String) -> [UInt8] {
        record(33, word(priority) + word(weight) + word(port) + name(target))
    }

    static func naptr(_ order: UInt16, _ preference: UInt16, _ flags: String, _ service: String, _ to: String)
        -> [UInt8]
    {
        func string(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
        return record(35, word(order) + word(preference) + string(flags) + string(service) + string("") + name(to))
    }

    private final class Handler: ChannelInboundHandler, Sendable {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>
        private let server: NameServer

        init(server: NameServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            let bytes = Array(envelope.data.readableBytesView)
            guard bytes.count > 16, !server.isSilent else { return }
            var labels: [String] = []
            var index = 12
            while bytes[index] != 0 {
                let length = Int(bytes[index])
                labels.append(String(decoding: bytes[(index + 1)...(index + length)], as: UTF8.self).lowercased())
                index += length + 1
            }
            let key = "\(labels.joined(separator: ".")) \(Int(bytes[index + 1]) << 8 | Int(bytes[index + 2]))"
            server.asked[key, default: 0] += 1
            let records = server.answers[key]
            let isKnown = records != nil
            var answer: [UInt8] = [bytes[0], bytes[1], 0x81, isKnown ? 0x80 : 0x83, 0, 1]
            answer += [0, UInt8(records?.count ?? 0), 0, 0, 0, 0]
            answer += bytes[12...(index + 4)]
            for record in records ?? [] { answer += record }
            context.writeAndFlush(
                wrapOutboundOut(
                    AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))),
                promise: nil)
        }
    }
}
