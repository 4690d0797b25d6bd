import Foundation
import NIOCore

/// Takes in one file piece by piece. Confined to a loop; the disk is written elsewhere, one piece after the other.
///
/// `append` as often as need be, then `finish`, then `keep`; or `discard` at any time before `keep` has come to its end.
/// After a failure nothing is left on the disk.
public final class FileIntake {
    /// Bytes that wait for the disk before the sender should pause.
    public static let room = 262_144

    public let name: String
    private let folder: FileFolder
    private let loop: NIOIsolatedEventLoop
    private let passingPath: String
    private var file: OpenFile?
    private var waiting = ByteBuffer()
    private var isBusy = false
    private var isDiscarded = false
    private var isGone = false
    private var whenFinished: ((FileFailure?) -> Void)?

    /// Less than `room` waits again.
    public var whenRoom: (() -> Void)?
    /// The disk refused a piece; what came is discarded. Not called once `finish` was.
    public var whenFailed: ((FileFailure) -> Void)?

    init(_ name: String, folder: FileFolder, loop: NIOIsolatedEventLoop) {
        self.name = name
        self.folder = folder
        self.loop = loop
        // Another attempt at the same file must not meet what is left of this one.
        passingPath = "\(folder.path)/incoming/\(String(UInt64.random(in: .min ... .max), radix: 36))"
    }

    /// - Returns: false when the sender should pause until `whenRoom`.
    public func append(_ part: ByteBuffer) -> Bool {
        guard !isDiscarded else { return true }
        waiting.writeImmutableBuffer(part)
        work()
        return waiting.readableBytes < Self.room
    }

    /// No more pieces come. Calls back once all of them are on the disk.
    public func finish(then: @escaping (FileFailure?) -> Void) {
        guard !isDiscarded else { return then(.failed("discarded")) }
        whenFinished = then
        work()
    }

    /// Moves the finished file to its place.
    public func keep(then: @escaping (FileFailure?) -> Void) {
        let (folder, name, passingPath) = (folder, name, passingPath)
        folder.run(
            on: loop,
            {
                let place = try folder.place(name)
                let shelf = "\(folder.path)/\(FileFolder.shelf(name))"
                if mkdir(shelf, 0o700) != 0, errno != EEXIST { throw FileFailure("mkdir", errno) }
                guard rename(passingPath, place) == 0 else { throw FileFailure("rename", errno) }
                // The names are on the disk too: that of the file, and that of a folder made just now.
                for path in [shelf, folder.path] {
                    let opened = try OpenFile(path, flags: O_RDONLY | O_DIRECTORY)
                    if fsync(opened.descriptor) != 0 {
                        let failure = FileFailure("fsync", errno)
                        unlink(place)
                        throw failure
                    }
                }
            }
        ) { [self] (result: Result<Void, FileFailure>) in
            switch result {
            case .success:
                file = nil
                isGone = true
                then(nil)
            case .failure(let failure):
                discard()
                then(failure)
            }
        }
    }

    /// Forgets what has come.
    public func discard() {
        isDiscarded = true
        waiting = ByteBuffer()
        whenRoom = nil
        whenFailed = nil
        work()
    }

    private func work() {
        guard !isBusy else { return }
        if isDiscarded { return cleanUp() }
        if waiting.readableBytes > 0 || file == nil {
            writeWaiting()
        } else if let whenFinished {
            self.whenFinished = nil
            sync(whenFinished)
        }
    }

    private func writeWaiting() {
        let part = waiting
        waiting = ByteBuffer()
        isBusy = true
        let (folder, file, path) = (folder, file, passingPath)
        folder.run(
            on: loop,
            {
                let file = try file ?? OpenFile(path, flags: O_WRONLY | O_CREAT | O_EXCL)
                try Self.write(part, to: file, folder.write)
                return file
            }
        ) { [self] (result: Result<OpenFile, FileFailure>) in
            isBusy = false
            switch result {
            case .success(let opened):
                self.file = opened
                work()
                if !isDiscarded, waiting.readableBytes < Self.room { whenRoom?() }
            case .failure(let failure): fail(failure)
            }
        }
    }

    private static func write(_ part: ByteBuffer, to file: OpenFile, _ write: FileFolder.WriteCall) throws {
        try part.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty, let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress {
                let count = write(file.descriptor, start, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileFailure("write", errno)
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    private func sync(_ then: @escaping (FileFailure?) -> Void) {
        guard let file else { return then(.missing) }
        isBusy = true
        folder.run(
            on: loop, { if fsync(file.descriptor) != 0 { throw FileFailure("fsync", errno) } }
        ) { [self] (result: Result<Void, FileFailure>) in
            isBusy = false
            switch result {
            case .success:
                if isDiscarded { cleanUp() }
                then(isDiscarded ? .failed("discarded") : nil)
            case .failure(let failure):
                discard()
                then(failure)
            }
        }
    }

    private func fail(_ failure: FileFailure) {
        let (finished, failed) = (whenFinished, whenFailed)
        whenFinished = nil
        discard()
        if let finished { finished(failure) } else { failed?(failure) }
    }

    private func cleanUp() {
        guard !isGone else { return }
        isGone = true
        file = nil
        let path = passingPath
        folder.run(on: loop, { _ = unlink(path) }) { (_: Result<Void, FileFailure>) in }
    }
}
