import Foundation

/// A folder of its own for one test; removed by `remove()`.
struct ScratchFolder {
    let path: String

    init() throws {
        // Short, because a Unix socket's path is bounded.
        path = FileManager.default.temporaryDirectory.path + "/roost-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Writes a file and returns its absolute path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        return file
    }

    /// Writes files that look like a certificate and its key.
    func writeCertificate(_ name: String) throws {
        try write("\(name).crt", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
        try write("\(name).key", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n")
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
