import AdminServer
import Foundation
import IMCore
import NIOCore
import SIPServer
import SIPWire
import Settings
import Storage

/// The troubleshooter's tests of the SIP face.
struct SIPExamination {
    let sip: LiveSIP
    let listeners: Listeners
    let database: any Database
    /// For probes; not the loop of the messages.
    let group: any EventLoopGroup

    func tests(_ config: ServerConfig) async throws -> [AdminTest] {
        guard config.sip.isEnabled else {
            return [AdminTest("sip-listeners", "SIP listeners", .pass, "SIP is off.", link: "/settings/sip")]
        }
        var tests = await probes(config)
        tests.append(await ports(config))
        tests += try await trunks()
        tests.append(routes(config))
        for domain in config.domains { tests.append(try await dns(domain.name)) }
        tests.append(try await credentials())
        tests += openness(config)
        return tests
    }

    // MARK: Listeners

    private static let kinds: [(name: String, key: String, transport: SIPProbe.Transport)] = [
        ("sip-udp", "listen.sip_udp", .udp), ("sip-tcp", "listen.sip_tcp", .tcp), ("sip-tls", "listen.sip_tls", .tls),
    ]

    private func wanted(_ config: ServerConfig) -> [ServerConfig.Listener?] {
        [config.sipUDP, config.sipTCP, config.sipTLS]
    }

    /// Asks every listener with OPTIONS, as a neighbour would.
    private func probes(_ config: ServerConfig) async -> [AdminTest] {
        var tests: [AdminTest] = []
        for (kind, listener) in zip(Self.kinds, wanted(config)) {
            guard let listener else { continue }
            let title = "SIP over \(kind.transport.rawValue.uppercased()) answers"
            let status = await SIPProbe.options(
                host: SIPProbe.reachable(listener.address), port: listener.port, over: kind.transport,
                domain: config.domains.first?.name ?? "localhost", group: group)
            tests.append(
                status.map { AdminTest("\(kind.name)-answers", title, .pass, "Port \(listener.port): \($0)") }
                    ?? AdminTest(
                        "\(kind.name)-answers", title, .fail,
                        "Port \(listener.port) gave no answer to OPTIONS in 3 seconds. Does something else have the port,"
                            + " or are certificates asked for (sip.tls_client_certificates)?", link: "/settings/listen")
            )
        }
        return tests
    }

    /// Whether everything that shall listen does.
    private func ports(_ config: ServerConfig) async -> AdminTest {
        let open = await listeners.descriptions
        let missing = zip(Self.kinds, wanted(config)).filter { kind, listener in
            listener != nil && !open.contains { $0.hasPrefix(kind.name + " ") }
        }.map(\.0.key)
        let isNone = wanted(config).allSatisfy { $0 == nil }
        return AdminTest(
            "sip-ports", "SIP ports", missing.isEmpty ? (isNone ? .warning : .pass) : .fail,
            missing.isEmpty
                ? isNone
                    ? "SIP is on, and every SIP listener is off."
                    : "All are open, and no two listeners want the same one."
                : "Not open: \(missing.joined(separator: ", ")). Another program may have the port.",
            link: "/settings/listen")
    }

    // MARK: Trunks and routes

    private func trunks() async throws -> [AdminTest] {
        try await sip.sipTrunks().map { trunk in
            let name = "sip-trunk-\(trunk.name)"
            let title = "SIP trunk \(trunk.name)"
            let down = trunk.destinations.filter { $0.state == .down }.map { "\($0.address) (\($0.problem))" }
            if trunk.trusted.isEmpty, trunk.publishesLineState {
                return AdminTest(
                    name, title, .warning,
                    "It shall publish the state of lines, but nothing tells which requests are its own: give it addresses or"
                        + " names of certificates.", link: "/settings/sip")
            }
            switch trunk.state {
            case .up where down.isEmpty:
                return AdminTest(name, title, .pass, "Every destination answers.", link: "/trunks")
            case .up:
                return AdminTest(
                    name, title, .warning, "Some destinations do not answer: \(down.joined(separator: ", ")).",
                    link: "/trunks")
            case .down:
                return AdminTest(
                    name, title, .fail,
                    "No destination answers: \(down.joined(separator: ", ")). Is the address right, and does the other side"
                        + " take OPTIONS from this server?", link: "/trunks")
            case .unknown:
                return AdminTest(name, title, .pass, "It has not been asked yet.", link: "/trunks")
            }
        }
    }

