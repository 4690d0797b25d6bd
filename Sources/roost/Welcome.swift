import Foundation
import Ground

extension Server {
    /// What listens where, and what to try first.
    func printWelcome(configPath: String) {
        let domain = config.domains.first?.name ?? "localhost"
        var lines = ["", "Roost \(RoostVersion.current) serves \(config.domains.map(\.name).joined(separator: ", "))"]
        for listener in listeners { lines.append("  listening   \(listener)") }
        if let port = config.https?.port {
            lines.append("  web         wss://\(domain):\(port)/xmpp-websocket, https://\(domain):\(port)/http-bind")
        }
        lines.append("  admin       \(config.adminSocket)")
        lines.append("  durability  \(config.durability.rawValue)")
        let port = config.c2s?.port ?? config.c2sTLS?.port ?? 5_222
        lines += [
            "", "Try it with a real client:",
            "  profanity -a anna@\(domain)        then: /connect anna@\(domain) server 127.0.0.1 port \(port) tls trust",
            "  /msg bob@\(domain) hello            in the same window",
            "  roost user add carol@\(domain) --config \(configPath)",
            "  roost session list --config \(configPath)", "",
        ]
        try? FileHandle.standardOutput.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
    }
}
