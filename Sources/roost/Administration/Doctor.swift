import AdminServer
import Foundation
import Ground
import IMCore
import NIOCore
import Settings
import Storage
import Transport
import XMPPServer

/// Looks for what is wrong, area by area. Every test says what was found and what to do.
struct Doctor: AdminDoctor {
    let settings: LiveSettings
    let listeners: Listeners
    let database: any Database
    let core: NIOLoopBound<C2SServer>
    let metrics: LiveMetrics
    let services: LiveServices
    let sip: SIPExamination
    let time: SystemTime

    func examine() async throws -> AdminExamination {
        let config = settings.live.value
        return AdminExamination(
            at: Timestamp.format(time.now),
            areas: [
                .init("system", system(config)),
                .init("storage", await storage(config)),
                .init("certificates", certificates(config)),
                .init("domains", domains(config)),
                .init("services", try await serviceTests(config)),
                .init("sip", try await sip.tests(config)),
                .init("users", try await users(config)),
                .init("security", security(config)),
            ])
    }

    // MARK: System

    private func system(_ config: ServerConfig) -> [AdminTest] {
        [disk(config), descriptors(), memory()]
    }

    private func disk(_ config: ServerConfig) -> AdminTest {
        let title = "Disk space"
        let folder = URL(fileURLWithPath: config.database).deletingLastPathComponent().path
        guard let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder),
            let free = (attributes[.systemFreeSize] as? NSNumber)?.int64Value,
            let size = (attributes[.systemSize] as? NSNumber)?.int64Value, size > 0
        else { return AdminTest("disk", title, .warning, "The free space of the database's disk is not known.") }
        let share = Double(free) / Double(size)
        let text = "\(free / 1_048_576) MiB are free, \(Int(share * 100)) % of the disk of the database."
        if free < 268_435_456 {
            return AdminTest("disk", title, .fail, text + " Messages cannot be stored on a full disk: make room now.")
        }
        return AdminTest("disk", title, share < 0.1 && free < 10_737_418_240 ? .warning : .pass, text)
    }

    private func descriptors() -> AdminTest {
        let limit = DescriptorLimit.raise()
        return AdminTest(
            "descriptors", "Open files and connections", limit < 4_096 ? .warning : .pass,
            limit < 4_096
                ? "The system allows \(limit) open files, so at most \(limit - 128) connections: raise LimitNOFILE."
                : "The system allows \(limit) open files.")
    }

    private func memory() -> AdminTest {
        let used = ProcessMemory.residentBytes
        let total = Int(ProcessInfo.processInfo.physicalMemory)
        let text = "The server uses \(used / 1_048_576) MiB of \(total / 1_048_576) MiB."
        return AdminTest("memory", "Memory", used > total / 10 * 8 ? .warning : .pass, text)
    }

    // MARK: Storage

    private func storage(_ config: ServerConfig) async -> [AdminTest] {
        let health = await metrics.health()
        var tests = health.checks.filter { ["database", "journal", "backlog"].contains($0.name) }.map { check in
            AdminTest(
                check.name, Self.storageTitles[check.name] ?? check.name, check.isPassed ? .pass : .fail,
                check.isPassed ? "In order." : check.reason + ". Look at the disk and the log.")
        }
        tests.append(
            AdminTest(
                "durability", "What an acknowledgement promises", config.durability == .memory ? .warning : .pass,
                config.durability == .memory
                    ? "Acknowledged messages are lost when the process ends: set storage.durability to power."
                    : "An acknowledged message survives \(config.durability == .power ? "loss of power" : "the process").",
                link: "/settings/storage"))
        return tests
    }

    private static let storageTitles = [
        "database": "Database", "journal": "Journal of messages", "backlog": "Messages that wait for the disk",
    ]

    // MARK: Certificates

    private func certificates(_ config: ServerConfig) -> [AdminTest] {
        config.domains.map { domain in
            let title = "Certificate of \(domain.name)"
            let link = "/certificates"
            guard let certificate = CertificateFile(path: domain.certificate) else {
                return AdminTest(
                    "certificate-\(domain.name)", title, .fail, "\(domain.certificate) cannot be read.", link: link)
            }
            let days = Int((Double(certificate.notAfter) / 1_000 - Double(time.now) / 1_000) / 86_400)
            if time.now >= certificate.notAfter {
                return AdminTest(
                    "certificate-\(domain.name)", title, .fail,
                    "It ended on \(Timestamp.format(certificate.notAfter)): clients refuse to connect.", link: link)
            }
            guard certificate.covers(domain.name) else {
                return AdminTest(
                    "certificate-\(domain.name)", title, .fail,
                    "It is for \(certificate.names.joined(separator: ", ")), not for \(domain.name).", link: link)
            }
            if days < 30 {
                return AdminTest(
                    "certificate-\(domain.name)", title, .warning, "It ends in \(days) days.", link: link)
            }
            return AdminTest(
                "certificate-\(domain.name)", title, certificate.isSelfSigned ? .warning : .pass,
                certificate.isSelfSigned
                    ? "It is signed by its own key: good for a trial, clients elsewhere will warn. It ends in \(days) days."
                    : "Issued by \(certificate.issuer), good for \(days) days.", link: link)
        }
    }

    // MARK: Domains

    private func domains(_ config: ServerConfig) -> [AdminTest] {
        config.domains.map { domain in
            let addresses = HostLookup.addresses(domain.name)
            return AdminTest(
                "address-\(domain.name)", "Address of \(domain.name) in DNS", addresses.isEmpty ? .warning : .pass,
                addresses.isEmpty
                    ? "The name has no address here. Clients elsewhere need SRV records _xmpp-client._tcp and"
                        + " _xmpps-client._tcp, or an address."
                    : addresses.joined(separator: ", "), link: "/settings/domains")
        }
    }

    // MARK: Services

    private func serviceTests(_ config: ServerConfig) async throws -> [AdminTest] {
        var tests = try await services.services().map { service in
            AdminTest(
                "service-\(service.name)", service.title, .pass,
                service.state == .running
                    ? "Running." + (service.detail.isEmpty ? "" : " \(service.detail).")
                    : "Stopped: \(service.features.joined(separator: ", ")) cannot be used.", link: "/services")
        }
        let open = await listeners.descriptions
        tests.append(
            AdminTest(
                "listeners", "Listeners", open.isEmpty ? .fail : .pass, open.joined(separator: ", "),
                link: "/settings/listen"))
        guard !config.components.isEmpty else { return tests }
        let core = core
        let connected = try await core.eventLoop.submit { core.value.components?.connected ?? [] }.get()
        let missing = config.components.map(\.domain).filter { !connected.contains($0) }
        tests.append(
            AdminTest(
                "components", "External components", missing.isEmpty ? .pass : .warning,
                missing.isEmpty
                    ? "All are connected." : "Not connected: \(missing.joined(separator: ", ")).", link: "/services"))
        return tests
    }

    // MARK: Users

    private func users(_ config: ServerConfig) async throws -> [AdminTest] {
        let count = try await database.read { try AccountStore.count(in: $0) }
        return [
            AdminTest(
                "accounts", "Accounts", count == 0 ? .warning : .pass,
                count == 0 ? "There are none: create or import users." : "\(count) accounts.", link: "/users")
        ] + (try await limits())
    }

    /// Users who can add nobody, or whom nobody can add (docs/availability.md).
    private func limits() async throws -> [AdminTest] {
        let core = core
        let policies = try await core.eventLoop.submit { core.value.router.policies }.get()
        let found = try await database.read { try UserAtLimit.all(policies, limit: 10_000, in: $0) }
        return [
            Self.test(
                "contacts-full", "Contact list size", "presence.contacts_max", found.filter { $0.contacts != nil }),
            Self.test("watchers-full", "Watchers", "presence.watchers_max", found.filter { $0.watchers != nil }),
        ]
    }

    private static func test(_ name: String, _ title: String, _ key: String, _ users: [UserAtLimit]) -> AdminTest {
        guard !users.isEmpty else { return AdminTest(name, title, .pass, "Nobody is at the limit (\(key)).") }
        let named = users.prefix(20).map(\.user.description).joined(separator: ", ")
        let more = users.count > 20 ? " and \(users.count - 20) more" : ""
        return AdminTest(
            name, title, .warning,
            (users.count == 1 ? "1 user is" : "\(users.count) users are")
                + " at the limit: \(named)\(more). Raise \(key)"
                + " for them, or have them remove contacts.", link: "/settings/presence")
    }

    // MARK: Security

    private func security(_ config: ServerConfig) -> [AdminTest] {
        let isOpen = config.registration.enabled == .on
        let isVerbose = ["trace", "debug"].contains(config.logLevel)
        return [
            AdminTest(
                "tls", "Encryption of clients", config.tls == .required ? .pass : .warning,
                config.tls == .required
                    ? "Clients must use TLS." : "Clients may sign in without TLS: set tls to required.",
                link: "/settings/general"),
            AdminTest(
                "registration", "Registration", isOpen ? .warning : .pass,
                isOpen ? "Anybody may create an account." : "Only administrators create accounts.",
                link: "/settings/registration"),
            AdminTest(
                "log-level", "Log level", isVerbose ? .warning : .pass,
                isVerbose
                    ? "\(config.logLevel) writes much and costs speed: set log.level to info when you are done."
                    : config.logLevel, link: "/settings/log"),
        ]
    }
}

/// Addresses of a host as the system finds them.
enum HostLookup {
    static func addresses(_ host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var result: [String] = []
        var next = list
        while let entry = next {
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
                == 0
            {
                let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !result.contains(text) { result.append(text) }
            }
            next = entry.pointee.ai_next
        }
        return result
    }
}
