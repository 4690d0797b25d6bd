import Ground
import SIPWire
import XMPPWire

/// What happened to a binding (RFC 3680 §4.7.2).
public enum BindingEvent: Sendable {
    case created, refreshed, shortened, unregistered, expired
    /// The registrar took it away: the account is gone, or an administrator wished so.
    case deactivated
}

/// The bindings of one user.
public final class Registrations {
    /// Prepared bare address.
    public let address: [UInt8]
    /// By falling preference, the newest first among equals.
    public internal(set) var bindings: [Binding] = []
    /// Second in which it is looked at next, and goes when nothing is left: not before, so that clients that come and go
    /// leave nothing behind in the wheel. 0 while it stands nowhere.
    var due: Int64 = 0

    init(address: [UInt8]) { self.address = address }

    public var jid: JID? { try? JID(parsing: String(decoding: address, as: UTF8.self)) }

    /// Puts the binding where its preference says.
    func place(_ binding: Binding) {
        bindings.removeAll { $0 === binding }
        bindings.insert(binding, at: bindings.firstIndex { $0.q <= binding.q } ?? bindings.count)
    }
}

/// Where users can be reached: the bindings that their clients have registered (RFC 3261 §10). Confined to the server's
/// loop; kept in the store by `LocationPersistence`.
public final class LocationTable {
    /// Called with users whose bindings have changed; not for a mere refresh.
    public var whenChanged: [(JID) -> Void] = []
    /// Called for every binding that is made, refreshed or goes; for the event package `reg`.
    public var whenBindingChanged: [(Registrations, Binding, BindingEvent) -> Void] = []
    /// Called for whatever the store may have to learn; with true when more than the time has changed.
    var whenDirty: ((Registrations, Binding, Bool) -> Void)?

    private var users = ByteTable<Registrations>()
    private var wheel: [[Registrations]] = Array(repeating: [], count: wheelSize)
    /// The last second that was looked at.
    private var second: Int64
    private let time: any TimeSource
    public private(set) var count = 0
    private static let wheelSize = 4_096

    public init(time: any TimeSource) {
        self.time = time
        second = time.uptime / 1_000
    }

    /// Users with at least one binding.
    public private(set) var userCount = 0
    /// The same, and those whose record is still to be looked at.
    var recordCount: Int { users.count }
    /// Places in the wheel.
    var planned: Int { wheel.reduce(0) { $0 + $1.count } }

    // MARK: Lookup

    /// By falling preference; `address` is a prepared bare address.
    @inline(__always)
    public func registrations(of address: UnsafeRawBufferPointer) -> Registrations? { users[address] }

    public func bindings(of user: JID) -> [Binding] { bindings(of: Array(user.bare.description.utf8)) }

    func find(_ address: [UInt8]) -> Registrations? { users[address] }

    public func bindings(of address: [UInt8]) -> [Binding] {
        address.withUnsafeBytes { users[$0] }?.bindings ?? []
    }

    public func forEach(_ body: (Registrations) -> Void) {
        users.forEach { if !$0.bindings.isEmpty { body($0) } }
    }

    /// In the order of the addresses, for pages of an administrator.
    public func page(after: [UInt8]?, limit: Int) -> [Registrations] {
        var found: [Registrations] = []
        users.forEach { user in
            guard !user.bindings.isEmpty, after.map({ $0.lexicographicallyPrecedes(user.address) }) ?? true else {
                return
            }
            found.append(user)
        }
        found.sort { $0.address.lexicographicallyPrecedes($1.address) }
        return Array(found.prefix(limit))
    }

    // MARK: Changes

    /// The record of a user, made when there is none.
    func record(of address: [UInt8]) -> Registrations {
        if let known = users[address] { return known }
        let made = Registrations(address: address)
        users[address] = made
        return made
    }

    /// A binding that was made, changed or refreshed. `tell` says afterwards that the user's have changed.
    ///
    /// - Parameter isChanged: more than the time is new.
    func put(_ binding: Binding, in user: Registrations, _ event: BindingEvent, isChanged: Bool) {
        if event == .created {
            count += 1
            if user.bindings.isEmpty { userCount += 1 }
        }
        if isChanged { user.place(binding) }
        schedule(user, at: binding.expires)
        whenDirty?(user, binding, isChanged)
        for told in whenBindingChanged { told(user, binding, event) }
    }

    func remove(_ binding: Binding, from user: Registrations, _ event: BindingEvent) {
        guard let index = user.bindings.firstIndex(where: { $0 === binding }) else { return }
        user.bindings.remove(at: index)
        if user.bindings.isEmpty { userCount -= 1 }
        binding.isGone = true
        binding.flow = nil
        count -= 1
        whenDirty?(user, binding, true)
        for told in whenBindingChanged { told(user, binding, event) }
    }

    func tell(_ user: Registrations) {
        guard !whenChanged.isEmpty, let jid = user.jid else { return }
        for told in whenChanged { told(jid) }
    }

    /// Takes all bindings of a user away, or the one with that id.
    /// - Returns: how many.
    @discardableResult
    public func remove(_ address: [UInt8], id: Int64? = nil, _ event: BindingEvent = .deactivated) -> Int {
        guard let user = users[address] else { return 0 }
        let leaving = user.bindings.filter { id == nil || $0.id == id }
        for binding in leaving { remove(binding, from: user, event) }
        if !leaving.isEmpty { tell(user) }
        return leaving.count
    }

    // MARK: Time

    private func schedule(_ user: Registrations, at expires: Int64) {
        let due = min(max(second + 1, expires / 1_000 + 1), second + Int64(Self.wheelSize) - 1)
        guard user.due == 0 || due < user.due else { return }
        user.due = due
        wheel[Int(due % Int64(Self.wheelSize))].append(user)
    }

    /// Ends what is over; once a second.
    public func tick() {
        let uptime = time.uptime
        let now = uptime / 1_000
        guard now > second else { return }
        let first = max(second + 1, now - Int64(Self.wheelSize) + 1)
        second = now
        for number in first...now {
            let slot = Int(number % Int64(Self.wheelSize))
            guard !wheel[slot].isEmpty else { continue }
            let due = wheel[slot]
            wheel[slot] = []
            // Who has been planned for another second stands there too.
            for user in due where user.due != 0 && user.due <= number { look(at: user, uptime) }
        }
    }

    private func look(at user: Registrations, _ uptime: Int64) {
        user.due = 0
        var hasChanged = false
        for binding in user.bindings where binding.expires <= uptime {
            remove(binding, from: user, .expired)
            hasChanged = true
        }
        if let next = user.bindings.lazy.map(\.expires).min() {
            schedule(user, at: next)
        } else {
            users[user.address] = nil
        }
        if hasChanged { tell(user) }
    }
}
