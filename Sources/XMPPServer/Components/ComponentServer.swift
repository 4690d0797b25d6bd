import Crypto
import Ground
import IMCore
import NIOCore
import XMPPWire

/// External components (XEP-0114): the domains they answer for, and their streams. Confined to the server's loop.
public final class ComponentServer {
    unowned let server: C2SServer
    private var services: [String: ComponentService] = [:]
    private var sessions: [ObjectIdentifier: ComponentSession] = [:]
    private var failures: FailureThrottle

    init(_ accounts: [ComponentAccount], server: C2SServer) {
        self.server = server
        failures = FailureThrottle(limit: server.config.failedLoginsPerAddress)
        reconfigure(accounts)
    }

    /// Other components are configured: those that are gone or have another secret lose their stream.
    func reconfigure(_ accounts: [ComponentAccount]) {
        failures.limit = server.config.failedLoginsPerAddress
        for (domain, service) in services where !accounts.contains(service.account) {
            service.session?.end(StreamError(.hostGone, "the component is no longer configured"))
            server.router.remove(service)
            services[domain] = nil
        }
        for account in accounts where services[account.domain] == nil {
            let service = ComponentService(account)
            if server.router.add(service) { services[account.domain] = service }
        }
    }

    /// A connection was accepted, on this loop.
    public func accept(_ channel: any Channel) throws {
        let session = ComponentSession(server: self, address: channel.remoteAddress?.ipAddress ?? "unknown")
        try channel.pipeline.syncOperations.addHandler(ComponentHandler(session))
        sessions[ObjectIdentifier(session)] = session
        if server.isDraining { session.refusal = StreamError(.systemShutdown) }
    }

    func service(_ domain: String) -> ComponentService? { services[domain] }

    func forget(_ session: ComponentSession) { sessions[ObjectIdentifier(session)] = nil }

    /// Domains with a connected component.
    public var connected: [String] { services.values.filter { $0.session != nil }.map(\.domain).sorted() }

    /// Once a second.
    func tick(_ uptime: Int64) {
        for session in Array(sessions.values) { session.tick(uptime) }
    }

    /// Ends every stream with `system-shutdown`.
    func drain() {
        for session in Array(sessions.values) { session.end(StreamError(.systemShutdown)) }
    }

    // MARK: Handshake

    /// Whether `digest` proves the secret for this stream (§3: SHA-1 of stream id and secret, in hexadecimal).
    func accepts(_ digest: String, streamID: String, of service: ComponentService, from address: String) -> Bool {
        let uptime = server.time.uptime
        guard failures.allows(address, uptime: uptime) else { return false }
        let secret = service.account.secret
        // The specification asks for a secret with XML escapes, implementations hash it as it is.
        let candidates = Set([secret, XMLText.escape(secret)])
        let matches = candidates.map { Self.same(digest, Self.digest(streamID + $0)) }
        guard matches.contains(true) else {
            failures.failed(address, uptime: uptime)
            server.logger.warning(
                "a component failed to authenticate",
                metadata: ["domain": "\(service.domain)", "address": "\(address)"])
            return false
        }
        failures.succeeded(address)
        return true
    }

    static func digest(_ text: String) -> String {
        Insecure.SHA1.hash(data: Array(text.utf8)).map { byte in
            let hex = String(byte, radix: 16)
            return hex.utf8.count == 1 ? "0" + hex : hex
        }.joined()
    }

    /// Takes the same time wherever they differ.
    private static func same(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}

extension XMPPFeature {
    static var components: XMPPFeature {
        XMPPFeature(
            "components",
            [
                Standard(
                    "XEP-0114", "Jabber Component Protocol", "1.6",
                    .partial("the server accepts connections, it does not make them"))
            ])
    }
}

extension C2SServer {
    /// Opens the domains of external components; their connections come through `ComponentServer.accept`.
    ///
    /// May be called again with others at any time.
    public func serveComponents(_ accounts: [ComponentAccount]) {
        if let components { return components.reconfigure(accounts) }
        guard !accounts.isEmpty else { return }
        components = ComponentServer(accounts, server: self)
    }
}