    private func routes(_ config: ServerConfig) -> AdminTest {
        let names = Set(config.sip.trunks.map(\.name))
        let lost = config.sip.routes.enumerated().filter { !names.contains($0.element.trunk) }
        return AdminTest(
            "sip-routes", "SIP routes", lost.isEmpty ? .pass : .fail,
            lost.isEmpty
                ? config.sip.routes.isEmpty
                    ? "There are none: requests to other domains go to trunks that have them."
                    : "Every route leads to a trunk."
                : "No such trunk: "
                    + lost.map { "route \($0.offset + 1) to \($0.element.trunk)" }.joined(separator: ", ")
                    + ". Requests pass by them to the next route.", link: "/settings/sip")
    }

    // MARK: DNS

    private func dns(_ domain: String) async throws -> AdminTest {
        let title = "SIP servers of \(domain) in DNS"
        guard let uri = SIPURI("sip:\(domain)") else {
            return AdminTest("sip-dns-\(domain)", title, .warning, "\(domain) cannot stand in a SIP URI.")
        }
        let promise = sip.sip.eventLoop.makePromise(of: [String].self)
        let face = sip.sip
        face.eventLoop.execute { face.value.locate(uri) { hops in promise.succeed(hops.map(\.text)) } }
        let hops = try await promise.futureResult.get()
        return AdminTest(
            "sip-dns-\(domain)", title, hops.isEmpty ? .warning : .pass,
            hops.isEmpty
                ? "Neither NAPTR and SRV records nor an address lead to a SIP server. Clients that are told the server by name"
                    + " need none; others need _sip._udp, _sip._tcp and _sips._tcp."
                : hops.joined(separator: ", "), link: "/settings/server")
    }

    // MARK: People

    private func credentials() async throws -> AdminTest {
        let list = try await sip.usersWithoutSIPCredentials(after: nil, limit: 20)
        let title = "Passwords of SIP clients"
        guard let total = list.total, total > 0 else {
            return AdminTest("sip-credentials", title, .pass, "Every account can sign in over SIP.")
        }
        let named = list.items.prefix(20).map(\.item.jid).joined(separator: ", ")
        let more = total > 20 ? " and \(total - 20) more" : ""
        return AdminTest(
            "sip-credentials", title, .warning,
            "\(total == 1 ? "1 account cannot" : "\(total) accounts cannot") sign in over SIP until the password is"
                + " set again, or is used once by an XMPP client with PLAIN: \(named)\(more).", link: "/users")
    }

    private func openness(_ config: ServerConfig) -> [AdminTest] {
        let open = ["REGISTER", "PUBLISH", "SUBSCRIBE", "MESSAGE", "INVITE"].filter {
            !config.sip.authenticatedMethods.contains($0)
        }
        return [
            AdminTest(
                "sip-digest", "Passwords over SIP", open.isEmpty ? .pass : .warning,
                open.isEmpty
                    ? "Whoever claims to be somebody of this server has to prove it."
                    : "Anybody can send \(open.joined(separator: ", ")) in the name of others: name them in"
                        + " sip.authenticated_methods, unless the network is closed.", link: "/settings/sip"),
            AdminTest(
                "sip-outside", "Requests from outside", config.sip.acceptsFromOutside ? .warning : .pass,
                config.sip.acceptsFromOutside
                    ? "People of foreign domains are believed to be who they say (sip.accept_from_outside)."
                    : "People of other domains come over trunks only.", link: "/settings/sip"),
        ]
    }
}
