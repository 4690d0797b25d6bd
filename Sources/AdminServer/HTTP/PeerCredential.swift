import Foundation
import NIOCore

/// Who is at the other end of a Unix socket, as the kernel saw it at `connect` (`SO_PEERCRED`, unix(7)).
///
/// The mode of the socket file keeps others out already; this closes the moment between `bind` and `chmod`.
struct PeerCredential: Sendable, Equatable {
    // The layout of `struct ucred`.
    var process: Int32
    var user: UInt32
    var group: UInt32

    /// The user of this process, or root.
    var isAllowed: Bool { user == geteuid() || user == 0 }

    /// nil where the platform cannot tell; the mode of the socket file is then the only guard.
    static func of(_ channel: any Channel) async throws -> PeerCredential? {
        #if os(Linux)
            guard let provider = channel as? any SocketOptionProvider else { return nil }
            return try await provider.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED)).get()
        #else
            return nil
        #endif
    }
}
