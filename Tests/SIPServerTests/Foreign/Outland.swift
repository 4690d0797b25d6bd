import Ground
import IMCore
import Testing
import XMPPWire

@testable import SIPServer
@testable import SIPWire

/// The server of another SIP domain, behind a trunk: it answers SUBSCRIBE, and notifies as a test says.
struct Outland {
    static let domain = "pbx.example.net"
    let bench: SIPBench
    let phone: Phone
    let time: ManualTime

    /// A server with anna and bob, and the trunk.
    static func open(
        configure: @escaping @Sendable (inout SIPConfig) -> Void = { _ in }, _ body: (Outland) async throws -> Void
    ) async throws {
        let time = ManualTime()
        try await withServer(["anna", "bob"], time: time, configure: configure) { bench in
            let outland = Outland(
                bench: bench, phone: try Phone("carol", server: bench.udp, domain: domain), time: time)
            try await outland.connect()
            try await body(outland)
        }
    }

    /// Configures the trunk.
    func connect() async throws {
        let port = phone.port
        try await bench.on { server in
            var config = server.config
            var settings = TrunkSettings(name: "pbx", destinations: ["127.0.0.1:\(port);transport=udp"])
            settings.addresses = [AddressRange("127.0.0.1")].compactMap { $0 }
            settings.domains = [Self.domain]
            settings.keepAliveSeconds = 0
            config.trunks = [settings]
            server.reconfigure(config)
        }
    }

    func wait(_ seconds: Int64) async throws {
        time.advance(milliseconds: seconds * 1_000)
        try await bench.tick()
    }

    /// What a client of a user sends to somebody there; done once it is stored.
    func send(_ kind: SubscriptionMachine.Stanza, from user: String, to contact: String = "carol") async throws {
        try await bench.until { server, done in
            let router = server.router
            router.homes.withHome(SIPBench.jid(user)) { home in
                guard let home, let contact = try? JID(parsing: "\(contact)@\(Self.domain)") else { return done() }
                let stanza = PresenceStanza(type: kind.rawValue, from: home.address)
                    .addressed(to: Array(contact.description.utf8))
                router.sendSubscription(kind, to: contact, from: home, stanza: stanza) { _ in done() }
            }
        }
    }

    /// Waits until the contact list says so; the user's home may be on its way out of the store.
    func relation(
        of user: String, to contact: String = "carol", is wanted: String
    ) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(10)
        while try await relation(of: user, to: contact) != wanted {
            guard ContinuousClock.now < deadline else { return false }
            try await bench.settle()
        }
        return true
    }

    /// `none`, `to`, `asked` …: what the user's contact list says of somebody there.
    func relation(of user: String, to contact: String = "carol") async throws -> String {
        try await bench.on { server in
            guard
                let item = server.router.homes.loaded(SIPBench.jid(user))?.roster.values.first(where: {
                    $0.contact.description == "\(contact)@\(Self.domain)"
                })
            else { return "unknown" }
            let subscription = item.subscription
            return subscription.attribute + (subscription.pendingOut ? "+asked" : "")
                + (subscription.pendingIn ? "+asking" : "")
        }
    }

    func count() async throws -> Int { try await bench.on { $0.foreignWatchCount } }

    /// A NOTIFY in the dialog of a SUBSCRIBE; returns the answer.
    @discardableResult
    func notify(
        _ subscribe: SIPMessage, _ cseq: UInt32, _ state: String, _ body: String = "", tag: String? = nil,
        event: String = "presence", type: String = "application/pidf+xml"
    ) throws -> SIPMessage {
        let tag = tag ?? "n\(subscribe.callID.string.prefix(8))"
        phone.send(
            phone.make(
                "NOTIFY", subscribe.contactURI, to: subscribe.first(.from)?.string, callID: subscribe.callID.string,
                cseq: cseq, from: "<\(subscribe.to?.uri.text.string ?? "")>;tag=\(tag)",
                lines: [
                    "Event: \(event)", "Subscription-State: \(state)", "Contact: <\(phone.contact)>",
                ] + (body.isEmpty ? [] : ["Content-Type: \(type)"]), body: body))
        return try phone.final(.notify)
    }

    static func document(_ status: String = "open", show: String = "", note: String = "", id: String = "ID-desk")
        -> String
    {
        let show = show.isEmpty ? "" : "<show xmlns='jabber:client'>\(show)</show>"
        let note = note.isEmpty ? "" : "<note>\(note)</note>"
        return "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:carol@\(domain)'><tuple id='\(id)'>"
            + "<status><basic>\(status)</basic>\(show)</status>\(note)</tuple></presence>"
    }
}
