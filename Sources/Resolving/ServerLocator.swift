import Ground
import NIOCore

/// How a server is spoken to.
public enum ServiceTransport: UInt8, Sendable, CaseIterable {
    case udp, tcp, tls

    /// `_sip._udp.`, in front of a domain (RFC 3263 §4.1).
    var servicePrefix: String {
        switch self {
        case .udp: "_sip._udp."
        case .tcp: "_sip._tcp."
        case .tls: "_sips._tcp."
        }
    }

    /// As NAPTR names it.
    var naptrService: String {
        switch self {
        case .udp: "SIP+D2U"
        case .tcp: "SIP+D2T"
        case .tls: "SIPS+D2T"
        }
    }

    public var defaultPort: UInt16 { self == .tls ? 5_061 : 5_060 }
}

/// One server of a domain.
public struct LocatedServer: Sendable, Equatable {
    public var transport: ServiceTransport
    /// 4 or 16 bytes in network order.
    public var address: [UInt8]
    public var port: UInt16
    /// The name that it was found by.
    public var name: String
}

/// Finds the servers of a domain: NAPTR, SRV, then addresses (RFC 3263 §4). Confined to one loop; keeps what it was told as long
/// as it may.
public final class ServerLocator {
    /// What is looked for.
    public struct Wish: Sendable, Hashable {
        /// In lower case; no address.
        public var host: String
        public var port: UInt16?
        /// The transport that the URI names.
        public var transport: ServiceTransport?
        /// A `sips:` URI: TLS all the way.
        public var isSecure: Bool

        public init(host: String, port: UInt16? = nil, transport: ServiceTransport? = nil, isSecure: Bool = false) {
            self.host = host
            self.port = port
            self.transport = transport
            self.isSecure = isSecure
        }
    }

    private struct Question: Hashable {
        var name: String
        var type: DNSRecordType
    }

    private struct Kept {
        var answer: Result<[DNSRecord], DNSFailure>
        /// Uptime, milliseconds.
        var until: Int64
    }

    typealias Ask = (String, DNSRecordType, @escaping (Result<[DNSRecord], DNSFailure>) -> Void) -> Void

    private let ask: Ask
    private let time: any TimeSource
    /// 0 ..< n
    private let random: (UInt32) -> UInt32
    private var kept: [Question: Kept] = [:]
    private var waiting: [Question: [(Result<[DNSRecord], DNSFailure>) -> Void]] = [:]
    static let keptLimit = 4_096
    /// Servers that one wish leads to, at most.
    static let serverLimit = 16
    /// Names that are asked for in one go, at most.
    static let nameLimit = 16

    init(time: any TimeSource, random: @escaping (UInt32) -> UInt32, ask: @escaping Ask) {
        self.time = time
        self.random = random
        self.ask = ask
    }

    public convenience init(client: DNSClient, loop: NIOIsolatedEventLoop, time: any TimeSource) {
        let eventLoop = loop.nonisolated()
        self.init(time: time, random: { $0 == 0 ? 0 : UInt32.random(in: 0..<$0) }) { name, type, answer in
            let bound = NIOLoopBound(answer, eventLoop: eventLoop)
            client.ask(name, type, on: eventLoop) { bound.value($0) }
        }
    }

    /// Forgets everything, when other name servers are asked.
    public func forget() { kept.removeAll() }

    /// The servers, best first; none when there are none. `answer` is called once, at once when everything is known.
    public func locate(_ wish: Wish, _ answer: @escaping ([LocatedServer]) -> Void) {
        let asked = wish.isSecure ? .tls : wish.transport
        if let port = wish.port {
            return addresses([(asked ?? .udp, wish.host, port)], answer)
        }
        if let transport = asked {
            return services([(transport, transport.servicePrefix + wish.host)], wish.host, transport, answer)
        }
        records(wish.host, .naptr) { [self] result in
            let ways = Self.ways(result)
            // Without NAPTR every transport is tried that we speak (§4.1).
            let services =
                ways.isEmpty ? ServiceTransport.allCases.map { ($0, $0.servicePrefix + wish.host) } : ways
            self.services(services, wish.host, .udp, answer)
        }
    }

    /// What NAPTR says, in its order, as far as we speak it.
    private static func ways(_ result: Result<[DNSRecord], DNSFailure>) -> [(ServiceTransport, String)] {
        guard case .success(let records) = result else { return [] }
        let pointers = records.compactMap { record -> DNSRecord.NAPTR? in
            guard case .pointer(let pointer) = record.value, pointer.flags == "s" else { return nil }
            return pointer
        }
        return pointers.sorted { ($0.order, $0.preference) < ($1.order, $1.preference) }.prefix(nameLimit).compactMap {
            pointer in
            ServiceTransport.allCases.first { $0.naptrService == pointer.service }.map { ($0, pointer.replacement) }
        }
    }

