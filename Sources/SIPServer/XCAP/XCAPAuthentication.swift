import Ground
import IMCore
import Interworking
import NIOCore
import NIOHTTP1
import SIPWire
import Transport
import XMPPWire

/// Who asks: HTTP digest (RFC 7616) with what SIP clients authenticate with, or Basic (RFC 7617) where nobody can listen.
///
/// The realm is the domain of the account. Confined to the loop of the router.
final class XCAPAuthentication {
    enum Verdict {
        case user(JID)
        /// Not known yet, or not believed.
        case challenge(isStale: Bool)
        /// Too many failures lately.
        case throttled
        /// The store does not answer.
        case unavailable
    }

    private let credentials: IMCore.DigestCredentials
    private let router: Router
    private let time: any TimeSource
    private var nonces: Nonces
    private var byAddress: FailureThrottle
    private var byAccount: FailureThrottle
    private var offersMD5 = true
    private var offersSHA256 = true

    init(router: Router, credentials: IMCore.DigestCredentials, config: SIPConfig, time: any TimeSource) {
        self.router = router
        self.credentials = credentials
        self.time = time
        nonces = Nonces(lifetime: Int64(config.nonceLifetime) * 1_000, limit: 16_384, uptime: time.uptime)
        byAddress = FailureThrottle(limit: config.failuresPerAddress)
        byAccount = FailureThrottle(limit: config.failuresPerAccount)
        reconfigure(config)
    }

    func reconfigure(_ config: SIPConfig) {
        nonces.lifetime = Int64(config.nonceLifetime) * 1_000
        byAddress.limit = config.failuresPerAddress
        byAccount.limit = config.failuresPerAccount
        (offersMD5, offersSHA256) = (config.offersMD5, config.offersSHA256)
    }

    // MARK: Challenges

    /// 401 for accounts of a domain.
    func challenge(_ request: HTTPRequest, realm: String, isStale: Bool) -> HTTPResponse {
        var response = HTTPResponse.text(.unauthorized, "log in with the password of your account")
        let nonce = String(decoding: nonces.make(uptime: time.uptime), as: UTF8.self)
        // COMPAT: clients that read the first line only know nothing better than MD5.
        for (name, isOffered) in [("MD5", offersMD5), ("SHA-256", offersSHA256)] where isOffered {
            var line = "Digest realm=\"\(realm)\", qop=\"auth\", algorithm=\(name), nonce=\"\(nonce)\""
            if isStale { line += ", stale=true" }
            response.headers.add(name: "www-authenticate", value: line)
        }
        if request.isSecure {
            response.headers.add(name: "www-authenticate", value: "Basic realm=\"\(realm)\", charset=\"UTF-8\"")
        }
        return response
    }

    // MARK: Checks

    func authenticate(_ request: HTTPRequest, realm: String, then: @escaping (Verdict) -> Void) {
        let address = NetworkOrigin.key(request.address)
        guard byAddress.allows(address, uptime: time.uptime) else { return then(.throttled) }
        guard let header = request.headers.first(name: "authorization") else {
            return then(.challenge(isStale: false))
        }
        let finish = { [self] (user: JID?, verdict: Verdict) in
            switch verdict {
            case .user: if let user { byAccount.succeeded(user.description) }
            case .challenge(isStale: false):
                byAddress.failed(address, uptime: time.uptime)
                if let user { byAccount.failed(user.description, uptime: time.uptime) }
            default: break
            }
            then(verdict)
        }
        let scheme = header.prefix { $0 != " " }.lowercased()
        switch scheme {
        case "digest": digest(header, request, finish)
        case "basic" where request.isSecure: basic(header, realm: realm, finish)
        default: finish(nil, .challenge(isStale: false))
        }
    }

    private func allows(_ user: JID) -> Bool { byAccount.allows(user.description, uptime: time.uptime) }

    private func digest(_ header: String, _ request: HTTPRequest, _ then: @escaping (JID?, Verdict) -> Void) {
        guard let given = SIPWire.DigestCredentials(SIPBytes(header)), given.qop != nil,
            let user = user(given.username.string, domain: given.realm.string),
            isTarget(given.uri.string, of: request)
        else { return then(nil, .challenge(isStale: false)) }
        let isOffered = given.algorithm == .md5 ? offersMD5 : offersSHA256
        guard isOffered else { return then(user, .challenge(isStale: false)) }
        guard allows(user) else { return then(user, .throttled) }
        credentials.lookup(user) { [self] answer in
            switch answer {
            case .unavailable: return then(user, .unavailable)
            case .none: return then(user, .challenge(isStale: false))
            case .found(let digests):
                let secret = given.algorithm == .md5 ? digests.md5 : digests.sha256
                let method = SIPBytes(request.method.rawValue)
                guard Digest.verify(given, ha1: Self.hex(secret), method: method) else {
                    return then(user, .challenge(isStale: false))
                }
                let count = UInt32(given.nc.string, radix: 16)
                let nonce = given.nonce.string
                let verdict = Array(nonce.utf8).withUnsafeBytes {
                    nonces.use($0, count: count ?? 0, uptime: time.uptime)
                }
                then(user, verdict == .fresh ? .user(user) : .challenge(isStale: true))
            }
        }
    }

    private func basic(_ header: String, realm: String, _ then: @escaping (JID?, Verdict) -> Void) {
        let encoded = header.dropFirst(6).drop { $0 == " " }
        guard encoded.utf8.count <= 4_096, let bytes = Array(encoded.utf8).withUnsafeBytes({ Base64.decode($0) }),
            let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":"),
            let user = user(String(text[..<colon]), domain: realm),
            let password = try? JIDPreparation.password(String(text[text.index(after: colon)...]))
        else { return then(nil, .challenge(isStale: false)) }
        guard allows(user) else { return then(user, .throttled) }
        credentials.lookup(user) { answer in
            switch answer {
            case .unavailable: then(user, .unavailable)
            case .none: then(user, .challenge(isStale: false))
            case .found(let digests):
                let given = PasswordDigests(preparedPassword: password, of: user)
                let difference = zip(given.sha256, digests.sha256).reduce(0) { $0 | ($1.0 ^ $1.1) }
                then(user, difference == 0 ? .user(user) : .challenge(isStale: false))
            }
        }
    }

    /// `anna`, `anna@example.org` or `sip:anna@example.org`.
    private func user(_ name: String, domain: String) -> JID? {
        let jid: JID?
        if name.contains("@") {
            jid = name.contains(":") ? XCAPAddress.jid(name)?.bare : try? JID(parsing: name)
        } else {
            jid = AddressMapping.localpart(ofUser: Array(name.utf8)).flatMap {
                try? JID(local: $0, domain: domain, resource: nil)
            }
        }
        guard let jid, jid.local != nil, jid.isBare, router.serves(jid.domain) else { return nil }
        return jid
    }

    /// What was digested is what is asked for: as a path, or as a whole address.
    private func isTarget(_ uri: String, of request: HTTPRequest) -> Bool {
        let target = request.path + (request.query.map { "?" + $0 } ?? "")
        if uri == target { return true }
        guard uri.hasPrefix("http://") || uri.hasPrefix("https://") else { return false }
        return uri.hasSuffix(target) && !uri.dropLast(target.utf8.count).dropFirst(8).contains("/")
    }

    private static func hex(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
