import Foundation

/// The file of the admin socket: its folder, its mode, and what was left behind by a server that died.
struct SocketFile {
    let path: String

    enum Problem: Error, Equatable, CustomStringConvertible {
        case pathTooLong(String, limit: Int)
        case answered(String)
        case notASocket(String)
        case system(operation: String, path: String, code: Int32)

        var description: String {
            switch self {
            case .pathTooLong(let path, let limit):
                "the admin socket \(path) has \(path.utf8.count) bytes: expected at most \(limit)"
            case .answered(let path):
                "another server answers at \(path): stop it first, or give this one its own admin_socket"
            case .notASocket(let path):
                "\(path) exists and is not a socket: remove it, or choose another admin_socket"
            case .system(let operation, let path, let code):
                "cannot \(operation) \(path): \(String(cString: strerror(code)))"
            }
        }
    }

    /// Creates the folder (mode 0700) when it is missing and removes a socket nobody listens on.
    func prepare() throws(Problem) {
        var address = sockaddr_un()
        let limit = withUnsafeBytes(of: &address.sun_path) { $0.count } - 1
        guard path.utf8.count <= limit else { throw .pathTooLong(path, limit: limit) }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if !FileManager.default.fileExists(atPath: folder) {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw .system(operation: "create the folder", path: folder, code: errno)
            }
        }
        try removeStale()
    }

    /// Binds a new socket to the path; nobody but the owner and root can connect at any moment.
    ///
    /// - Returns: a descriptor that does not listen yet and belongs to the caller.
    func bind() throws(Problem) -> Int32 {
        let descriptor = Self.makeSocket()
        guard descriptor >= 0 else { throw .system(operation: "create a socket for", path: path, code: errno) }
        // Linux gives the file the mode that the socket had (unix(7)); the second call serves systems that do not.
        guard fchmod(descriptor, 0o600) == 0, withAddress({ Foundation.bind(descriptor, $0, $1) }) == 0,
            chmod(path, 0o600) == 0
        else {
            let code = errno
            close(descriptor)
            throw .system(operation: "bind", path: path, code: code)
        }
        return descriptor
    }

    /// Removes the file when nobody answers at it: after the own listener is closed it is the own file, or rubbish.
    func removeUnanswered() {
        try? removeStale()
    }

    private func removeStale() throws(Problem) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        guard !isAnswered() else { throw .answered(path) }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .system(operation: "remove the stale socket", path: path, code: errno)
        }
    }

    /// True unless the kernel says that nobody listens: a full queue or a lack of permission is somebody.
    private func isAnswered() -> Bool {
        let descriptor = Self.makeSocket()
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        let result = withAddress { connect(descriptor, $0, $1) }
        return result == 0 || (errno != ECONNREFUSED && errno != ENOENT)
    }

    private static func makeSocket() -> Int32 {
        let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0)
    }

    /// `prepare()` has checked that the path fits.
    private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
