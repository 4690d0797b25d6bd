import Crypto
import DequeModule
import Ground
import XMPPWire

/// One run of a command (XEP-0050 §3.3).
final class CommandSession {
    let id: String
    /// Full address of who runs it; nobody else may.
    let owner: [UInt8]
    let command: AdHocCommand
    /// The forms shown so far, the current one last.
    var stages: [CommandStage] = []
    /// An answer is being worked on; nothing else is taken meanwhile.
    var isBusy = false
    /// Monotonic milliseconds.
    fileprivate(set) var deadline: Int64 = 0

    fileprivate init(id: String, owner: [UInt8], command: AdHocCommand) {
        self.id = id
        self.owner = owner
        self.command = command
    }
}

/// The runs of commands under way. Bounded: of one client, in all, and in time.
struct CommandSessions {
    enum Finding {
        case active(CommandSession)
        /// It was given out to this client once, and is completed, canceled or too old.
        case expired
        case unknown
    }

    /// Milliseconds after the last use.
    static let lifetime: Int64 = 600_000
    /// The oldest of a client gives way.
    static let perOwner = 10
    static let capacity = 10_000

    private var active: [String: CommandSession] = [:]
    private var byOwner: [[UInt8]: Deque<String>] = [:]
    private var order: Deque<String> = []
    private var last: UInt64 = 0
    /// Ids prove themselves, so that an old one is told from one that never was without remembering it.
    private let key = SymmetricKey(size: .bits256)

    var count: Int { active.count }

    mutating func open(_ command: AdHocCommand, owner: [UInt8], uptime: Int64) -> CommandSession {
        if let mine = byOwner[owner], mine.count >= Self.perOwner, let oldest = mine.first { close(oldest) }
        while active.count >= Self.capacity, let oldest = order.popFirst() { close(oldest) }
        last += 1
        let number = String(last, radix: 16)
        let session = CommandSession(id: number + "-" + proof(number, owner), owner: owner, command: command)
        session.deadline = uptime + Self.lifetime
        active[session.id] = session
        byOwner[owner, default: []].append(session.id)
        order.append(session.id)
        // Closed ones are dropped from the order when they outnumber the others.
        if order.count > 2 * active.count + 64 { order = order.filter { active[$0] != nil } }
        return session
    }

    mutating func find(_ id: String, owner: [UInt8], uptime: Int64) -> Finding {
        if let session = active[id] {
            guard session.owner == owner else { return .unknown }
            guard session.deadline >= uptime else {
                close(id)
                return .expired
            }
            session.deadline = uptime + Self.lifetime
            return .active(session)
        }
        guard let dash = id.firstIndex(of: "-") else { return .unknown }
        return id[id.index(after: dash)...] == proof(String(id[..<dash]), owner) ? .expired : .unknown
    }

    func isActive(_ session: CommandSession) -> Bool { active[session.id] === session }

    mutating func close(_ id: String) {
        guard let session = active.removeValue(forKey: id) else { return }
        byOwner[session.owner]?.removeAll { $0 == id }
        if byOwner[session.owner]?.isEmpty == true { byOwner[session.owner] = nil }
    }

    /// Now and then.
    mutating func expire(uptime: Int64) {
        for (id, session) in active where session.deadline < uptime { close(id) }
    }

    private func proof(_ number: String, _ owner: [UInt8]) -> String {
        let mac = HMAC<SHA256>.authenticationCode(for: Array(number.utf8) + [0] + owner, using: key)
        return String(mac.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, radix: 16)
    }
}
