/// Server side of SCRAM (RFC 5802, RFC 7677): pure, one exchange.
///
///     fresh ──clientFirst──▶ waitingForVerifier ──verifierFound──▶ waitingForProof ──clientFinal──▶ over
///       └────────failure───────────▶ over
///
/// Called out of order it refuses with `malformed-request`; after a failure it stays over.
public struct ScramServerMachine: Sendable {
    public enum FirstStep: Equatable, Sendable {
        /// Look up the user and call ``verifierFound(_:)``. Neither name is prepared.
        case needVerifier(username: String, authzid: String?)
        case failure(SASLFailure)
    }

    public enum FinalStep: Equatable, Sendable {
        /// The password was right; send this server-final-message.
        case success(serverFinal: [UInt8])
        case failure(SASLFailure)
    }

    private enum State: Sendable {
        case fresh
        case waitingForVerifier(first: ScramClientFirst, binding: [UInt8])
        case waitingForProof(Exchange)
        case over
    }

    /// What the proof is checked against.
    private struct Exchange: Sendable {
        var verifier: ScramVerifier
        /// gs2-header and binding data, the expected value of `c=`.
        var binding: [UInt8]
        /// The nonces of client and server, one after the other.
        var nonce: [UInt8]
        /// client-first-message-bare and server-first-message with a comma after each.
        var transcript: [UInt8]
    }

    private let hash: ScramHash
    private let channelBindings: [ChannelBinding]
    private let offersPlus: Bool
    private let isPlusMechanism: Bool
    private let nonce: [UInt8]
    private let announced: [UInt8]?
    private var state = State.fresh

    /// - Parameters:
    ///   - channelBinding: what this connection offers; nil when it has none.
    ///   - offersPlus: a mechanism with `-PLUS` of any hash was in the server's list.
    ///   - isPlusMechanism: the client chose a mechanism with `-PLUS`.
    ///   - nonce: fresh random bytes for this exchange, 18 or more. They are sent as they are when all are printable
    ///     ASCII without comma, else in base 64.
    public init(
        hash: ScramHash, channelBinding: ChannelBinding?, offersPlus: Bool, isPlusMechanism: Bool, nonce: [UInt8]
    ) {
        self.init(
            hash: hash, channelBindings: channelBinding.map { [$0] } ?? [], offersPlus: offersPlus,
            isPlusMechanism: isPlusMechanism, nonce: nonce)
    }

    /// The same for a connection with several types of channel binding (XEP-0440), of which the client picks one.
    ///
    /// - Parameter announced: what the client was offered, from ``DowngradeProtection``; its hash goes into
    ///   server-first-message (XEP-0474). Nil leaves it out.
    public init(
        hash: ScramHash, channelBindings: [ChannelBinding], offersPlus: Bool, isPlusMechanism: Bool, nonce: [UInt8],
        announced: [UInt8]? = nil
    ) {
        self.hash = hash
        self.channelBindings = channelBindings
        self.offersPlus = offersPlus
        self.isPlusMechanism = isPlusMechanism
        self.announced = announced
        self.nonce = ScramAttribute.isNonce(nonce) ? nonce : Base64.encodedBytes(nonce)
    }

    /// Takes client-first-message.
    public mutating func clientFirst(_ message: [UInt8]) -> FirstStep {
        guard case .fresh = state else { return .failure(fail(.malformedRequest)) }
        do throws(SASLFailure) {
            let first = try ScramClientFirst(parsing: message)
            let binding = first.header + (try bindingData(for: first.flag))
            state = .waitingForVerifier(first: first, binding: binding)
            return .needVerifier(username: first.username, authzid: first.authzid)
        } catch {
            return .failure(fail(error))
        }
    }

    /// Takes the user's verifier, or ``ScramVerifier/decoy(username:secret:hash:iterations:)`` when there is no such
    /// user.
    ///
    /// - Returns: server-first-message; empty when called out of order.
    public mutating func verifierFound(_ verifier: ScramVerifier) -> [UInt8] {
        guard case .waitingForVerifier(let first, let binding) = state else {
            state = .over
            return []
        }
        let whole = first.nonce + nonce
        var reply = Array("r=".utf8) + whole
        reply += Array(",s=".utf8) + Base64.encodedBytes(verifier.salt)
        reply += Array(",i=\(verifier.iterations)".utf8)
        if let announced { reply += Array(",h=".utf8) + Base64.encodedBytes(hash.digest(announced)) }
        let comma = UInt8(ascii: ",")
        state = .waitingForProof(
            Exchange(
                verifier: verifier, binding: binding, nonce: whole, transcript: first.bare + [comma] + reply + [comma]))
        return reply
    }

    /// Takes client-final-message and checks the proof (RFC 5802 §3).
    public mutating func clientFinal(_ message: [UInt8]) -> FinalStep {
        guard case .waitingForProof(let exchange) = state else { return .failure(fail(.malformedRequest)) }
        state = .over
        let final: ScramClientFinal
        do throws(SASLFailure) {
            final = try ScramClientFinal(parsing: message)
        } catch {
            return .failure(error)
        }
        let verifier = exchange.verifier
        guard
            ConstantTime.same(final.nonce, exchange.nonce),
            ConstantTime.same(final.binding, exchange.binding),
            verifier.hash == hash,
            verifier.storedKey.count == hash.outputBytes,
            final.proof.count == hash.outputBytes
        else { return .failure(.notAuthorized) }

        let authMessage = exchange.transcript + final.withoutProof
        let clientSignature = hash.authenticate(authMessage, key: verifier.storedKey)
        let clientKey = zip(final.proof, clientSignature).map { $0 ^ $1 }
        guard ConstantTime.same(hash.digest(clientKey), verifier.storedKey) else { return .failure(.notAuthorized) }
        let serverSignature = hash.authenticate(authMessage, key: verifier.serverKey)
        return .success(serverFinal: Array("v=".utf8) + Base64.encodedBytes(serverSignature))
    }

    /// Checks the gs2-cbind-flag against the mechanism (RFC 5802 §6).
    ///
    /// - Returns: the binding data that belongs behind the gs2-header in `c=`.
    private func bindingData(for flag: ScramClientFirst.BindingFlag) throws(SASLFailure) -> [UInt8] {
        switch flag {
        case .unsupported:
            guard !isPlusMechanism else { throw .malformedRequest }
            return []
        case .unoffered:
            guard !isPlusMechanism else { throw .malformedRequest }
            // The client saw no -PLUS where the server sent one: somebody cut it out of the list.
            guard !offersPlus else { throw .notAuthorized }
            return []
        case .required(let type):
            guard isPlusMechanism else { throw .malformedRequest }
            guard let binding = channelBindings.first(where: { $0.type == type }) else { throw .malformedRequest }
            return binding.bytes
        }
    }

    private mutating func fail(_ failure: SASLFailure) -> SASLFailure {
        state = .over
        return failure
    }
}
