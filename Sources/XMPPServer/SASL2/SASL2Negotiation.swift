import IMCore
import XMLWire
import XMPPWire

/// The extensible SASL profile (XEP-0388): login, token, resumption or binding in one round trip, without a new stream.
extension C2SSession {
    func extensibleAuthenticate(_ element: XMLElement) {
        guard let negotiation else { return }
        negotiation.profile = .extensible
        negotiation.request = nil
        if server.config.requiresTLS, !isSecure { return saslFailed(.encryptionRequired) }
        let request: SASL2Request
        do throws(SASLFailure) {
            request = try SASL2Request(element)
        } catch {
            return saslFailed(error)
        }
        guard isOffered(request) else { return saslFailed(.invalidMechanism) }
        negotiation.request = request
        guard begin(request.mechanism) else { return }
        if let initial = request.initialResponse { respond(initial) } else { challenge([]) }
    }

    /// Token mechanisms are for tokens and the others for passwords (XEP-0484 §3.1).
    private func isOffered(_ request: SASL2Request) -> Bool {
        if let hashed = HashedTokenMechanism(rawValue: request.mechanism) {
            return request.fast != nil && tokenMechanisms.contains(hashed)
        }
        return request.fast == nil && mechanisms.contains(request.mechanism)
    }

    /// The mechanism has succeeded: tokens first, then resumption, then binding, then the answer (§2.6.1).
    func extensibleAccepted(_ jid: JID, _ additional: [UInt8]) {
        guard let request = negotiation?.request else { return saslFailed(.malformedRequest) }
        pauseInput()
        settleTokens(request, jid) { [self] result in
            guard phase == .authenticating else { return resumeInput() }
            switch result {
            case .failure(let failure):
                saslFailed(failure)
                resumeInput()
            case .success(let token):
                account = jid
                userAgent = request.userAgent
                let answer = SASL2Success(additional: additional, token: token)
                guard let resume = request.resume else { return bindInline(request.bind, answer) }
                resumeSession(resume) { [self] outcome in
                    switch outcome {
                    case .failed(let failure):
                        guard phase == .authenticating else { return resumeInput() }
                        bindInline(request.bind, answer.with(failure))
                    case .resumed(let old, let resumed):
                        old.append(answer.with(resumed).bytes(for: old.address))
                        old.append(old.boundFeatures)
                    }
                }
            }
        }
    }

    /// Says that the login is complete; the stream goes on with the features of an authenticated one.
    func extensibleSucceeded(_ answer: SASL2Success) {
        negotiation?.request = nil
        let isBound = phase == .bound
        if !isBound { phase = .authenticated }
        append(answer.bytes(for: isBound ? address : Array((account?.description ?? "").utf8)))
        append(isBound ? boundFeatures : Array("<stream:features>\(features)</stream:features>".utf8))
        resumeInput()
    }

    /// What has been decided for the account of the stream.
    var policy: UserPolicy {
        home?.policy ?? account.map { server.router.policies.policy(for: $0) } ?? .standard
    }

    /// What is left to negotiate on a bound stream.
    var boundFeatures: [UInt8] {
        Array("<stream:features>\(server.registry.boundStreamFeatures(policy))</stream:features>".utf8)
    }
}

/// `<success/>` in the making.
struct SASL2Success {
    /// What the mechanism says with its success; empty when nothing.
    var additional: [UInt8]
    /// A token for the client, serialised; empty when there is none.
    var token: String
    /// Answers of inline features, serialised.
    var parts = ""

    func with(_ part: String) -> SASL2Success {
        var copy = self
        copy.parts += part
        return copy
    }

    /// - Parameter identifier: bare address, or the full one of a bound stream.
    func bytes(for identifier: [UInt8]) -> [UInt8] {
        var xml = "<success xmlns='\(XMPPNamespace.sasl2)'>"
        if !additional.isEmpty { xml += "<additional-data>\(Base64.encode(additional))</additional-data>" }
        let jid = XMLText.escape(String(decoding: identifier, as: UTF8.self))
        xml += "<authorization-identifier>\(jid)</authorization-identifier>"
        return Array((xml + parts + token + "</success>").utf8)
    }
}