    /// Asks for all of the services at once, and keeps their order. Where none exists, the host itself is the server (§4.2).
    private func services(
        _ services: [(ServiceTransport, String)], _ host: String, _ fallback: ServiceTransport,
        _ answer: @escaping ([LocatedServer]) -> Void
    ) {
        gather(services.map { Question(name: $0.1, type: .srv) }) { [self] results in
            var names: [(ServiceTransport, String, UInt16)] = []
            var isOffered = true
            for (service, result) in zip(services, results) {
                guard case .success(let records) = result else { continue }
                let servers = records.compactMap { record -> DNSRecord.SRV? in
                    guard case .service(let server) = record.value else { return nil }
                    return server
                }
                // A lone target of `.`: decidedly not here (RFC 2782).
                if servers.count == 1, servers[0].target.isEmpty {
                    isOffered = false
                    continue
                }
                for server in Self.ordered(servers, random) where !server.target.isEmpty {
                    names.append((service.0, server.target, server.port))
                }
            }
            if names.isEmpty, isOffered { names = [(fallback, host, fallback.defaultPort)] }
            addresses(Array(names.prefix(Self.nameLimit)), answer)
        }
    }

    private func addresses(
        _ names: [(ServiceTransport, String, UInt16)], _ answer: @escaping ([LocatedServer]) -> Void
    ) {
        guard !names.isEmpty else { return answer([]) }
        gather(names.flatMap { [Question(name: $0.1, type: .a), Question(name: $0.1, type: .aaaa)] }) { results in
            var servers: [LocatedServer] = []
            for (index, name) in names.enumerated() {
                for result in [results[2 * index], results[2 * index + 1]] {
                    guard case .success(let records) = result else { continue }
                    for case .address(let bytes) in records.map(\.value) {
                        servers.append(.init(transport: name.0, address: bytes, port: name.2, name: name.1))
                    }
                }
            }
            answer(Array(servers.prefix(Self.serverLimit)))
        }
    }

    /// By priority; within one, each draws with its weight (RFC 2782).
    static func ordered(_ servers: [DNSRecord.SRV], _ random: (UInt32) -> UInt32) -> [DNSRecord.SRV] {
        var result: [DNSRecord.SRV] = []
        for priority in Set(servers.map(\.priority)).sorted() {
            // Those without weight first, so that they are drawn now and then.
            var left = servers.filter { $0.priority == priority }.sorted { $0.weight < $1.weight }
            while !left.isEmpty {
                let sum = left.reduce(UInt32(0)) { $0 + UInt32($1.weight) }
                let drawn = random(sum + 1)
                var passed: UInt32 = 0
                let index =
                    left.firstIndex { server in
                        passed += UInt32(server.weight)
                        return passed >= drawn
                    } ?? 0
                result.append(left.remove(at: index))
            }
        }
        return result
    }

    // MARK: Asking

    private final class Gathering {
        var results: [Result<[DNSRecord], DNSFailure>?]
        var missing: Int

        init(_ count: Int) {
            results = Array(repeating: nil, count: count)
            missing = count
        }
    }

    private func gather(_ questions: [Question], _ answer: @escaping ([Result<[DNSRecord], DNSFailure>]) -> Void) {
        let gathering = Gathering(questions.count)
        for (index, question) in questions.enumerated() {
            records(question.name, question.type) { result in
                gathering.results[index] = result
                gathering.missing -= 1
                if gathering.missing == 0 { answer(gathering.results.map { $0 ?? .failure(.unavailable) }) }
            }
        }
    }

    private func records(
        _ name: String, _ type: DNSRecordType, _ answer: @escaping (Result<[DNSRecord], DNSFailure>) -> Void
    ) {
        let question = Question(name: name, type: type)
        if let kept = kept[question], kept.until > time.uptime { return answer(kept.answer) }
        if waiting[question] != nil {
            waiting[question]?.append(answer)
            return
        }
        waiting[question] = [answer]
        ask(name, type) { [self] result in
            keep(question, result)
            for waiter in waiting.removeValue(forKey: question) ?? [] { waiter(result) }
        }
    }

    /// As long as the records say, at least a second and at most an hour; that there is nothing, half a minute; that nobody
    /// answers, five seconds.
    private func keep(_ question: Question, _ result: Result<[DNSRecord], DNSFailure>) {
        let seconds: Int64 =
            switch result {
            case .success(let records): Int64(min(3_600, max(1, records.map(\.ttl).min() ?? 30)))
            case .failure(.none): 30
            case .failure(.unavailable): 5
            }
        if kept.count >= Self.keptLimit {
            let uptime = time.uptime
            kept = kept.filter { $0.value.until > uptime }
            if kept.count >= Self.keptLimit { kept.removeAll() }
        }
        kept[question] = Kept(answer: result, until: time.uptime + seconds * 1_000)
    }
}
