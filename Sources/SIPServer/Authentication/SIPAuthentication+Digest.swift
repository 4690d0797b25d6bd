import Ground
import IMCore
import Interworking
import SIPWire
import XMPPWire

// Credentials of a request.

extension SIPAuthentication {
    /// Looks the account up, and goes on when the digest is right, its nonce fresh, and From the account's own.
    func check(
        _ credentials: SIPWire.DigestCredentials, of request: IncomingRequest, _ place: Place, realm: String,
        party: SIPAddress, _ body: @escaping (IncomingRequest) -> Void
    ) {
        guard isFor(credentials.uri, request.message) else { return refuse(request, .badRequest) }
        guard isOffered(credentials.algorithm) else {
            return challenge(request, place, realm: realm, isStale: false)
        }
        guard let store = server.credentials else { return refuse(request, .serviceUnavailable) }
        if hasFailures, isThrottled(request.flow.remote, credentials.username, realm) {
            // Who goes on all the same is taken for a scanner in the end.
            server.scanners.failed(request.flow.remote)
            guard !isScanner(request) else { return request.drop() }
            request.isStateless = true
            return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 60) }
        }
        let known = withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { scratch in
            store.known(Self.address(credentials.username, realm, scratch))
        }
        if let known { return decide(known, credentials, request, place, realm, party, body) }
        guard let jid = jid(credentials.username, realm) else {
            return decide(.none, credentials, request, place, realm, party, body)
        }
        store.lookup(jid) { [self] answer in
            server.uptime = server.time.uptime
            decide(answer, credentials, request, place, realm, party, body)
        }
    }

    private func decide(
        _ answer: IMCore.DigestCredentials.Answer, _ credentials: SIPWire.DigestCredentials, _ request: IncomingRequest,
        _ place: Place, _ realm: String, _ party: SIPAddress, _ body: @escaping (IncomingRequest) -> Void
    ) {
        let ha1: [UInt8]
        var isKnown = false
        switch answer {
        case .found(let digests):
            isKnown = true
            ha1 = HexText.digits(credentials.algorithm == .md5 ? digests.md5 : digests.sha256)
        case .none: ha1 = decoy
        case .unavailable:
            request.isStateless = true
            return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 5) }
        }
        guard Digest.verify(credentials, ha1: ha1, method: request.method.token), isKnown,
            let jid = jid(credentials.username, realm)
        else {
            failed(request.flow.remote, account: account(credentials.username, realm))
            return challenge(request, place, realm: realm, isStale: false)
        }
        let verdict = credentials.nonce.withBytes {
            nonces.use($0, count: credentials.qop == nil ? nil : credentials.count ?? 0, uptime: server.uptime)
        }
        guard verdict == .fresh else { return challenge(request, place, realm: realm, isStale: true) }
        guard isOwn(party.uri, credentials.username, realm, jid) else {
            request.isStateless = true
            return request.respond(
                .forbidden, reason: request.method == .register ? "Registers for Somebody Else" : nil)
        }
        request.sender = .user(jid)
        body(request)
    }

    /// The URI that the digest is over is that of the request (§22.4); a proxy on the way may have changed it since.
    private func isFor(_ uri: SIPBytes, _ message: SIPMessage) -> Bool {
        if uri == message.requestURIText { return true }
        if let first = SIPURI(uri), let second = message.requestURI, first.matches(second) { return true }
        return message.lineCount(.via) > 1
    }

    private func isOffered(_ algorithm: DigestAlgorithm) -> Bool {
        algorithm == .md5 ? server.config.offersMD5 : server.config.offersSHA256
    }

    private func isThrottled(_ remote: TransportAddress, _ user: SIPBytes, _ realm: String) -> Bool {
        !perAddress.allows(remote.originText, uptime: server.uptime)
            || !perAccount.allows(account(user, realm), uptime: server.uptime)
    }

    private func account(_ user: SIPBytes, _ realm: String) -> String {
        "\(String(decoding: user.prefix(128), as: UTF8.self))@\(realm)"
    }

    private func jid(_ user: SIPBytes, _ realm: String) -> JID? {
        let isPlain = user.withBytes { bytes in
            bytes.allSatisfy { $0 &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == 0x2E || $0 == 0x2D || $0 == 0x5F }
        }
        if isPlain, !user.isEmpty, user.count < 256 {
            return JID(preparedLocal: user.string, domain: realm, resource: nil)
        }
        return AddressMapping.localpart(ofUser: user.array).flatMap {
            try? JID(local: $0, domain: realm, resource: nil)
        }
    }

    /// `user@realm` in scratch memory; nothing for what does not fit, which is looked up by its parts.
    private static func address(
        _ user: SIPBytes, _ realm: String, _ scratch: UnsafeMutableRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        guard user.count + 1 + realm.utf8.count <= scratch.count else {
            return UnsafeRawBufferPointer(rebasing: scratch[..<0])
        }
        user.withBytes {
            if let base = $0.baseAddress { scratch.baseAddress!.copyMemory(from: base, byteCount: $0.count) }
        }
        var count = user.count
        scratch[count] = 0x40
        count += 1
        for byte in realm.utf8 {
            scratch[count] = byte
            count += 1
        }
        return UnsafeRawBufferPointer(rebasing: scratch[..<count])
    }

    /// From is the account's own address, or one that it may use.
    private func isOwn(_ uri: SIPURI, _ user: SIPBytes, _ realm: String, _ jid: JID) -> Bool {
        if let named = uri.user, named == user { return true }
        if let named = uri.decodedUser,
            let other = AddressMapping.localpart(ofUser: named).flatMap({ try? JIDPreparation.localpart($0) }),
            other == jid.local
        {
            return true
        }
        return server.isAlias?(uri, jid) ?? false
    }
}

extension HexText {
    /// In lower case, two characters for each byte.
    static func digits(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { output, count in
            var index = 0
            for byte in bytes {
                output[index] = alphabet[Int(byte >> 4)]
                output[index + 1] = alphabet[Int(byte & 15)]
                index += 2
            }
            count = index
        }
    }
}
