import Foundation
import Ground
import IMCore
import Storage
import XMPPWire

extension Server {
    /// What listens where, and what to try first.
    func printWelcome(configPath: String) async {
        let config = live.value
        let domain = config.domains.first?.name ?? "localhost"
        // The two of `roost init --demo-users`; without them, the one that the first line adds.
        let anna = JID(preparedLocal: "anna", domain: domain, resource: nil)
        let hasDemoUsers = ((try? await database.read { try AccountStore.account(anna, in: $0) }) ?? nil) != nil
        let (user, friend) = hasDemoUsers ? ("anna", "bob") : ("carol", "carol")
        var lines = ["", "Roost \(RoostVersion.current) serves \(config.domains.map(\.name).joined(separator: ", "))"]
        for listener in await listeners.descriptions { lines.append("  listening   \(listener)") }
        if let port = config.https?.port {
            lines.append("  web         wss://\(domain):\(port)/xmpp-websocket, https://\(domain):\(port)/http-bind")
        }
        if let address = config.chatAddress { lines.append("  chat        \(address)") }
        lines.append("  admin       \(config.adminSocket)")
        if let listener = config.adminListener {
            let host = ["0.0.0.0", "::"].contains(listener.address) ? domain : listener.address
            lines.append("  console     https://\(host.contains(":") ? "[\(host)]" : host):\(listener.port)/")
            if let code = try? await admin.admin.access.setupCode() {
                lines.append("  setup code  \(code)      (makes the first administrator, in the console)")
            }
        }
        lines.append("  durability  \(config.durability.rawValue)")
        let port = config.c2s?.port ?? config.c2sTLS?.port ?? 5_222
        if let address = config.chatAddress, hasDemoUsers {
            lines += [
                "", "Try it in the browser:",
                "  open \(address) and sign in as anna or bob, in two windows (one of them private)",
            ]
        }
        lines += [
            "", "Try it with a real client:",
            "  roost user add carol@\(domain) --config \(configPath)",
            "  profanity                          then: /connect \(user)@\(domain) server 127.0.0.1 port \(port) tls trust",
            "  /msg \(friend)@\(domain) hello            in the same window",
            "  roost session list --config \(configPath)", "",
        ]
        try? FileHandle.standardOutput.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
    }
}
