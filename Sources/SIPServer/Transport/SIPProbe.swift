import NIOCore
import NIOPosix
import NIOSSL

/// Asks a SIP server with OPTIONS whether it is there (RFC 3261 §11).
public enum SIPProbe {
    public enum Transport: String, Sendable { case udp, tcp, tls }

    /// Where a listener of ours is reached from this machine.
    public static func reachable(_ address: String) -> String {
        switch address {
        case "::", "0.0.0.0": "127.0.0.1"
        default: address
        }
    }

    /// - Returns: the status line of the answer; nil when none came in three seconds.
    public static func options(
        host: String, port: Int, over transport: Transport, domain: String, group: any EventLoopGroup
    ) async -> String? {
        let loop = group.next()
        let answer = loop.makePromise(of: String?.self)
        let limit = loop.scheduleTask(in: .seconds(3)) { answer.succeed(nil) }
        let request: @Sendable (String) -> String = { text(host: host, own: $0, transport, domain: domain) }
        let opening: EventLoopFuture<any Channel>
        do {
            let remote = try SocketAddress(ipAddress: host, port: port)
            switch transport {
            case .udp:
                opening = DatagramBootstrap(group: loop).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramReply(answer))
                    }
                }.bind(to: try SocketAddress(ipAddress: remote.protocol == .inet6 ? "::" : "0.0.0.0", port: 0))
                    .flatMap { channel in
                        let own = channel.localAddress?.port ?? 0
                        let bytes = ByteBuffer(string: request(own == 0 ? host : "\(bracketed(host)):\(own)"))
                        return channel.writeAndFlush(AddressedEnvelope(remoteAddress: remote, data: bytes)).map {
                            channel
                        }
                    }
            case .tcp, .tls:
                opening = ClientBootstrap(group: loop).connectTimeout(.seconds(3)).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if transport == .tls {
                            // Whether it answers is asked; its certificate is tested on its own.
                            var tls = TLSConfiguration.makeClientConfiguration()
                            tls.certificateVerification = .none
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(
                                    context: try NIOSSLContext(configuration: tls),
                                    serverHostname: isName(domain) ? domain : nil))
                        }
                        try channel.pipeline.syncOperations.addHandler(StreamReply(answer))
                    }
                }.connect(to: remote).flatMap { channel in
                    let own = channel.localAddress?.port ?? 0
                    return channel.writeAndFlush(ByteBuffer(string: request("\(bracketed(host)):\(own)"))).map {
                        channel
                    }
                }
            }
        } catch { return nil }
        opening.whenFailure { _ in answer.succeed(nil) }
        let line = (try? await answer.futureResult.get()) ?? nil
        limit.cancel()
        opening.whenSuccess { $0.close(promise: nil) }
        return line
    }

    private static func isName(_ domain: String) -> Bool {
        (try? SocketAddress(ipAddress: domain, port: 0)) == nil && !domain.isEmpty
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

    private static func text(host: String, own: String, _ transport: Transport, domain: String) -> String {
        let id = String(UInt64.random(in: .min ... .max), radix: 16)
        return [
            "OPTIONS sip:\(domain) SIP/2.0",
            "Via: SIP/2.0/\(transport.rawValue.uppercased()) \(own);rport;branch=z9hG4bK\(id)",
            "Max-Forwards: 1", "From: <sip:\(domain)>;tag=\(id)", "To: <sip:\(domain)>", "Call-ID: \(id)",
            "CSeq: 1 OPTIONS", "Content-Length: 0", "", "",
        ].joined(separator: "\r\n")
    }

    /// The first line of an answer.
    fileprivate static func statusLine(_ bytes: ByteBuffer) -> String? {
        let text = String(buffer: bytes)
        guard text.hasPrefix("SIP/2.0 "), let end = text.range(of: "\r\n") else { return nil }
        return String(text[..<end.lowerBound].dropFirst(8).prefix(200))
    }
}

private final class DatagramReply: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let answer: EventLoopPromise<String?>

    init(_ answer: EventLoopPromise<String?>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let line = SIPProbe.statusLine(unwrapInboundIn(data).data) { answer.succeed(line) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.succeed(nil) }
}

private final class StreamReply: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let answer: EventLoopPromise<String?>
    private var received = ByteBuffer()

    init(_ answer: EventLoopPromise<String?>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard received.readableBytes < 65_536 else { return context.close(promise: nil) }
        received.writeBuffer(&bytes)
        if let line = SIPProbe.statusLine(received) { answer.succeed(line) }
    }

    func channelInactive(context: ChannelHandlerContext) { answer.succeed(nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
