import Ground
import IMCore
import Interworking
import NIOCore
import NIOPosix
import NIOSSL
import SIPWire
import Transport
import XMPPWire

/// Message sessions (RFC 4975, RFC 7573): INVITE with message media for our users, which Roost itself answers when no
/// contact of theirs takes such sessions. Confined to the server's loop.
///
/// Registered contacts and foreign people go on as they are: a session is only the way their messages take while it lasts.
public final class SessionTable: SIPMethodHandler {
    unowned let server: SIPServer
    let reader = StanzaReader()
    /// Where MSRP is listened for; nil where it is off: then MSRP offers are refused.
    public var port: UInt16?
    private var byName: [String: ChatSession] = [:]
    private var byParties: [Parties: ChatSession] = [:]
    private var perUser: [[UInt8]: Int] = [:]
    /// For connections to peers that name their certificate, made with our own of that hash.
    private var named: (own: String?, context: NIOSSLContext)?
    /// Connections that have not said which session they are for.
    private var strangers: [ObjectIdentifier: MSRPLink] = [:]

    /// Contacts that have refused a session, until when none is tried; uptime, milliseconds.
    private var refusals: [[UInt8]: Int64] = [:]
    private static let refusalPause: Int64 = 600_000

    /// Who talks: the full address of the SIP contact or the bare one of a foreign person, and the other's bare address.
    private struct Parties: Hashable {
        let party: [UInt8]
        let peer: [UInt8]
    }

    public let methods: [SIPMethod] = [.invite]
    var router: Router { server.router }

    init(server: SIPServer) {
        self.server = server
        server.registry.understand("timer")
        server.whenTicked.append { [weak self] in self?.tick($0) }
        server.whenDraining.append { [weak self] in self?.endAll() }
    }

    public var count: Int { byName.count }

    // MARK: Finding

    /// The session that messages of `peer` for a SIP contact go through; nil: they go as MESSAGE.
    ///
    /// - Parameters:
    ///   - party: full address of a contact of ours, or a foreign bare address.
    ///   - peer: bare or full.
    func session(of party: [UInt8], with peer: [UInt8]) -> ChatSession? {
        guard !byParties.isEmpty else { return nil }
        return byParties[Parties(party: party, peer: Array(peer.prefix { $0 != 0x2F }))]
    }

    /// The session that a connection is for; a second connection for the same one is not taken (RFC 4975 §5.4).
    func session(named path: MSRPURI, on link: MSRPLink) -> ChatSession? {
        guard let session = byName[path.session.string], session.isSecure == link.isSecure, session.take(link) else {
            return nil
        }
        strangers[ObjectIdentifier(link)] = nil
        return session
    }

    /// nil when there are too many, of all or of one user.
    func hasRoom(for user: [UInt8]) -> Bool {
        byName.count < server.config.messageSessions
            && perUser[user, default: 0] < server.config.messageSessionsPerUser && !server.isDraining
    }

    func add(_ session: ChatSession) {
        byName[session.name] = session
        let parties = Parties(party: session.party, peer: session.peer)
        // The newer one is the one that the client looks at.
        byParties.updateValue(session, forKey: parties)?.isSuperseded = true
        perUser[session.owner, default: 0] += 1
        server.dialogs[session.dialog.id] = session
    }

    func remove(_ session: ChatSession) {
        guard byName.removeValue(forKey: session.name) != nil else { return }
        let parties = Parties(party: session.party, peer: session.peer)
        if byParties[parties] === session { byParties[parties] = nil }
        if let left = perUser[session.owner] { perUser[session.owner] = left > 1 ? left - 1 : nil }
        server.dialogs[session.dialog.id] = nil
    }

    // MARK: Opening

    /// Whether a session is worth trying: the setting, and nobody has refused one lately.
    func mayOpen(for endpoint: SIPEndpoint) -> Bool {
        guard server.config.opensMessageSessions, port != nil else { return false }
        guard let until = refusals[endpoint.address] else { return true }
        guard until <= server.uptime else { return false }
        refusals[endpoint.address] = nil
        return true
    }

    /// - Parameter party: full address of a contact.
    func wasRefused(by party: [UInt8]) {
        if refusals.count >= 10_000 { refusals = [:] }
        refusals[party] = server.uptime + Self.refusalPause
    }

    // MARK: Connections

    /// A connection to the MSRP port was accepted, on this loop.
    public func accept(_ channel: any Channel) throws {
        guard let remote = channel.remoteAddress.flatMap({ TransportAddress($0) }), port != nil,
            strangers.count < server.config.messageSessions
        else { return channel.close(promise: nil) }
        let link = MSRPLink(self, remote: remote, isOutbound: false)
        strangers[ObjectIdentifier(link)] = link
        try channel.pipeline.syncOperations.addHandler(MSRPHandler(link))
    }

    /// Connects for a session in which the peer waits for us (RFC 6135 §4.2), over TLS where its path says so.
    func connect(_ address: TransportAddress, for media: SDPSession.Media, _ answer: @escaping (MSRPLink?) -> Void) {
        let isSecure = media.isMSRPOverTLS
        let fingerprint = media.fingerprint?.string
        let context = isSecure ? try? fingerprint == nil ? server.outboundTLS() : namedTLS() : nil
        guard !isSecure || context != nil else { return server.loop.execute { answer(nil) } }
        let table = NIOLoopBound(self, eventLoop: server.loop.nonisolated())
        ClientBootstrap(group: server.loop.nonisolated())
            .connectTimeout(.seconds(10))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [context] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let context else { return }
                    try channel.pipeline.syncOperations.addHandler(Self.tls(context, fingerprint))
                }
            }
            .connect(to: address.socketAddress).assumeIsolated().whenComplete { result in
                guard case .success(let channel) = result else { return answer(nil) }
                let link = MSRPLink(table.value, remote: address, isOutbound: true, isSecure: isSecure)
                do {
                    try channel.pipeline.syncOperations.addHandler(MSRPHandler(link))
                    answer(link)
                } catch {
                    channel.close(promise: nil)
                    answer(nil)
                }
            }
    }

    /// For peers that name their certificate.
    private func namedTLS() throws -> NIOSSLContext {
        guard let tls = server.tls else { throw TLSFailure("there is no TLS") }
        if let named, named.own == tls.fingerprint { return named.context }
        let context = try tls.namedClientContext()
        named = (tls.fingerprint, context)
        return context
    }

    /// The peer's certificate is the one that its description names (RFC 4975 §14.4), which came with the proof of its
    /// signalling; without a name it must be for the address, from an authority that is believed.
    private static func tls(_ context: NIOSSLContext, _ fingerprint: String?) throws -> NIOSSLClientHandler {
        guard let fingerprint else { return try NIOSSLClientHandler(context: context, serverHostname: nil) }
        return try NIOSSLClientHandler(
            context: context, serverHostname: nil,
            customVerificationCallback: { certificates, promise in
                let shown = certificates.first.flatMap { try? $0.toDERBytes() }
                let isNamed = shown.map { CertificateFingerprint.matches($0, fingerprint) } ?? false
                promise.succeed(isNamed ? .certificateVerified : .failed)
            })
    }

    func closed(_ link: MSRPLink) { strangers[ObjectIdentifier(link)] = nil }

    // MARK: Time

    private func tick(_ uptime: Int64) {
        if !strangers.isEmpty {
            for link in strangers.values where uptime - link.openedAt > 30_000 { link.close() }
        }
        for session in byName.values { session.tick(uptime) }
    }

    private func endAll() {
        for session in byName.values { session.end(.over) }
    }
}
