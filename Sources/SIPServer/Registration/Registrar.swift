import Ground
import IMCore
import Interworking
import NIOCore
import SIPWire
import Storage
import XMPPWire

/// Serves REGISTER (RFC 3261 §10) with GRUUs (RFC 5627), flows (RFC 5626) and paths (RFC 3327).
public final class Registrar: SIPMethodHandler {
    public let methods: [SIPMethod] = [.register]
    unowned(unsafe) let server: SIPServer
    private let table: LocationTable
    private let persistence: LocationPersistence
    var gruus = GRUUs()
    /// What came before the store was read; nil once it was.
    private var waiting: [() -> Void]? = []
    /// Bindings out of the store, until the socket that they registered over is bound.
    private var sources: [(Binding, TransportAddress)] = []
    /// Who is registered over a connection.
    private var byLink: [ObjectIdentifier: LinkUsers] = [:]
    private var date: (second: Int64, text: [UInt8]) = (0, [])
    private var lastID: Int64

    static let waitingLimit = 10_000

    /// Some may stand there twice, or be gone, until it is tidied: so adding costs the same however many there are.
    private struct LinkUsers {
        private(set) var users: [Registrations] = []
        private var limit = 8

        mutating func add(_ user: Registrations, _ link: SIPLink) {
            if users.count >= limit {
                var seen: Set<ObjectIdentifier> = []
                users.removeAll { user in
                    !user.bindings.contains { $0.flow?.link === link }
                        || !seen.insert(ObjectIdentifier(user)).inserted
                }
                limit = max(8, users.count * 2)
            }
            users.append(user)
        }
    }

    init(server: SIPServer) {
        self.server = server
        table = server.location
        lastID = server.time.now << 16
        persistence = LocationPersistence(table: table, router: server.router, time: server.time)
        // Held by the server, which this does not hold; nothing weak, which would make every use of it dearer.
        server.whenTicked.append { [self] _ in tick() }
        server.whenDraining.append { [persistence] in persistence.write(isLast: true) }
        server.whenLinkClosed.append { [self] in linkClosed($0) }
        server.router.whenAccountRemoved.append { [table, persistence] jid in
            withExtendedLifetime(persistence) { _ = table.remove(Array(jid.bare.description.utf8)) }
        }
        load()
    }

    // MARK: Start

    private func load() {
        let now = server.time.now
        let random = gruus.key
        server.router.journal.perform({ transaction in
            (
                try AccountStore.installationValue("sip-gruu", in: transaction) { random },
                try LocationStore.load(now: now, in: transaction)
            )
        }) { [self, server] (result: Result<([UInt8], [LocationStore.Record]), any Error>) in
            withExtendedLifetime(server) { loaded(result) }
        }
    }

    private func loaded(_ result: Result<([UInt8], [LocationStore.Record]), any Error>) {
        switch result {
        case .success(let (key, records)):
            gruus.key = key
            sources = persistence.restore(records)
            findFlows()
            var told: Set<ObjectIdentifier> = []
            table.forEach { if told.insert(ObjectIdentifier($0)).inserted { table.tell($0) } }
        case .failure(let error):
            server.logger.error("SIP registrations were not read", metadata: ["error": "\(error)"])
        }
        let held = waiting ?? []
        waiting = nil
        for body in held { body() }
    }

    /// Bindings out of the store go over the socket that is bound now.
    private func findFlows() {
        guard !sources.isEmpty, !server.udpLinks.isEmpty else { return }
        for (binding, address) in sources where binding.flow == nil && !binding.isGone {
            guard
                let link = server.udpLinks.first(where: { $0.bound.isIPv6 == address.isIPv6 })
                    ?? server.udpLinks.first(where: { $0.bound.isWildcard })
            else { continue }
            binding.flow = SIPFlow(link: link, remote: address)
        }
        sources = []
    }

    private func tick() {
        findFlows()
        table.tick()
        persistence.write()
    }

    /// A flow is gone, and with it what was to be reached over nothing else (RFC 5626 §6). A UDP socket comes back, or another one
    /// in its place, and flows over it go on from there.
    private func linkClosed(_ link: SIPLink) {
        if link is UDPLink {
            guard !server.isDraining else { return }
            table.forEach { user in
                for binding in user.bindings {
                    guard let flow = binding.flow, flow.link === link else { continue }
                    sources.append((binding, flow.remote))
                    binding.flow = nil
                }
            }
            return
        }
        guard let users = byLink.removeValue(forKey: ObjectIdentifier(link)) else { return }
        for user in users.users {
            var hasChanged = false
            for binding in user.bindings where binding.flow?.link === link {
                guard binding.isOutbound else {
                    binding.flow = nil
                    continue
                }
                table.remove(binding, from: user, .expired)
                hasChanged = true
            }
            if hasChanged { table.tell(user) }
        }
    }

    // MARK: REGISTER

