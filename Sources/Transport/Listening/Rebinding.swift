import NIOCore

/// Binds a socket again that has died by itself.
public enum Rebinding {
    /// Most seconds between two attempts.
    static let longestPause = 60

    /// Tries at once, then after 1, 2, 4 … 60 seconds.
    ///
    /// - Parameters:
    ///   - isWanted: asked before each attempt; false ends them all.
    ///   - pause: waits for so many seconds.
    /// - Returns: nil when it is not wanted any more.
    public static func attempt(
        isolation: isolated (any Actor)? = #isolation, isWanted: () async -> Bool, pause: (Int) async -> Void,
        bind: () async throws -> any Channel
    ) async -> (any Channel)? {
        var seconds = 1
        while await isWanted() {
            if let channel = try? await bind() { return channel }
            await pause(seconds)
            seconds = min(seconds * 2, longestPause)
        }
        return nil
    }
}
