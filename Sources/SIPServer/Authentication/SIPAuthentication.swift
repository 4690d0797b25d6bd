import Ground
import IMCore
import Interworking
import NIOCore
import SIPWire
import XMPPWire

/// Who sent a request: digest (RFC 3261 §22, RFC 8760), trunks, and whether From is the sender's own (§22.1, RFC 7616).
///
/// `SIPAuthentication+Digest` checks credentials.
final class SIPAuthentication {
    unowned(unsafe) let server: SIPServer
    var nonces: Nonces
    var perAddress: FailureThrottle
    var perAccount: FailureThrottle
    /// Somebody has failed lately; without it no throttle needs to be asked.
    var hasFailures = false
    private var failuresSince: Int64 = 0
    /// Credentials of nobody: what is unknown takes as long to refuse as what is wrong.
    let decoy: [UInt8]

    init(server: SIPServer) {
        self.server = server
        nonces = Nonces(lifetime: Int64(server.config.nonceLifetime) * 1_000, uptime: server.uptime)
        perAddress = FailureThrottle(limit: server.config.failuresPerAddress)
        perAccount = FailureThrottle(limit: server.config.failuresPerAccount)
        decoy = HexText.digits(.random(in: .min ... .max)) + HexText.digits(.random(in: .min ... .max))
    }

    func reconfigured() {
        nonces.lifetime = Int64(server.config.nonceLifetime) * 1_000
        perAddress.limit = server.config.failuresPerAddress
        perAccount.limit = server.config.failuresPerAccount
    }

    func tick(_ uptime: Int64) {
        if hasFailures, uptime - failuresSince > 180_000 { hasFailures = false }
    }

    func failed(_ remote: TransportAddress, account: String) {
        server.counters.failedLogins &+= 1
        hasFailures = true
        failuresSince = server.uptime
        perAddress.failed(remote.originText, uptime: server.uptime)
        perAccount.failed(account, uptime: server.uptime)
        server.scanners.failed(remote)
    }

    /// How a request comes to be asked for credentials.
    enum Place {
        /// Inside a dialog of our own.
        case dialog
        /// For us or our users: 401.
        case server
        /// To be passed on: 407.
        case proxy
    }

    /// Finds out who sent the request, and goes on with `body`, at once or later; or answers it.
    func admit(_ request: IncomingRequest, _ place: Place, _ body: @escaping (IncomingRequest) -> Void) {
        let message = request.message
        if let trunk = server.trunkOf?(request) {
            request.sender = .trunk(trunk)
            return body(request)
        }
        guard !isOpen(message, place) else { return body(request) }
        // Whom a REGISTER is about stands in To, who is responsible for it in From (§10.2).
        let isForSelf = message.method == .register && !isThirdParty(request)
        guard let party = isForSelf ? request.to : request.from, let realm = server.domain(party.uri) else {
            // Somebody of another domain, and nobody vouches for it.
            guard place != .dialog, !server.config.acceptsForeign else { return body(request) }
            if let host = request.from?.uri.host { server.trunks.missed(request, host: host) }
            return refuse(request, isForSelf ? .notFound : .forbidden)
        }
        if server.config.trustsEverybody {
            guard let user = party.uri.decodedUser.flatMap({ AddressMapping.localpart(ofUser: $0) }),
                let jid = try? JID(local: user, domain: realm, resource: nil)
            else { return refuse(request, .forbidden) }
            request.sender = .user(jid)
            return body(request)
        }
        guard let credentials = credentials(in: message, realm: realm) else {
            return challenge(request, place, realm: realm, isStale: false)
        }
        check(credentials, of: request, place, realm: realm, party: party, body)
    }

    /// Whether a REGISTER is about somebody else than who sends it. Nearly always both are written alike.
    private func isThirdParty(_ request: IncomingRequest) -> Bool {
        guard let to = request.message.first(.to), let from = request.message.first(.from) else { return false }
        if let end = to.firstIndex(of: 0x3E), from.count > end, from.part(0, end + 1) == to.part(0, end + 1) {
            return false
        }
        guard let to = request.to?.uri, let from = request.from?.uri, to.text != from.text else { return false }
        return server.addressOfRecord(to) != server.addressOfRecord(from)
    }

