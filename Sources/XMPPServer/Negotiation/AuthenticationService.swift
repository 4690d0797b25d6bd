import Crypto
import Dispatch
import Ground
import IMCore
import NIOCore
import Storage
import XMPPWire

/// Looks up credentials and checks passwords; counts failures. Confined to one event loop, works off it.
public final class AuthenticationService {
    private let database: any Database
    private let loop: NIOIsolatedEventLoop
    private let time: any TimeSource
    /// Makes the salt of unknown users stable, so that nobody learns which accounts exist.
    private let decoySecret: [UInt8]
    /// What resources of Bind 2 are made with.
    var resourceSecret: [UInt8] { decoySecret + Array("resources".utf8) }
    private var byAddress: FailureThrottle
    private var byAccount: FailureThrottle
    private var iterations: Int

    /// Passwords that PLAIN has proven, as a MAC under a key of this process: PBKDF2 is paid once, not per login.
    private var proven: [JID: [UInt8]] = [:]
    private let provenKey = SymmetricKey(size: .bits256)
    private static let provenCapacity = 100_000
    private let workers = DispatchQueue(label: "roost.passwords", attributes: .concurrent)
    /// PBKDF2 runs under way; more are refused for the moment, so that logins cannot eat the machine.
    private var running = 0
    private static let runningLimit = 64

    public init(
        database: any Database, decoySecret: [UInt8], config: C2SConfig, loop: NIOIsolatedEventLoop,
        time: any TimeSource
    ) {
        self.database = database
        self.decoySecret = decoySecret
        self.loop = loop
        self.time = time
        iterations = config.scramIterations
        byAddress = FailureThrottle(limit: config.failedLoginsPerAddress)
        byAccount = FailureThrottle(limit: config.failedLoginsPerAccount)
    }

    func reconfigure(_ config: C2SConfig) {
        iterations = config.scramIterations
        byAddress.limit = config.failedLoginsPerAddress
        byAccount.limit = config.failedLoginsPerAccount
    }

    // MARK: Throttle

    func allows(address: String, account: JID?) -> Bool {
        let uptime = time.uptime
        guard byAddress.allows(NetworkOrigin.key(address), uptime: uptime) else { return false }
        guard let account else { return true }
        return byAccount.allows(account.description, uptime: uptime)
    }

    func failed(address: String, account: JID?) {
        byAddress.failed(NetworkOrigin.key(address), uptime: time.uptime)
        if let account { byAccount.failed(account.description, uptime: time.uptime) }
    }

    func succeeded(account: JID) { byAccount.succeeded(account.description) }

    // MARK: SCRAM

    /// The verifier of an account; a decoy when there is none. Nil when the store cannot answer.
    func verifier(_ jid: JID, _ hash: ScramHash, then: @escaping (ScramVerifier?) -> Void) {
        credentials(jid) { [self] result in
            switch result {
            case .success(let credentials?) where credentials.verifier(for: hash).isUsable:
                then(credentials.verifier(for: hash))
            // Also for an account that came from elsewhere without a verifier for this hash.
            case .success:
                then(
                    .decoy(
                        username: jid.description, secret: decoySecret, hash: hash, iterations: iterations))
            case .failure: then(nil)
            }
        }
    }

    private func credentials(_ jid: JID, then: @escaping (Result<Credentials?, any Error>) -> Void) {
        let outcome = Outcome<Credentials?>()
        let finish = NIOLoopBound(then, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        database.read(
            { outcome.value = try AccountStore.credentials(jid, in: $0) },
            completion: { error in
                eventLoop.execute { finish.value(error.map { .failure($0) } ?? .success(outcome.value ?? nil)) }
            })
    }

    // MARK: PLAIN

    enum Verdict { case right, wrong, tryLater }

    func check(_ preparedPassword: String, of jid: JID, then: @escaping (Verdict) -> Void) {
        credentials(jid) { [self] result in
            guard case .success(let found) = result else { return then(.tryLater) }
            let verifier =
                found.map { $0.sha256.isUsable ? $0.sha256 : $0.sha1 }
                ?? .decoy(username: jid.description, secret: decoySecret, hash: .sha256, iterations: iterations)
            let proof = mac(preparedPassword, verifier)
            if found != nil, let known = proven[jid], Self.equal(known, proof) { return then(.right) }
            guard running < Self.runningLimit else { return then(.tryLater) }
            running += 1
            let exists = found != nil
            let finish = NIOLoopBound(
                { [self] (matches: Bool) in
                    running -= 1
                    if matches, exists {
                        if let found { learn(jid, preparedPassword, found) }
                        if proven.count >= Self.provenCapacity { proven.removeAll() }
                        proven[jid] = proof
                    }
                    then(matches && exists ? .right : .wrong)
                } as (Bool) -> Void, eventLoop: loop.nonisolated())
            let eventLoop = loop.nonisolated()
            workers.async {
                let matches = verifier.matches(preparedPassword: preparedPassword)
                eventLoop.execute { finish.value(matches) }
            }
        }
    }

    /// The account came from elsewhere without verifiers for every hash, or is older than digests: the proven password
    /// makes them.
    private func learn(_ jid: JID, _ preparedPassword: String, _ found: Credentials) {
        if found.isComplete {
            guard found.digests == nil else { return }
            let digests = PasswordDigests(preparedPassword: preparedPassword, of: jid)
            return database.write(
                { try AccountStore.learnDigests(digests, of: jid, proven: found, in: $0) }, completion: { _ in })
        }
        derive(preparedPassword, of: jid) { [self] credentials in
            guard let credentials else { return }
            database.write({ try AccountStore.completeCredentials(credentials, of: jid, in: $0) }, completion: { _ in })
        }
    }

    // MARK: New passwords

    /// Makes the verifiers of a new password, off the loop; nil when too many passwords are being worked on.
    func derive(_ preparedPassword: String, of jid: JID, then: @escaping (Credentials?) -> Void) {
        guard running < Self.runningLimit else { return then(nil) }
        running += 1
        let finish = NIOLoopBound(
            { [self] (credentials: Credentials) in
                running -= 1
                then(credentials)
            } as (Credentials) -> Void, eventLoop: loop.nonisolated())
        let (eventLoop, iterations) = (loop.nonisolated(), iterations)
        workers.async {
            let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
            let made = Credentials(
                preparedPassword: preparedPassword, of: jid, iterations: iterations, salt: salt)
            eventLoop.execute { finish.value(made) }
        }
    }

    private func mac(_ password: String, _ verifier: ScramVerifier) -> [UInt8] {
        var hmac = HMAC<SHA256>(key: provenKey)
        hmac.update(data: verifier.storedKey)
        hmac.update(data: Array(password.utf8))
        return Array(hmac.finalize())
    }

    private static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for (one, other) in zip(left, right) { difference |= one ^ other }
        return difference == 0
    }
}
