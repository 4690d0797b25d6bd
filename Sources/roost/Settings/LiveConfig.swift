import NIOConcurrencyHelpers
import Settings

/// The configuration in force, readable from anywhere; only `LiveSettings` exchanges it.
final class LiveConfig: Sendable {
    private let box: NIOLockedValueBox<ServerConfig>

    init(_ config: ServerConfig) { box = NIOLockedValueBox(config) }

    var value: ServerConfig { box.withLockedValue { $0 } }

    func exchange(_ config: ServerConfig) { box.withLockedValue { $0 = config } }
}
