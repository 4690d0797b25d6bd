#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Whole-file reads and appends, enough for `/proc`, the report and the file of salted passwords.
enum SystemFile {
    /// The file's bytes, at most `limit`; nil when it cannot be opened.
    static func read(_ path: String, limit: Int = 262_144) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < limit {
            let count = piece.withUnsafeMutableBytes { systemRead(descriptor, $0) }
            if count <= 0 { break }
            bytes.append(contentsOf: piece[0..<count])
        }
        return bytes
    }

    static func readText(_ path: String, limit: Int = 262_144) -> String? {
        read(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Appends `text`, or replaces the file with it.
    ///
    /// - Throws: ``LoadFailure/notPossible(_:)`` when the file cannot be written.
    static func write(_ text: String, to path: String, appending: Bool, mode: mode_t = 0o644) throws(LoadFailure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (appending ? O_APPEND : O_TRUNC), mode)
        guard descriptor >= 0 else {
            throw .notPossible("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard writeAll(text, to: descriptor) else {
            throw .notPossible("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Says one line on standard error.
    static func say(_ line: String) { _ = writeAll(line + "\n", to: 2) }

    /// Names in a folder; empty when it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names
    }

    private static func systemRead(_ descriptor: Int32, _ target: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            #if canImport(Darwin)
                let count = Darwin.read(descriptor, target.baseAddress, target.count)
            #elseif canImport(Musl)
                let count = Musl.read(descriptor, target.baseAddress, target.count)
            #else
                let count = Glibc.read(descriptor, target.baseAddress, target.count)
            #endif
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private static func writeAll(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = ArraySlice(Array(text.utf8))
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { raw in
                #if canImport(Darwin)
                    Darwin.write(descriptor, raw.baseAddress, raw.count)
                #elseif canImport(Musl)
                    Musl.write(descriptor, raw.baseAddress, raw.count)
                #else
                    Glibc.write(descriptor, raw.baseAddress, raw.count)
                #endif
            }
            if written < 0 {
                if errno == EINTR { continue }
                return false
            }
            bytes = bytes.dropFirst(written)
        }
        return true
    }
}
