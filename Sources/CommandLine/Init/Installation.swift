import Foundation
import Settings

/// The files of a new server. Either all are made or none is left behind.
struct Installation {
    let folder: String
    /// Prepared, the first is the default one.
    let domains: [String]
    let portOffset: Int

    var configFile: String { folder + "/roost.yaml" }
    private var databaseFile: String { folder + "/roost.db" }

    init(folder: String, domains: [String], portOffset: Int) {
        self.folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        self.domains = domains
        self.portOffset = portOffset
    }

    /// Nothing that exists is overwritten.
    func refuseExisting() throws {
        if exists(configFile) {
            throw CommandFailure("\(configFile) exists already: choose another --dir, or remove it to begin anew")
        }
        for file in [databaseFile] + domains.flatMap({ [certificateFile($0), keyFile($0)] }) where exists(file) {
            throw CommandFailure("\(file) exists already, without a roost.yaml: remove it, or choose another --dir")
        }
    }

    /// Makes the folder (mode 0700) and everything in it; the configuration comes last, because it says that the rest is
    /// there.
    func create(_ accounts: [InitialAccount]) async throws {
        let madeFolder = try makeFolder()
        do {
            for domain in domains { try writeCertificate(domain) }
            let config = try configuration()
            try await createAccounts(
                databasePath: absolute(databaseFile), accounts: accounts, iterations: config.scramIterations,
                now: Date())
            try write(ConfigTemplate.render(config), to: configFile, mode: 0o600)
        } catch {
            removeAll(madeFolder: madeFolder)
            throw error
        }
    }

    private func configuration() throws -> ServerConfig {
        var config = ServerConfig()
        config.domains = domains.map { domain in
            ServerConfig.Domain(name: domain, certificate: fileName(domain) + ".crt", key: fileName(domain) + ".key")
        }
        config.c2s?.port += portOffset
        config.c2sTLS?.port += portOffset
        config.https?.port += portOffset
        config.adminListener?.port += portOffset
        config.http?.port += portOffset
        config.sipUDP?.port += portOffset
        config.sipTCP?.port += portOffset
        config.sipTLS?.port += portOffset
        config.msrp?.port += portOffset
        return config
    }

    private func makeFolder() throws -> Bool {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) {
            guard isDirectory.boolValue else { throw CommandFailure("\(folder) is not a folder") }
            return false
        }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure("\(folder) cannot be made: \(error.localizedDescription)")
        }
        return true
    }

    private func writeCertificate(_ domain: String) throws {
        let pair = try SelfSignedCertificate(domain: domain, now: Date())
        try write(pair.certificate, to: certificateFile(domain), mode: 0o644)
        try write(pair.key, to: keyFile(domain), mode: 0o600)
    }

    /// Never over an existing file, and never readable for others for even a moment.
    private func write(_ text: String, to path: String, mode: mode_t) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw CommandFailure("\(path) cannot be made: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: Data(text.utf8))
            try handle.synchronize()
            try handle.close()
        } catch {
            throw CommandFailure("\(path) cannot be written: \(error.localizedDescription)")
        }
    }

    private func removeAll(madeFolder: Bool) {
        if madeFolder {
            try? FileManager.default.removeItem(atPath: folder)
            return
        }
        let database = ["", "-wal", "-shm"].map { databaseFile + $0 }
        for file in database + domains.flatMap({ [certificateFile($0), keyFile($0)] }) + [configFile] {
            unlink(file)
        }
    }

    private func certificateFile(_ domain: String) -> String { "\(folder)/\(fileName(domain)).crt" }
    private func keyFile(_ domain: String) -> String { "\(folder)/\(fileName(domain)).key" }

    /// A prepared domain holds no slash; an IPv6 literal loses its brackets.
    private func fileName(_ domain: String) -> String {
        domain.filter { $0 != "[" && $0 != "]" }
    }

    private func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }
    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
