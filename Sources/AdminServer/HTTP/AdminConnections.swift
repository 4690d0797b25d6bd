import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// The connections of one listener. Each is served by one task, one request after the other.
final class AdminConnections: Sendable {
    private struct Open {
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let responder: RouterResponder<AdminRequestContext>
    private let limit: Int
    private let isLocal: Bool
    private let logger: Logger
    private let open = Mutex(Open())

    /// - Parameter isLocal: the connections are those of a Unix socket, whose kernel says who is there.
    init(responder: RouterResponder<AdminRequestContext>, limit: Int, isLocal: Bool, logger: Logger) {
        self.responder = responder
        self.limit = limit
        self.isLocal = isLocal
        self.logger = logger
    }

    private static let configuration = HTTP1Channel.Configuration(
        idleTimeout: .seconds(Int64(AdminLimits.requestSeconds)),
        httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 262_144, maxHeaderListSize: 262_144, maxHeaderFieldCount: 100)
    )

    /// Takes a new connection, on its loop, before anything is read.
    func accept(_ channel: any Channel, installTLS: (any Channel) throws -> Void = { _ in }) throws {
        let isWelcome = open.withLock { open in
            guard open.channels.count < limit else { return false }
            open.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        // Far away, one too many is not even worth a handshake.
        guard isWelcome || isLocal else { return channel.close(promise: nil) }
        let pipeline = channel.pipeline.syncOperations
        do {
            try installTLS(channel)
            // A reader that has stopped reading holds nothing for ever.
            try pipeline.addHandlers(
                IdleStateHandler(allTimeout: .seconds(Int64(AdminLimits.idleSeconds))), IdleCloser())
        } catch {
            forget(channel)
            throw error
        }
        HTTP1Channel(responder: { _, _, _ in }, configuration: Self.configuration)
            .setup(channel: channel, logger: logger).whenComplete { [self] result in
                guard case .success(let connection) = result else { return forget(channel) }
                Task {
                    await serve(connection, isWelcome: isWelcome)
                    forget(channel)
                }
            }
    }

    private func forget(_ channel: any Channel) {
        open.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
    }

    func endAll() async {
        for channel in open.withLock({ Array($0.channels.values) }) { try? await channel.close().get() }
    }

    private func serve(_ connection: HTTP1Channel.Value, isWelcome: Bool) async {
        let peer = await Self.peer(of: connection.channel, isLocal: isLocal)
        var refusal: AdminError?
        if !isWelcome {
            refusal = AdminError(
                .unavailable, "the admin socket has \(limit) connections already: try again later", retrySeconds: 1)
        } else if isLocal, peer.user == nil {
            logger.warning("admin connection refused", metadata: ["peer": "\(peer.name)"])
            refusal = AdminError(
                .forbidden, "\(peer.name) may not administer this server: only its own user and root")
        }
        let channel = HTTP1Channel(
            responder: { [refusal] request, writer, _ in
                try await self.respond(request, writer, peer: peer, refusal: refusal)
            }, configuration: Self.configuration)
        await channel.handle(value: connection, logger: logger)
    }

    private func respond(
        _ request: Request, _ writer: consuming ResponseWriter, peer: Peer, refusal: AdminError?
    ) async throws {
        let requestID = SecretBytes.hex(SecretBytes.make(8))
        var response: Response
        if let refusal {
            response = refusal.response(request: requestID)
        } else {
            let context = AdminRequestContext(
                source: .init(
                    logger: logger, peer: peer.name, principal: peer.user.map { .local($0) },
                    requestID: requestID))
            do {
                response = try await responder.respond(to: request, context: context)
            } catch {
                // Only what belongs to the connection gets here: HTTP that is not HTTP, a body that ends early.
                logger.debug("admin request ended", metadata: ["error": "\(error)"])
                throw error
            }
        }
        response.headers[.date] = HTTPDate.text(Int64(Date.now.timeIntervalSince1970))
        let isLast = refusal != nil || (response.status.code >= 400 && Self.mayBeLarge(request))
        if isLast { response.headers[.connection] = "close" }
        try await writer.write(response: response.head, body: response.body)
        if isLast { throw LastAnswer() }
    }

    /// Thrown to end a connection after its answer.
    private struct LastAnswer: Error {}

    /// Whether more may come of a request that was refused than it is worth to read.
    private static func mayBeLarge(_ request: Request) -> Bool {
        guard let length = request.headers[.contentLength].flatMap({ Int($0) }) else {
            return request.headers[.transferEncoding] != nil
        }
        return length > AdminLimits.bodyBytes
    }

    /// Who is at the other end.
    struct Peer: Sendable {
        var name: String
        /// On the Unix socket: a user who may administer.
        var user: UInt32?
    }

    static func peer(of channel: any Channel, isLocal: Bool) async -> Peer {
        guard isLocal else { return Peer(name: channel.remoteAddress?.ipAddress ?? "unknown", user: nil) }
        guard let credential = try? await PeerCredential.of(channel) else {
            // The mode of the socket file is the guard.
            return Peer(name: "local", user: geteuid())
        }
        return credential.isAllowed
            ? Peer(name: "local", user: credential.user) : Peer(name: "user \(credential.user)", user: nil)
    }
}

/// Closes a connection on which nothing moves.
private final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = Any

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
