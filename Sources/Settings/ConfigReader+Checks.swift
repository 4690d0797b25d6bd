import Foundation

/// Checks that need more than one key, or the file system.
extension ConfigReader {
    mutating func check(files: Bool) {
        checkListeners()
        checkComponents()
        checkSIP()
        checkPaths()
        if files { checkFiles() }
    }

    /// No two share a TCP port; `listen.sip_udp` is alone on UDP.
    mutating func checkListeners() {
        guard config.c2s != nil || config.c2sTLS != nil else {
            return refuse("listen", "every listener is off: expected c2s or c2s_tls to be on")
        }
        let listeners = [
            ("listen.c2s", config.c2s), ("listen.c2s_tls", config.c2sTLS), ("listen.https", config.https),
            ("listen.http", config.http), ("listen.component", config.component),
            ("listen.admin", config.adminListener), ("listen.sip_tcp", config.sipTCP),
            ("listen.sip_tls", config.sipTLS), ("listen.msrp", config.msrp),
        ].compactMap { name, listener in listener.map { (name: name, at: $0) } }
        for (index, listener) in listeners.enumerated() {
            guard let other = listeners[..<index].first(where: { Self.collide($0.at, listener.at) }) else { continue }
            refuse(
                "\(listener.name).port",
                "value \(listener.at.port) is not allowed: expected a port other than the one of \(other.name)")
        }
    }

    /// A wildcard covers every other address; two single addresses may share a port.
    private static func collide(_ one: ServerConfig.Listener, _ other: ServerConfig.Listener) -> Bool {
        let wildcards: Set<String> = ["::", "0.0.0.0"]
        return one.port == other.port
            && (one.address == other.address || wildcards.contains(one.address) || wildcards.contains(other.address))
    }

    /// Makes every path absolute.
    mutating func checkPaths() {
        config.adminSocket = absolute(config.adminSocket)
        if !config.clientAuthorities.isEmpty { config.clientAuthorities = absolute(config.clientAuthorities) }
        if !config.sip.serverAuthorities.isEmpty {
            config.sip.serverAuthorities = absolute(config.sip.serverAuthorities)
        }
        config.database = absolute(config.database)
        for index in config.domains.indices {
            config.domains[index].certificate = absolute(config.domains[index].certificate)
            config.domains[index].key = absolute(config.domains[index].key)
        }
        let length = config.adminSocket.utf8.count
        if length > UnixSocketPath.maximumBytes {
            refuse(
                "admin_socket",
                "\(config.adminSocket) has \(length) bytes: expected at most \(UnixSocketPath.maximumBytes), the limit of the"
                    + " operating system for a Unix socket")
        }
    }

    mutating func checkFiles() {
        for (index, domain) in config.domains.enumerated() {
            checkPEM(domain.certificate, key: "domains[\(index)].certificate", label: "CERTIFICATE")
            checkPEM(domain.key, key: "domains[\(index)].key", label: "PRIVATE KEY")
        }
        let folder = URL(fileURLWithPath: config.database).deletingLastPathComponent().path
        var isDirectory: ObjCBool = false
        if !FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) || !isDirectory.boolValue {
            refuse("storage.database", "the folder \(folder) does not exist: expected a folder the server may write to")
        } else if !FileManager.default.isWritableFile(atPath: folder) {
            refuse(
                "storage.database", "the folder \(folder) is not writable: expected a folder the server may write to")
        }
    }

    /// - Parameter label: end of the label of a PEM block (RFC 7468 §2) that the file must hold.
    private mutating func checkPEM(_ path: String, key: String, label: String) {
        guard !path.isEmpty else { return }
        switch SmallFile.read(path, atMost: ConfigLoader.fileBytes) {
        case .failure(let reason):
            refuse(key, reason.text)
        case .success(let bytes):
            let labels = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { line in
                let line = line.trimmingCharacters(in: .whitespaces)
                return line.hasPrefix("-----BEGIN ") && line.hasSuffix("-----") ? line.dropFirst(11).dropLast(5) : nil
            }
            if labels.contains("ENCRYPTED PRIVATE KEY"), label == "PRIVATE KEY" {
                refuse(key, "\(path) holds an encrypted key: expected a key without a passphrase")
            } else if !labels.contains(where: { $0.hasSuffix(label) }) {
                refuse(key, "\(path) is not in PEM form: expected a line -----BEGIN \(label)-----")
            }
        }
    }

    private func absolute(_ path: String) -> String {
        guard !path.isEmpty else { return "" }
        let base = URL(fileURLWithPath: folder, isDirectory: true)
        return URL(fileURLWithPath: path, relativeTo: base).standardizedFileURL.path
    }
}

enum UnixSocketPath {
    /// Bytes of `sun_path` without the closing zero.
    static let maximumBytes: Int = {
        var address = sockaddr_un()
        return withUnsafeBytes(of: &address.sun_path) { $0.count } - 1
    }()
}

enum IPAddress {
    /// Whether `text` is an IPv4 or IPv6 address in its usual form.
    static func isLiteral(_ text: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1
    }
}