    func refuse(_ request: IncomingRequest, _ status: SIPStatus) {
        request.isStateless = true
        request.respond(status)
    }

    /// What needs no digest: what cannot be asked, what settings except, and what only goes on with a dialog whose names
    /// nobody else knows.
    private func isOpen(_ message: SIPMessage, _ place: Place) -> Bool {
        switch message.method {
        case .ack, .cancel: return true
        case .bye, .prack, .update, .info, .notify:
            if !message.toTag.isEmpty, place != .server { return true }
        case .options where place == .server: return true
        default: break
        }
        return !server.config.openMethods.isEmpty && server.config.openMethods.contains(message.method)
    }

    /// Of the first header line that is for our realm; both names are taken, because clients mix them up.
    /// They have no hold on the message; the request that they came with has.
    private func credentials(in message: SIPMessage, realm: String) -> SIPWire.DigestCredentials? {
        for header in [SIPHeader.authorization, .proxyAuthorization] where message.has(header) {
            if message.lineCount(header) == 1 {
                if let found = message.bareFirst(header).flatMap({ SIPWire.DigestCredentials($0) }),
                    found.realm.isText(realm)
                {
                    return found
                }
                continue
            }
            var found: SIPWire.DigestCredentials?
            message.forEachField { name, _, value in
                guard name == header, found == nil, let one = SIPWire.DigestCredentials(value), one.realm.isText(realm)
                else { return }
                found = one
            }
            if let found { return found }
        }
        return nil
    }

    // MARK: Challenges

    /// 401 or 407 (§22.2, §22.3). Nothing is kept: the same request again is challenged again.
    func challenge(_ request: IncomingRequest, _ place: Place, realm: String, isStale: Bool) {
        guard !isScanner(request) else { return request.drop() }
        server.counters.challenges &+= 1
        request.isStateless = true
        let header: SIPHeader = place == .proxy ? .proxyAuthenticate : .wwwAuthenticate
        let nonce = SIPBytes(nonces.make(uptime: server.uptime))
        let realm = SIPBytes(realm)
        let config = server.config
        request.respond(place == .proxy ? .proxyAuthenticationRequired : .unauthorized) {
            // The stronger first (RFC 8760 §2.4).
            if config.offersSHA256 {
                $0.addChallenge(header, realm: realm, nonce: nonce, algorithm: .sha256, stale: isStale)
            }
            if config.offersMD5 {
                $0.addChallenge(header, realm: realm, nonce: nonce, algorithm: .md5, stale: isStale)
            }
        }
    }

    /// Whether it is better not answered: by what the sender calls itself, or by how often it has failed. Counts it.
    ///
    /// - Parameter byNameOnly: who shares an address with others that fail is answered all the same.
    func isScanner(_ request: IncomingRequest, byNameOnly: Bool = false) -> Bool {
        let isSilenced = !byNameOnly && !server.scanners.allows(request.flow.remote, server.uptime)
        guard isSilenced || isKnownScanner(request.message) else { return false }
        server.counters.scannerDrops &+= 1
        return true
    }

    private func isKnownScanner(_ message: SIPMessage) -> Bool {
        guard !server.config.scanners.isEmpty, let agent = message.first(.userAgent) else { return false }
        return server.scannerNames.contains { agent.count >= $0.count && agent.part(0, $0.count).matches($0) }
    }
}

extension SIPBytes {
    /// The UTF-8 of the text.
    @inline(__always)
    func isText(_ text: String) -> Bool {
        guard text.utf8.count == count else { return false }
        return withBytes { bytes in
            var index = 0
            for byte in text.utf8 {
                if byte != bytes[index] { return false }
                index += 1
            }
            return true
        }
    }
}
