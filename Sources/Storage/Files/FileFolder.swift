import Foundation
import NIOCore
import NIOPosix

/// A folder with files that the server names itself. Event loops hand it work, its own threads do it.
///
/// A file arrives under a passing name in `incoming` (`FileIntake`) and is moved to its place once it is complete and
/// on the disk: what stands in its place is whole. Nobody but the user of the server may read the folder.
public final class FileFolder: Sendable {
    /// Writes bytes to a descriptor, as `write(2)`; tests let it fail.
    public typealias WriteCall = @Sendable (Int32, UnsafeRawPointer, Int) -> Int

    /// Threads that may wait for the disk at the same time.
    private static let threads = 4

    public let path: String
    let write: WriteCall
    private let pool: NIOThreadPool

    /// Creates the folder where it is missing, and removes what an earlier run left unfinished. Blocks.
    ///
    /// - Throws: `StorageFailure` with one line that says what is wrong.
    public init(path: String, write: @escaping WriteCall = { Foundation.write($0, $1, $2) }) throws {
        self.path = path
        self.write = write
        do {
            try Self.prepare(path)
            try Self.prepare(path + "/incoming")
            for name in try FileManager.default.contentsOfDirectory(atPath: path + "/incoming") {
                unlink(path + "/incoming/" + name)
            }
        } catch {
            throw StorageFailure("files cannot be kept in \(path): \(error)")
        }
        pool = NIOThreadPool(numberOfThreads: Self.threads)
        pool.start()
    }

    /// Finishes what was begun and ends the threads; what comes later fails.
    public func close() async { try? await pool.shutdownGracefully() }

    private static func prepare(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileFailure("stat", errno) }
        let shared = status.st_mode & 0o007
        if shared != 0, chmod(path, status.st_mode & 0o770) != 0 { throw FileFailure("chmod", errno) }
        guard access(path, W_OK | X_OK) == 0 else { throw FileFailure("access", errno) }
    }

    // MARK: Names

    /// Lower-case letters and digits, 3 to 64: never a path.
    public static func isName(_ name: String) -> Bool {
        (3...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
    }

    /// One of 256 folders or so, so that none has too many entries.
    static func shelf(_ name: String) -> String { String(name.prefix(2)) }

    func place(_ name: String) throws -> String {
        guard Self.isName(name) else { throw FileFailure.missing }
        return "\(path)/\(Self.shelf(name))/\(name)"
    }

    // MARK: Work

    /// Runs `body` on a thread that may wait, then `answer` on the loop. Jobs may overtake each other.
    func run<Value: Sendable>(
        on loop: NIOIsolatedEventLoop, _ body: @escaping @Sendable () throws -> Value,
        then: @escaping (Result<Value, FileFailure>) -> Void
    ) {
        let eventLoop = loop.nonisolated()
        let answer = NIOLoopBound(then, eventLoop: eventLoop)
        pool.submit { state in
            let result: Result<Value, FileFailure>
            if state == .active {
                do { result = .success(try body()) } catch {
                    result = .failure((error as? FileFailure) ?? .failed("\(error)"))
                }
            } else {
                result = .failure(.failed("the server is going down"))
            }
            eventLoop.execute { answer.value(result) }
        }
    }

    /// Begins to take in a file.
    public func intake(_ name: String, on loop: NIOIsolatedEventLoop) -> FileIntake {
        FileIntake(name, folder: self, loop: loop)
    }

    /// Opens a file that must have this length in bytes.
    public func open(
        _ name: String, length: Int, on loop: NIOIsolatedEventLoop,
        then: @escaping (Result<FileReader, FileFailure>) -> Void
    ) {
        run(
            on: loop,
            { [self] in
                let file = try OpenFile(try place(name), flags: O_RDONLY)
                var status = stat()
                guard fstat(file.descriptor, &status) == 0 else { throw FileFailure("fstat", errno) }
                guard Int(status.st_size) == length else { throw FileFailure.failed("\(name) has another length") }
                return file
            }, then: { [self] result in then(result.map { FileReader($0, folder: self, loop: loop) }) })
    }

    /// Removes files; one that is not there any more counts as removed.
    /// - Parameter then: gets the names of those that are gone now.
    public func remove(
        _ names: [String], on loop: NIOIsolatedEventLoop, then: @escaping (Result<[String], FileFailure>) -> Void
    ) {
        run(
            on: loop,
            { [self] in
                names.filter { name in
                    guard let place = try? place(name) else { return true }
                    return unlink(place) == 0 || errno == ENOENT
                }
            }, then: then)
    }
}

/// Reads pieces of one file. Confined to a loop; the disk is read elsewhere.
public final class FileReader {
    private let file: OpenFile
    private let folder: FileFolder
    private let loop: NIOIsolatedEventLoop

    init(_ file: OpenFile, folder: FileFolder, loop: NIOIsolatedEventLoop) {
        self.file = file
        self.folder = folder
        self.loop = loop
    }

    /// Exactly the bytes of `range`.
    public func read(_ range: Range<Int>, then: @escaping (Result<ByteBuffer, FileFailure>) -> Void) {
        let file = file
        folder.run(
            on: loop,
            {
                var buffer = ByteBufferAllocator().buffer(capacity: range.count)
                while buffer.readableBytes < range.count {
                    let rest = range.count - buffer.readableBytes
                    let offset = range.lowerBound + buffer.readableBytes
                    var failure: Int32 = 0
                    let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: rest) { target in
                        let count = pread(file.descriptor, target.baseAddress, rest, off_t(offset))
                        if count < 0 { failure = errno }
                        return max(0, count)
                    }
                    if failure != 0, failure != EINTR { throw FileFailure("pread", failure) }
                    if failure == 0, count == 0 { throw FileFailure.failed("the file is shorter than it was") }
                }
                return buffer
            }, then: then)
    }
}
