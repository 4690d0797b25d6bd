import NIOCore

extension SIPBuilder {
    /// `WWW-Authenticate: Digest …` or the proxy's (RFC 3261 §22.4, RFC 8760 §2.4), one line for each algorithm.
    ///
    /// Realm and nonce are our own, without quotes or backslashes.
    public mutating func addChallenge(
        _ header: SIPHeader, realm: SIPBytes, nonce: SIPBytes, algorithm: DigestAlgorithm, stale: Bool
    ) {
        writer.name(header)
        writer.raw("Digest realm=\"")
        writer.raw(realm)
        writer.raw("\",qop=\"auth\",nonce=\"")
        writer.raw(nonce)
        writer.raw("\",algorithm=")
        writer.raw(algorithm.name)
        if stale { writer.raw(",stale=true") }
        writer.endLine()
    }

    /// `Authentication-Info: …` with the proof that we know the password too (RFC 7616 §3.5).
    public mutating func addAuthenticationInfo(
        credentials: DigestCredentials, ha1: [UInt8], nextNonce: SIPBytes? = nil
    ) {
        guard let qop = credentials.qop else { return }
        let proof = Digest.response(ha1: ha1, credentials: credentials, method: .empty)
        writer.name(.authenticationInfo)
        writer.raw("qop=")
        writer.raw(qop)
        writer.raw(",rspauth=\"")
        writer.raw(SIPBytes(proof))
        writer.raw("\",cnonce=\"")
        writer.raw(credentials.cnonce)
        writer.raw("\",nc=")
        writer.raw(credentials.nc)
        if let nextNonce {
            writer.raw(",nextnonce=\"")
            writer.raw(nextNonce)
            writer.byte(0x22)
        }
        writer.endLine()
    }
}
