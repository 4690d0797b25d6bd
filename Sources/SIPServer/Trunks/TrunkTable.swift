import Ground
import NIOCore
import SIPWire

/// All trunks and routes: whose request one is, where one goes, and whether the neighbours are there.
public final class TrunkTable {
    /// Holds this.
    unowned let server: SIPServer
    public private(set) var trunks: [SIPTrunk] = []
    /// Whose an address is; asked for each request, so remembered.
    private var byAddress: [TransportAddress: SIPTrunk?] = [:]
    private static let remembered = 4_096

    init(server: SIPServer) {
        self.server = server
        apply()
        server.trunkOf = { [self] request in
            // A proxy in front of us passes on what clients register: those prove themselves.
            guard request.method != .register, let trunk = trunk(of: request) else { return nil }
            trunk.requestsIn += 1
            return trunk
        }
        server.whenReconfigured.append { [self] in apply() }
        server.whenTicked.append { [self] in tick($0) }
    }

    public subscript(name: String) -> SIPTrunk? { trunks.first { $0.name == name } }

    /// Takes the settings in force; what is known of a trunk with the same servers stays.
    private func apply() {
        byAddress.removeAll()
        trunks = server.config.trunks.map { settings in
            if let known = self[settings.name], known.settings.destinations == settings.destinations {
                known.settings = settings
                return known
            }
            let time = server.time
            return SIPTrunk(settings) { (time.uptime, time.now) }
        }
    }

    // MARK: Whose

    func isTrunk(_ request: IncomingRequest) -> Bool { trunk(of: request) != nil }

    /// Which trunk a request comes from; nil for nobody's.
    private func trunk(of request: IncomingRequest) -> SIPTrunk? {
        guard !trunks.isEmpty else { return nil }
        let flow = request.flow
        if flow.transport.isSecure, let names = (flow.link as? StreamLink)?.provenNames, !names.isEmpty {
            let found = trunks.first { trunk in
                trunk.settings.certificates.contains { wanted in names.contains { Self.covers(wanted, $0) } }
            }
            if let found { return found }
        }
        let key = flow.remote.with(port: 0)
        if let known = byAddress[key] { return known }
        if byAddress.count >= Self.remembered { byAddress.removeAll() }
        let ip = flow.remote.ip
        let found = trunks.first { $0.settings.addresses.contains { $0.contains(ip) } }
        byAddress[key] = .some(found)
        return found
    }

    /// `*.example.com` covers one label (RFC 6125 §6.4.3).
    static func covers(_ wanted: String, _ name: String) -> Bool {
        let name = name.lowercased()
        guard wanted.hasPrefix("*.") else { return wanted.lowercased() == name }
        guard let dot = name.firstIndex(of: "."), dot > name.startIndex else { return false }
        return name[dot...] == wanted.lowercased().dropFirst()
    }

    /// Tells the log why somebody who speaks for people behind a trunk was taken for a stranger.
    ///
    /// - Parameter host: of From.
    func missed(_ request: IncomingRequest, host: SIPBytes) {
        let host = host.string
        guard let trunk = trunks.first(where: { $0.serves(host) }),
            server.notices.allows("trunk \(trunk.name) \(request.flow.remote.ip)", server.uptime)
        else { return }
        server.logger.warning(
            "a request in the name of people behind a trunk did not come from the trunk",
            metadata: [
                "trunk": "\(trunk.name)", "domain": "\(host)", "address": "\(request.flow)",
                "reason": "\(Self.reason(trunk.settings, request.flow))",
            ])
    }

    private static func reason(_ trunk: TrunkSettings, _ flow: SIPFlow) -> String {
        let isElsewhere = trunk.addresses.isEmpty ? "" : "its address is not among the trunk's, and "
        guard !trunk.certificates.isEmpty else {
            return trunk.addresses.isEmpty
                ? "neither addresses nor certificates are set for the trunk" : "its address is not among the trunk's"
        }
        guard flow.transport.isSecure, let link = flow.link as? StreamLink else {
            return isElsewhere + "it came without TLS, where it could show the trunk's certificate"
        }
        guard let shown = link.shownNames else { return isElsewhere + "it has shown no certificate" }
        let names = shown.joined(separator: " ")
        return isElsewhere
            + (link.provenNames.isEmpty
                ? "its certificate of \(names) is not accepted"
                : "its certificate is of \(names), not of \(trunk.certificates.joined(separator: " "))")
    }

    // MARK: Where

    /// The trunk for a URI: by the routes, in their order, then by what the trunks themselves serve.
    ///
    /// - Parameter isOwnDomain: nobody of ours has the address: only numbers go out then.
    public func route(of uri: SIPURI, isOwnDomain: Bool) -> SIPTrunk? {
        guard !trunks.isEmpty else { return nil }
        let host = uri.host.string
        let user = (uri.decodedUser).map { String(decoding: $0, as: UTF8.self) } ?? ""
        for route in server.config.routes where route.matches(host: host, user: user, isOwn: isOwnDomain) {
            if let trunk = self[route.trunk] { return trunk }
        }
        guard !isOwnDomain, !host.isEmpty else { return nil }
        return trunks.first { $0.serves(host) }
    }

    // MARK: Whether they are there

    private func tick(_ uptime: Int64) {
        for trunk in trunks where trunk.settings.keepAliveSeconds > 0 && uptime >= trunk.nextCheck {
            trunk.nextCheck = uptime + Int64(trunk.settings.keepAliveSeconds) * 1_000
            for destination in trunk.destinations where !trunk.rests(destination) { check(trunk, destination.uri) }
        }
    }

    /// Whatever it answers, it is there; but for 503 (RFC 3261 §11).
    private func check(_ trunk: SIPTrunk, _ uri: SIPURI) {
        let host = server.config.domains.first ?? "localhost"
        let address = SIPBytes("sip:\(host)")
        var builder = SIPRequestBuilder(.options, uri.text)
        builder.add(.maxForwards, number: 1)
        builder.addParty(.from, uri: address, tag: SIPBytes(HexText.digits(.random(in: .min ... .max))))
        builder.addParty(.to, uri: uri.text, tag: nil)
        builder.add(.callID, HexText.digits(.random(in: .min ... .max)))
        builder.addCSeq(1, .options)
        builder.add(.accept, "application/sdp")
        var client: ClientTransaction?
        client = server.send(OutgoingRequest(method: .options, bytes: builder.finish()), to: .uri(uri)) { outcome in
            switch outcome {
            case .response(let response) where response.statusCode != 503: trunk.answered(uri)
            case .response(let response):
                trunk.failed(uri, .serviceUnavailable, retryAfter: response.retryAfter)
            case .timeout: trunk.failed(uri, .requestTimeout)
            case .unreachable, .tooLarge: trunk.failed(uri, .flowFailed, problem: client?.problem ?? "")
            }
            client = nil
        }
    }
}
