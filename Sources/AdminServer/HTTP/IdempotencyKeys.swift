import Foundation
import Ground
import HTTPTypes
import Hummingbird

/// Answers of POST requests that carried an `Idempotency-Key`: the same request again gets the same answer, and nothing
/// is done twice. Kept in memory, because answers may hold secrets: a restart forgets them.
actor IdempotencyKeys {
    /// How long an answer is kept, in milliseconds.
    static let life: Int64 = 86_400_000
    static let keys = 10_000
    static let keyBytes = 256
    /// Bytes of all answers together; the oldest go first.
    static let bytes = 16 * 1_048_576

    private enum State {
        case running
        case answered(status: Int, headers: HTTPFields, body: ByteBuffer)
    }

    private struct Entry {
        var fingerprint: String
        var since: Int64
        var state: State
    }

    private let time: any TimeSource
    private var entries: [String: Entry] = [:]
    /// Keys by age; may name some that are gone.
    private var order: [String] = []
    private var size = 0

    init(time: any TimeSource) {
        self.time = time
    }

    /// - Parameter fingerprint: of the request: another one with the same key is an error.
    func answer(
        _ key: String, of principal: String, fingerprint: String, _ body: @Sendable () async throws -> Response
    ) async throws -> Response {
        guard !key.isEmpty, key.utf8.count <= Self.keyBytes else {
            throw AdminError(.badRequest, "an Idempotency-Key has 1 to \(Self.keyBytes) bytes")
        }
        let key = principal + "\u{0}" + key
        if let known = entries[key], time.uptime - known.since < Self.life {
            guard known.fingerprint == fingerprint else {
                throw AdminError(.invalid, "this Idempotency-Key came with another request before")
            }
            switch known.state {
            case .running: throw AdminError(.conflict, "the first request with this Idempotency-Key is not done yet")
            case .answered(let status, let headers, let body):
                return Response(status: .init(code: status), headers: headers, body: .init(byteBuffer: body))
            }
        }
        forget(key)
        entries[key] = Entry(fingerprint: fingerprint, since: time.uptime, state: .running)
        order.append(key)
        do {
            let response = try await body()
            // What failed on the server's side may be tried again.
            if response.status.code >= 500 { forget(key) } else { await keep(key, response) }
            return response
        } catch {
            forget(key)
            throw error
        }
    }

    private func keep(_ key: String, _ response: Response) async {
        let collector = BodyCollector()
        try? await response.body.write(collector)
        let body = collector.buffer
        guard body.readableBytes <= Self.bytes / 4, entries[key] != nil else { return forget(key) }
        entries[key]?.state = .answered(status: response.status.code, headers: response.headers, body: body)
        size += body.readableBytes
        while size > Self.bytes || entries.count > Self.keys, let oldest = order.first {
            order.removeFirst()
            forget(oldest)
        }
        if order.count > 2 * Self.keys { order.removeAll { entries[$0] == nil } }
    }

    private func forget(_ key: String) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        if case .answered(_, _, let body) = entry.state { size -= body.readableBytes }
    }
}

/// Takes a body that is in memory already.
private final class BodyCollector: ResponseBodyWriter, @unchecked Sendable {
    // Safe: written by the one call of `write` that waits for it.
    private(set) var buffer = ByteBuffer()

    func write(_ part: ByteBuffer) async throws { buffer.writeImmutableBuffer(part) }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
