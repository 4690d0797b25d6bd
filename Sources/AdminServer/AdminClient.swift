import Foundation
import NIOCore
import NIOPosix

/// Asks a running server over its admin socket. Every call is a connection of its own.
public struct AdminClient: Sendable {
    /// Why a call got no answer. An answer that is a refusal is thrown as `AdminError`.
    public enum Problem: Error, Equatable, CustomStringConvertible {
        case noServer(path: String)
        case noPermission(path: String)
        case failed(path: String, reason: String)
        case noAnswer(path: String, seconds: Int)
        case badAnswer(path: String, reason: String)

        public var description: String {
            switch self {
            case .noServer(let path):
                "no server answers at \(path): is `roost serve` running?"
            case .noPermission(let path):
                "no permission to use \(path): run this command as the user of the server, or as root"
            case .failed(let path, let reason):
                "cannot reach the server at \(path): \(reason)"
            case .noAnswer(let path, let seconds):
                "the server at \(path) closed the connection or gave no answer within \(seconds) s"
            case .badAnswer(let path, let reason):
                "the answer of the server at \(path) makes no sense: \(reason)"
            }
        }
    }

    public let path: String

    /// - Parameter path: absolute path of the socket (`admin_socket`).
    public init(path: String) {
        self.path = path
    }

    /// Performs one verb.
    ///
    /// - Throws: `AdminError` when the server refuses, `Problem` when it cannot be asked.
    public func call<Result: Decodable & Sendable>(
        _ verb: AdminVerb, _ arguments: some Encodable = AdminDone(), returning: Result.Type = Result.self
    ) async throws -> Result {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        var request = ByteBuffer(
            bytes: try encoder.encode(AdminRequest(id: 1, verb: verb.rawValue, arguments: arguments)))
        guard request.readableBytes <= AdminLimits.requestBytes else {
            throw AdminError(
                .invalid, "the request has \(request.readableBytes) bytes: at most \(AdminLimits.requestBytes)")
        }
        request.writeInteger(UInt8(ascii: "\n"))
        let line = try await exchange(request)
        let response: AdminResponse<Result>
        do {
            response = try JSONDecoder().decode(AdminResponse<Result>.self, from: Data(line.readableBytesView))
        } catch {
            throw Problem.badAnswer(path: path, reason: "\(error)")
        }
        if let error = response.error { throw error }
        guard let result = response.result else {
            throw Problem.badAnswer(path: path, reason: "neither result nor error")
        }
        return result
    }

    private func exchange(_ request: ByteBuffer) async throws -> ByteBuffer {
        let connection = try await connect()
        let answer: ByteBuffer?
        do {
            answer = try await connection.executeThenClose { inbound, outbound in
                // A server that turns the connection away may close before it has read everything; its reason is
                // still worth reading.
                try? await outbound.write(request)
                for try await line in inbound { return line }
                return nil
            }
        } catch is LineDecoder.LineTooLong {
            throw Problem.badAnswer(path: path, reason: "more than \(AdminLimits.responseBytes) bytes")
        } catch let error as IOError {
            throw Problem.failed(path: path, reason: String(cString: strerror(error.errnoCode)))
        }
        guard let answer else { throw Problem.noAnswer(path: path, seconds: AdminLimits.answerSeconds) }
        return answer
    }

    private func connect() async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            ByteToMessageHandler(LineDecoder(limit: AdminLimits.responseBytes)),
                            IdleStateHandler(allTimeout: .seconds(Int64(AdminLimits.answerSeconds))), IdleCloser())
                        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError {
            switch error.errnoCode {
            case ENOENT, ECONNREFUSED, ENOTDIR: throw Problem.noServer(path: path)
            case EACCES, EPERM: throw Problem.noPermission(path: path)
            default: throw Problem.failed(path: path, reason: String(cString: strerror(error.errnoCode)))
            }
        } catch {
            throw Problem.failed(path: path, reason: "\(error)")
        }
    }
}
