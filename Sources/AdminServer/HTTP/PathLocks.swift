/// Lets changes of one path wait for each other, so that what `If-Match` compared is still so when the change is made.
actor PathLocks {
    private var held: [String: [CheckedContinuation<Void, Never>]] = [:]

    func withLock<Value: Sendable>(_ path: String, _ body: @Sendable () async throws -> Value) async rethrows -> Value {
        await take(path)
        defer { release(path) }
        return try await body()
    }

    private func take(_ path: String) async {
        guard held[path] != nil else {
            held[path] = []
            return
        }
        await withCheckedContinuation { held[path]?.append($0) }
    }

    private func release(_ path: String) {
        guard var waiting = held[path], !waiting.isEmpty else {
            held[path] = nil
            return
        }
        let next = waiting.removeFirst()
        held[path] = waiting
        next.resume()
    }
}
