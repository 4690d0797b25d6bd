import Foundation
import Ground

/// Where the audit goes besides the store: `udp://host:port` or `tcp://host:port`.
public struct SyslogTarget: Sendable, Equatable {
    public enum Transport: String, Sendable { case udp, tcp }

    public var transport: Transport
    public var host: String
    public var port: Int

    public init(transport: Transport, host: String, port: Int) {
        self.transport = transport
        self.host = host
        self.port = port
    }

    /// Nil when the text is not such an address. Without a port the usual one is meant (514, 601 with TCP).
    public init?(_ text: String) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme,
            let transport = Transport(rawValue: scheme), let host = parts.host, !host.isEmpty,
            parts.path.isEmpty || parts.path == "/", parts.query == nil, parts.user == nil
        else { return nil }
        self.transport = transport
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? (transport == .udp ? 514 : 601)
        guard (1...65_535).contains(port) else { return nil }
    }
}

/// One entry of the audit as syslog carries it (RFC 5424 §6).
enum SyslogMessage {
    /// Facility 13, log audit; notice for what was done, warning for what was refused.
    private static func priority(_ entry: AuditEntry) -> Int { 13 * 8 + (entry.outcome == .done ? 5 : 4) }

    /// - Parameter host: this machine's name.
    static func text(_ entry: AuditEntry, host: String, process: Int32) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        // An entry is texts and a number: it always encodes.
        let body = (try? encoder.encode(entry)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        let id = name(entry.operation, 32)
        return "<\(priority(entry))>1 \(entry.at) \(name(host, 255)) roost \(process) \(id) "
            + "[origin software=\"roost\" swVersion=\"\(RoostVersion.current)\"] \u{FEFF}\(body)"
    }

    /// Octet counting, which no text inside can break (RFC 6587 §3.4.1).
    static func framed(_ text: String) -> String { "\(text.utf8.count) \(text)" }

    /// PRINTUSASCII of at most so many characters; `-` for none.
    private static func name(_ text: String, _ length: Int) -> String {
        let printable = String(decoding: text.utf8.filter { $0 > 32 && $0 < 127 }.prefix(length), as: UTF8.self)
        return printable.isEmpty ? "-" : printable
    }
}