    public func handle(_ request: IncomingRequest) {
        whenReady(request) { [self] in serve(request) }
    }

    /// Goes on once it is known who is registered: at once, but for the first moments of the server.
    func whenReady(_ request: IncomingRequest, _ body: @escaping () -> Void) {
        guard waiting != nil else { return body() }
        guard waiting!.count < Self.waitingLimit else {
            return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 2) }
        }
        waiting!.append(body)
    }

    private func serve(_ request: IncomingRequest) {
        guard let to = request.message.to, let address = server.addressOfRecord(to.uri) else {
            return request.respond(.notFound)
        }
        switch request.sender {
        case .user(let jid):
            // Nobody registers for somebody else but who may (§10.3 step 4).
            let isOwn = Self.names(jid, address)
            guard isOwn || mayRegisterOthers(jid) else {
                return request.respond(.forbidden, reason: "Registers for Somebody Else")
            }
            if server.config.trustsEverybody || !isOwn { believe(request, address) } else { answer(request, address) }
        case .trunk: request.respond(.forbidden)
        case .unknown:
            guard server.config.openMethods.contains(.register) else { return request.respond(.forbidden) }
            believe(request, address)
        }
    }

    private func mayRegisterOthers(_ jid: JID) -> Bool {
        !server.config.registrationAgents.isEmpty && server.config.registrationAgents.contains(jid.bare.description)
    }

    /// Whether the bytes are the bare address of the user.
    private static func names(_ jid: JID, _ address: [UInt8]) -> Bool {
        let count = (jid.local?.utf8.count ?? 0)
        guard address.count == count + 1 + jid.domain.utf8.count, address[count] == 0x40 else { return false }
        return address[..<count].elementsEqual((jid.local ?? "").utf8)
            && address[(count + 1)...].elementsEqual(jid.domain.utf8)
    }

    /// Nobody has proven anything: at least there must be such a user.
    private func believe(_ request: IncomingRequest, _ address: [UInt8]) {
        guard table.bindings(of: address).isEmpty else { return answer(request, address) }
        guard let jid = try? JID(parsing: String(decoding: address, as: UTF8.self)) else {
            return request.respond(.notFound)
        }
        server.router.homes.withHome(jid) { [self] home in
            guard home != nil else { return request.respond(.notFound) }
            answer(request, address)
        }
    }

    private func answer(_ request: IncomingRequest, _ address: [UInt8]) {
        let wanted: RegisterRequest
        do throws(RegisterRequest.Refusal) {
            wanted = try RegisterRequest(
                request.message, flow: request.flow, expires: server.config.registerExpires, uptime: server.uptime)
            let user = table.find(address)
            try apply(wanted, request.message, address, user)
        } catch {
            return request.respond(error.status, reason: error.reason) {
                if let least = error.minExpires { $0.add(.minExpires, number: least) }
                if error.status == .serverInternalError { $0.add(.retryAfter, number: 1) }
            }
        }
        respond(request, wanted, address)
    }

    /// All or nothing (§10.3 step 7): first everything is checked, then everything is done.
    private func apply(
        _ wanted: RegisterRequest, _ message: SIPMessage, _ address: [UInt8], _ user: Registrations?
    ) throws(RegisterRequest.Refusal) {
        let bindings = user?.bindings ?? []
        switch wanted.wish {
        case .list: return
        case .removeAll:
            for binding in bindings { try inOrder(binding, message) }
            table.remove(address, .unregistered)
        case .contacts(let contacts):
            var changes: [(Binding?, Binding.Terms, Int)] = []
            var made = 0
            for (terms, seconds) in contacts {
                let known = bindings.first { Self.isSame($0, terms) }
                if let known {
                    try inOrder(known, message)
                    if seconds == 0 { made -= 1 }
                } else if seconds > 0 {
                    made += 1
                } else {
                    continue
                }
                changes.append((known, terms, seconds))
            }
            guard made <= 0 || bindings.count + made <= server.config.contacts else {
                throw RegisterRequest.Refusal(status: .forbidden, reason: "Too Many Contacts")
            }
            perform(changes, address, user)
        }
    }

    /// A client's requests count upwards (§10.3 step 7).
    private func inOrder(_ binding: Binding, _ message: SIPMessage) throws(RegisterRequest.Refusal) {
        guard binding.callID == message.callID, message.cseqNumber <= binding.cseq else { return }
        throw RegisterRequest.Refusal(status: .serverInternalError, reason: "CSeq Out of Order")
    }

    private static func isSame(_ binding: Binding, _ terms: Binding.Terms) -> Bool {
        if terms.regID != 0 { return binding.regID == terms.regID && binding.instance == terms.instance }
        guard binding.regID == 0 else { return false }
        if binding.contact == terms.contact { return true }
        // The same client behind a new connection, the old one being of no use any more.
        if !terms.instance.isEmpty, binding.instance == terms.instance, binding.flow?.isOpen == false { return true }
        guard let left = binding.uri, let right = SIPURI(terms.contact) else { return false }
        return left.matches(right)
    }

    private func perform(
        _ changes: [(Binding?, Binding.Terms, Int)], _ address: [UInt8], _ user: Registrations?
    ) {
        guard !changes.isEmpty else { return }
        let user = user ?? table.record(of: address)
        let now = server.time.now
        var hasChanged = false
        for (known, terms, seconds) in changes {
            guard let binding = known else {
                lastID = max(lastID + 1, now << 16)
                let binding = Binding(id: lastID, terms)
                (binding.since, binding.refreshedAt) = (now, now)
                table.put(binding, in: user, .created, isChanged: true)
                remember(user, binding.flow)
                hasChanged = true
                continue
            }
            if seconds == 0 {
                table.remove(binding, from: user, .unregistered)
                hasChanged = true
                continue
            }
            let event = terms.expires < binding.expires - 5_000 ? BindingEvent.shortened : .refreshed
            if binding.flow?.link !== terms.flow?.link { remember(user, terms.flow) }
            binding.refreshedAt = now
            if binding.differsOnlyInTime(from: terms) {
                // Where a client's address has been translated anew, the store learns it too.
                let hasMoved = terms.flow?.transport == .udp && binding.flow?.remote != terms.flow?.remote
                binding.refresh(terms)
                table.put(binding, in: user, event, isChanged: hasMoved)
            } else {
                if binding.callID != terms.callID { binding.since = now }
                binding.take(terms)
                table.put(binding, in: user, event, isChanged: true)
                hasChanged = true
            }
        }
        if hasChanged { table.tell(user) }
    }

    private func remember(_ user: Registrations, _ flow: SIPFlow?) {
        guard let flow, flow.transport.isReliable else { return }
        byLink[ObjectIdentifier(flow.link), default: LinkUsers()].add(user, flow.link)
    }

    /// Entries of users that registered over connections; some stand there twice.
    var rememberedUsers: Int { byLink.values.reduce(0) { $0 + $1.users.count } }

    /// The public GRUU of a contact (RFC 5627); nil for one without instance.
    public func gruu(of binding: Binding, _ address: [UInt8]) -> String? {
        gruus.publicURI(of: binding, address).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: The answer

    private func respond(_ request: IncomingRequest, _ wanted: RegisterRequest, _ address: [UInt8]) {
        let bindings = table.bindings(of: address)
        let uptime = server.uptime
        let message = request.message
        request.respond(.ok) { builder in
            for binding in bindings {
                builder.add(.contact) { buffer in
                    write(binding, address, uptime, wantsGRUU: wanted.wantsGRUU, &buffer)
                }
            }
            if message.has(.path), message.supports("path") { builder.copy(.path, from: message) }
            if wanted.isOutbound {
                builder.add(.require, "outbound")
                if server.config.flowTimer > 0 { builder.add(.flowTimer, number: server.config.flowTimer) }
            }
            if let route = server.config.serviceRoute, !bindings.isEmpty { builder.add(.serviceRoute, text: route) }
            builder.add(.supported, "path, outbound, gruu")
            builder.add(.date, dateText())
        }
    }

    private func write(
        _ binding: Binding, _ address: [UInt8], _ uptime: Int64, wantsGRUU: Bool, _ buffer: inout ByteBuffer
    ) {
        buffer.writeInteger(UInt8(ascii: "<"))
        binding.contact.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString(">;expires=")
        buffer.writeString(String(max(0, binding.expires - uptime + 999) / 1_000))
        if binding.q != 1_000 {
            buffer.writeStaticString(";q=0.")
            buffer.writeString(String(1_000 + Int(binding.q)).dropFirst().description)
        }
        if !binding.instance.isEmpty {
            buffer.writeStaticString(";+sip.instance=\"")
            binding.instance.withBytes { _ = buffer.writeBytes($0) }
            buffer.writeStaticString("\"")
        }
        if binding.regID != 0 {
            buffer.writeStaticString(";reg-id=")
            buffer.writeString(String(binding.regID))
        }
        binding.features.withBytes { _ = buffer.writeBytes($0) }
        guard wantsGRUU, !binding.instance.isEmpty else { return }
        if let uri = gruus.publicURI(of: binding, address) {
            buffer.writeStaticString(";pub-gruu=\"")
            buffer.writeBytes(uri)
            buffer.writeStaticString("\"")
        }
        if let uri = gruus.temporaryURI(of: binding, address) {
            buffer.writeStaticString(";temp-gruu=\"")
            buffer.writeBytes(uri)
            buffer.writeStaticString("\"")
        }
    }

    /// Clients without a clock set theirs by it (§10.3 step 8).
    private func dateText() -> [UInt8] {
        let second = server.time.now / 1_000
        if date.second != second { date = (second, SIPDate.text(second)) }
        return date.text
    }
}
