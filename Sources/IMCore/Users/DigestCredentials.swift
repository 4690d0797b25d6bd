import Ground
import NIOCore
import Storage
import XMPPWire

/// Looks up what digest authentication needs, and keeps what was asked for last. Confined to the loop of the router.
///
/// Two generations of a table: when the younger one is full, the older one is dropped. A change of a password and the end of
/// an account are heard from the router; that somebody is unknown is forgotten by itself soon.
public final class DigestCredentials {
    public enum Answer {
        case found(PasswordDigests)
        /// No such account, or its password is not known in this form (see `DigestCredentialStore.missing`).
        case none
        /// The store does not answer, or too many lookups are under way.
        case unavailable
    }

    private enum Entry {
        case digests(PasswordDigests)
        /// Until this uptime, milliseconds.
        case nobody(until: Int64)
    }

    private final class Reading {
        var waiters: [(Answer) -> Void] = []
        /// The password has changed since the store was asked.
        var isOutdated = false
    }

    private let database: any Database
    private let loop: NIOIsolatedEventLoop
    private let time: any TimeSource
    private let capacity: Int
    private var young = ByteTable<Entry>()
    private var old = ByteTable<Entry>()
    private var readings: [JID: Reading] = [:]
    static let readingLimit = 1_024
    /// How long it is remembered that the store has nothing, milliseconds.
    static let nobodyTime: Int64 = 2_000

    /// - Parameter capacity: accounts that are kept, about 200 bytes each.
    public init(router: Router, capacity: Int = 65_536) {
        database = router.database
        loop = router.loop
        time = router.time
        self.capacity = max(2, capacity)
        let forget: (JID) -> Void = { [weak self] in self?.forget($0) }
        router.whenPasswordChanged.append(forget)
        router.whenAccountRemoved.append(forget)
    }

    /// The answer if it is in memory; `address` is a prepared bare address.
    public func known(_ address: UnsafeRawBufferPointer) -> Answer? {
        let entry: Entry
        if let found = young[address] {
            entry = found
        } else if let found = old[address] {
            keep(found, Array(address))
            entry = found
        } else {
            return nil
        }
        switch entry {
        case .digests(let digests): return .found(digests)
        case .nobody(let until): return time.uptime < until ? Answer.none : nil
        }
    }

    /// Calls back with the answer, at once if it is in memory.
    public func lookup(_ user: JID, then: @escaping (Answer) -> Void) {
        let address = Array(user.bare.description.utf8)
        if let answer = address.withUnsafeBytes({ known($0) }) { return then(answer) }
        if let reading = readings[user.bare] {
            guard reading.waiters.count < Self.readingLimit else { return then(.unavailable) }
            return reading.waiters.append(then)
        }
        guard readings.count < Self.readingLimit else { return then(.unavailable) }
        let reading = Reading()
        reading.waiters.append(then)
        readings[user.bare] = reading
        read(user.bare, address, reading)
    }

    private func read(_ user: JID, _ address: [UInt8], _ reading: Reading) {
        let outcome = Outcome<PasswordDigests?>()
        let finish = NIOLoopBound(
            { [self] (error: (any Error)?) in
                finished(user, address, reading, outcome.value ?? nil, error)
            } as ((any Error)?) -> Void, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        database.read(
            { outcome.value = try DigestCredentialStore.digests(of: user, in: $0) },
            completion: { error in eventLoop.execute { finish.value(error) } })
    }

    private func finished(
        _ user: JID, _ address: [UInt8], _ reading: Reading, _ digests: PasswordDigests?, _ error: (any Error)?
    ) {
        if reading.isOutdated, error == nil {
            reading.isOutdated = false
            return read(user, address, reading)
        }
        readings[user] = nil
        let answer: Answer
        if error != nil {
            answer = .unavailable
        } else if let digests {
            keep(.digests(digests), address)
            answer = .found(digests)
        } else {
            keep(.nobody(until: time.uptime + Self.nobodyTime), address)
            answer = .none
        }
        for waiter in reading.waiters { waiter(answer) }
    }

    private func keep(_ entry: Entry, _ address: [UInt8]) {
        if young.count >= capacity / 2 {
            old = young
            young = ByteTable()
        }
        young[address] = entry
    }

    private func forget(_ user: JID) {
        let address = Array(user.bare.description.utf8)
        young[address] = nil
        old[address] = nil
        readings[user.bare]?.isOutdated = true
    }
}
