import NIOCore
import NIOPosix
import NIOSSL

/// Opens the connections of a run, all on one event loop.
struct ClientTransport {
    private let loop: any EventLoop
    private let address: SocketAddress
    private let sources: Int
    private let context: NIOSSLContext?
    private let serverName: String?

    /// - Throws: ``LoadFailure`` when the host has no address or TLS cannot be set up.
    init(_ options: LoadOptions, loop: any EventLoop) throws(LoadFailure) {
        self.loop = loop
        sources = options.sources
        do {
            address = try SocketAddress.makeAddressResolvingHost(options.host, port: options.port)
        } catch {
            throw .notPossible("--host \(options.host) cannot be resolved: \(error)")
        }
        if sources > 1, address.protocol != .inet || !(address.ipAddress ?? "").hasPrefix("127.") {
            throw .invalidOption("--sources above 1 needs an IPv4 loopback host, not \(options.host)")
        }
        guard options.security != .none else {
            context = nil
            serverName = nil
            return
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if !options.verifiesCertificate { configuration.certificateVerification = .none }
        if options.security == .direct { configuration.applicationProtocols = ["xmpp-client"] }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .notPossible("TLS cannot be set up: \(error)")
        }
        // An address is no server name (RFC 6066 §3).
        let isAddress = (try? SocketAddress(ipAddress: options.domain, port: 0)) != nil
        serverName = isAddress ? nil : options.domain
    }

    /// Connects `session`; failures reach it as ``ClientSession/fail(_:_:)``.
    func connect(_ session: ClientSession) {
        let bound = NIOLoopBound(session, eventLoop: loop)
        var bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.seconds(30))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 128, initial: 512, maximum: 65_536)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
        if sources > 1, let source = try? SocketAddress(ipAddress: "127.0.0.\(session.index % sources + 1)", port: 0) {
            #if os(Linux)
                // IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, so that it need only be unique to the pair.
                let option = ChannelOptions.Types.SocketOption(level: .ip, name: NIOBSDSocket.Option(rawValue: 24))
                bootstrap = bootstrap.channelOption(option, value: 1)
            #endif
            bootstrap = bootstrap.bind(to: source)
        }
        bootstrap.connect(to: address).whenFailure { error in
            bound.value.fail("cannot connect", "\(error)")
        }
    }

    /// The handler that speaks TLS for one connection; nil when the run has none.
    func makeTLSHandler() throws -> NIOSSLClientHandler? {
        guard let context else { return nil }
        return try NIOSSLClientHandler(context: context, serverHostname: serverName)
    }
}
