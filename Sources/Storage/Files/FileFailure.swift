#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why something could not be done with a file.
public enum FileFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no space left on the device, or none for this user.
    case full
    case missing
    /// Everything else: which call failed, and why.
    case failed(String)

    /// - Parameter code: `errno`, right after the call.
    public init(_ call: String, _ code: Int32) {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: self = .full
        case ENOENT: self = .missing
        default: self = .failed("\(call): \(String(cString: strerror(code)))")
        }
    }

    public var description: String {
        switch self {
        case .full: "no space left"
        case .missing: "no such file"
        case .failed(let text): text
        }
    }
}

/// An open file; closed with its last reference, on any thread.
final class OpenFile: Sendable {
    let descriptor: Int32

    /// - Throws: `FileFailure`.
    init(_ path: String, flags: Int32) throws {
        descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw FileFailure("open", errno) }
    }

    deinit { close(descriptor) }
}
