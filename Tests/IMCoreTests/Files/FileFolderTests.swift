import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import IMCore
@testable import Storage

@Suite("Files on the disk")
struct FileFolderTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("roost-files-\(UUID())").path
    private let loop = MultiThreadedEventLoopGroup.singleton.any()
    private static let name = "0123456789abcdef"

    /// Runs `body` on the loop with a folder that is gone afterwards; returns what it promised.
    private func inFolder<Value: Sendable>(
        write: @escaping FileFolder.WriteCall = { Foundation.write($0, $1, $2) },
        _ body: @escaping @Sendable (FileFolder, NIOIsolatedEventLoop, EventLoopPromise<Value>) -> Void,
        check: (Value) throws -> Void
    ) async throws {
        let folder = try FileFolder(path: path, write: write)
        let promise = loop.makePromise(of: Value.self)
        let loop = loop
        loop.execute { body(folder, loop.assumeIsolated(), promise) }
        do {
            try check(try await promise.futureResult.get())
        } catch {
            Issue.record(error)
        }
        await folder.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    private func contents(_ part: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path + part)) ?? []
    }

    /// What is unfinished is removed behind the answer.
    private func awaitNothingUnfinished() {
        let deadline = ContinuousClock.now + .seconds(5)
        while !contents("/incoming").isEmpty, ContinuousClock.now < deadline { usleep(1_000) }
        #expect(contents("/incoming").isEmpty)
    }

    private func mode(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("a file that came in pieces is whole in its place, private, and can be read in parts")
    func kept() async throws {
        try await inFolder { (folder, loop, promise: EventLoopPromise<String>) in
            let intake = folder.intake(Self.name, on: loop)
            for part in ["one ", "two ", "three"] { _ = intake.append(ByteBuffer(string: part)) }
            intake.finish { failure in
                #expect(failure == nil)
                intake.keep { failure in
                    #expect(failure == nil)
                    folder.open(Self.name, length: 13, on: loop) { result in
                        guard let reader = try? result.get() else { return promise.fail(FileFailure.missing) }
                        reader.read(4..<13) { promise.completeWith($0.map { String(buffer: $0) }.mapError { $0 }) }
                    }
                }
            }
        } check: { text in
            #expect(text == "two three")
            let stored = try String(contentsOfFile: path + "/01/" + Self.name, encoding: .utf8)
            #expect(stored == "one two three")
            #expect(contents("/incoming").isEmpty)
            #expect(mode(path) == 0o700 && mode(path + "/01") == 0o700 && mode(path + "/01/" + Self.name) == 0o600)
        }
    }

    @Test("a full disk is told, and nothing is left on it")
    func full() async throws {
        try await inFolder(write: { descriptor, bytes, count in
            if count > 100 {
                errno = ENOSPC
                return -1
            }
            return Foundation.write(descriptor, bytes, count)
        }) { (folder, loop, promise: EventLoopPromise<FileFailure>) in
            let intake = folder.intake(Self.name, on: loop)
            intake.whenFailed = { promise.succeed($0) }
            _ = intake.append(ByteBuffer(string: "short"))
            _ = intake.append(ByteBuffer(repeating: 1, count: 200))
        } check: { failure in
            #expect(failure == .full)
            awaitNothingUnfinished()
            #expect(contents("/01").isEmpty)
        }
    }

    @Test("an upload that is given up leaves nothing, also while it is being written")
    func discarded() async throws {
        try await inFolder { (folder, loop, promise: EventLoopPromise<Bool>) in
            let intake = folder.intake(Self.name, on: loop)
            _ = intake.append(ByteBuffer(repeating: 1, count: 100_000))
            intake.discard()
            intake.finish { promise.succeed($0 != nil) }
        } check: { isRefused in
            #expect(isRefused)
            awaitNothingUnfinished()
        }
    }

    @Test("a sender that is faster than the disk is asked to pause, and to go on")
    func backpressure() async throws {
        let gate = DispatchSemaphore(value: 0)
        try await inFolder(write: { descriptor, bytes, count in
            gate.wait()
            defer { gate.signal() }
            return Foundation.write(descriptor, bytes, count)
        }) { (folder, loop, promise: EventLoopPromise<[Bool]>) in
            let intake = folder.intake(Self.name, on: loop)
            let first = intake.append(ByteBuffer(repeating: 1, count: 10))
            let second = intake.append(ByteBuffer(repeating: 1, count: FileIntake.room - 1))
            let third = intake.append(ByteBuffer(repeating: 1, count: 1))
            intake.whenRoom = {
                intake.discard()
                promise.succeed([first, second, third])
            }
            gate.signal()
        } check: {
            #expect($0 == [true, true, false])
        }
    }

    @Test("names that are not the server's own are no paths")
    func names() async throws {
        for name in ["", "ab", "../../etc/passwd", "a/b", "ABC", "..", "abc\0", String(repeating: "a", count: 65)] {
            #expect(!FileFolder.isName(name))
        }
        try await inFolder { (folder, loop, promise: EventLoopPromise<FileFailure?>) in
            folder.open("../../../etc/hostname", length: 1, on: loop) { result in
                if case .failure(let failure) = result { promise.succeed(failure) } else { promise.succeed(nil) }
            }
        } check: {
            #expect($0 == .missing)
        }
    }

    @Test("at the start what is unfinished goes, and nobody else may look inside")
    func start() async throws {
        try FileManager.default.createDirectory(
            atPath: path + "/incoming", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        try "half".write(toFile: path + "/incoming/abc", atomically: false, encoding: .utf8)
        let folder = try FileFolder(path: path)
        #expect(contents("/incoming").isEmpty)
        #expect(mode(path).map { $0 & 0o007 } == 0)
        await folder.close()
        try FileManager.default.removeItem(atPath: path)
        try "a file".write(toFile: path, atomically: false, encoding: .utf8)
        #expect(throws: StorageFailure.self) { try FileFolder(path: path) }
        try FileManager.default.removeItem(atPath: path)
    }

    @Test("removing takes what is there, and does not mind what is not")
    func removal() async throws {
        try await inFolder { (folder, loop, promise: EventLoopPromise<[String]>) in
            let intake = folder.intake(Self.name, on: loop)
            intake.finish { _ in
                intake.keep { _ in
                    folder.remove([Self.name, "neverwas"], on: loop) { promise.completeWith($0.mapError { $0 }) }
                }
            }
        } check: { removed in
            #expect(removed == [Self.name, "neverwas"])
            #expect(contents("/01").isEmpty)
        }
    }

    @Test("what the system says becomes full, missing or failed")
    func failures() {
        #expect(FileFailure("write", ENOSPC) == .full && FileFailure("write", EDQUOT) == .full)
        #expect(FileFailure("open", ENOENT) == .missing)
        if case .failed(let text) = FileFailure("fsync", EIO) {
            #expect(text.hasPrefix("fsync: "))
        } else {
            Issue.record("EIO")
        }
    }
}
