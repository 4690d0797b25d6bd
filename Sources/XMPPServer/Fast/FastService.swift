import Ground
import IMCore
import NIOCore
import Storage
import XMPPWire

/// Checks, issues and exchanges tokens (XEP-0484). Confined to one event loop, works off it.
final class FastService {
    enum Verdict {
        case right(FastToken, response: [UInt8])
        case wrong
        /// The token was right once.
        case expired
        case tryLater
    }

    private let database: any Database
    private let journal: Journal
    private let loop: NIOIsolatedEventLoop
    private let time: any TimeSource
    /// Milliseconds.
    private var lifetime: Int64

    init(router: Router, config: C2SConfig, loop: NIOIsolatedEventLoop, time: any TimeSource) {
        database = router.database
        journal = router.journal
        self.loop = loop
        self.time = time
        lifetime = Int64(config.tokenSeconds) * 1_000
    }

    func reconfigure(_ config: C2SConfig) { lifetime = Int64(config.tokenSeconds) * 1_000 }

    /// Whether a proof is that of one of the client's tokens.
    func check(
        _ proof: [UInt8], _ mechanism: HashedTokenMechanism, of jid: JID, client: String, count: Int64?,
        then: @escaping (Verdict) -> Void
    ) {
        let now = time.now
        let outcome = Outcome<[FastToken]>()
        let finish = NIOLoopBound(
            { (error: (any Error)?) in
                guard error == nil, let tokens = outcome.value else { return then(.tryLater) }
                then(Self.verdict(tokens, proof, mechanism, count, now))
            } as ((any Error)?) -> Void, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        database.read(
            { outcome.value = try FastTokenStore.tokens(of: jid, client: client, in: $0) },
            completion: { error in eventLoop.execute { finish.value(error) } })
    }

    private static func verdict(
        _ tokens: [FastToken], _ proof: [UInt8], _ mechanism: HashedTokenMechanism, _ count: Int64?, _ now: Int64
    ) -> Verdict {
        for token in tokens {
            guard token.mechanism == mechanism.rawValue, let response = token.verifier.response(to: proof) else {
                continue
            }
            if token.expiresAt <= now { return .expired }
            // A count that was there before is a replay (§3.4).
            if let count, count <= token.count { return .wrong }
            return .right(token, response: response)
        }
        return .wrong
    }

    /// A token given to a client.
    struct Issued {
        var text: String
        var token: FastToken
    }

    /// Makes a token, not stored yet.
    func make(_ mechanism: HashedTokenMechanism, binding: [UInt8]) -> Issued {
        let text = Base64.encode(RandomToken.bytes(30))
        let now = time.now
        return Issued(
            text: text,
            token: FastToken(
                slot: .new, mechanism: mechanism.rawValue,
                verifier: HashedTokenVerifier(token: text, binding: binding), issuedAt: now,
                expiresAt: now + lifetime))
    }

    /// §3.5: a token that has lived for a day, or for half of a shorter life, is exchanged.
    func isDue(_ token: FastToken) -> Bool {
        time.now - token.issuedAt >= min(86_400_000, (token.expiresAt - token.issuedAt) / 2)
    }

    /// Notes the use of a token and stores a new one, in one commit. `then` gets false when the token was used up
    /// meanwhile, nil when the store cannot do it now.
    func store(
        used: FastToken?, _ use: FastUse?, issued: FastToken?, of jid: JID, client: String,
        then: @escaping (Bool?) -> Void
    ) {
        let (count, invalidates) = (use?.count, use?.invalidates ?? false)
        journal.perform(
            { transaction -> Bool in
                if let used {
                    guard
                        try FastTokenStore.use(used, count: count, of: jid, client: client, in: transaction)
                    else { return false }
                    if invalidates { try FastTokenStore.void(of: jid, client: client, in: transaction) }
                }
                if let issued { try FastTokenStore.store(issued, of: jid, client: client, in: transaction) }
                return true
            },
            then: { (result: Result<Bool, any Error>) in then(try? result.get()) })
        journal.flush()
    }
}
