import Foundation

/// Files that go into jobs and come out of them, in a folder that nobody else reads. Not for the event loops: it blocks.
struct JobFiles: Sendable {
    let folder: String

    /// - Throws: when the folder cannot be made.
    func prepare() throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    func input(_ job: Int) -> String { "\(folder)/\(job).in" }
    func result(_ job: Int) -> String { "\(folder)/\(job).out" }
    func upload(_ name: String) -> String { "\(folder)/upload-\(name)" }

    func remove(_ path: String) { unlink(path) }

    /// Appends at `offset`, which must be the end.
    func append(_ text: String, to path: String, at offset: Int) throws -> Int {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot keep an upload") }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        defer { try? handle.close() }
        let end = Int(try handle.seekToEnd())
        guard end == offset else {
            throw AdminError(.conflict, "the upload has \(end) bytes, the part is for \(offset): send from \(end)")
        }
        guard end + text.utf8.count <= JobLimits.uploadBytes else {
            throw AdminError(.tooLarge, "the file has more than \(JobLimits.uploadBytes) bytes")
        }
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            throw failure("cannot keep an upload")
        }
        return end + text.utf8.count
    }

    func move(_ path: String, to other: String) throws {
        guard rename(path, other) == 0 else { throw failure("cannot take the upload") }
    }

    func size(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int
    }

    /// A part that begins at `offset` and ends with a line, or with a whole character where a line is longer.
    func part(of path: String, from offset: Int) throws -> AdminJobResult {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw AdminError(.notFound, "the file of this job is not there any more")
        }
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(max(0, offset)))
        let bytes = try handle.read(upToCount: JobLimits.partBytes) ?? Data()
        guard bytes.count == JobLimits.partBytes else {
            return AdminJobResult(text: String(decoding: bytes, as: UTF8.self), next: nil)
        }
        var end = bytes.endIndex
        if let line = bytes.lastIndex(of: UInt8(ascii: "\n")) {
            end = line + 1
        } else {
            while end > bytes.startIndex + 4, bytes[end - 1] & 0xC0 == 0x80 { end -= 1 }
            if end > bytes.startIndex + 1, bytes[end - 1] & 0xC0 == 0xC0 { end -= 1 }
        }
        let part = bytes[..<end]
        return AdminJobResult(text: String(decoding: part, as: UTF8.self), next: offset + part.count)
    }

    /// What no job and no upload claims.
    func removeStrangers(jobs: Set<Int>) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let number = Int(name.prefix { $0 != "." })
            if name.hasPrefix("upload-") || number.map({ !jobs.contains($0) }) ?? false { unlink("\(folder)/\(name)") }
        }
    }

    private func failure(_ text: String) -> AdminError {
        AdminError(.unavailable, "\(text): \(String(cString: strerror(errno)))")
    }
}
