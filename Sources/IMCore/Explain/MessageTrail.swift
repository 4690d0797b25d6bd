import Ground

/// What became of the last messages, step by step, for whoever asks later: a ring, written where the decisions are made.
///
/// A step is a few words and two references to what is in memory anyway; nothing is allocated once the ring is full.
/// Only messages that the journal takes, and those that are refused, leave a trail.
public final class MessageTrail {
    public enum Kind: String, Sendable {
        /// From `subject` for `object`.
        case accepted
        /// The conversation is locked to this client alone.
        case locked
        /// Given to a client.
        case handed
        /// A client is catching up: it waits behind the stored messages.
        case held
        /// Nobody is there: it waits in the store.
        case stored
        /// Its client went away without acknowledging it: it waits in the store.
        case parked
        /// Acknowledged by that client, or written to its socket.
        case settled
        /// Answered with an error.
        case refused
        /// Dropped in silence.
        case dropped
    }

    public struct Step {
        let id: Int64
        /// Milliseconds since 1970; 0 for the moment of acceptance.
        let at: Int64
        /// Of the id that the sender's client gave it; 0 for none.
        let nameHash: UInt64
        let subject: [UInt8]
        let object: [UInt8]
        let note: String
        let kind: Kind
    }

    /// Steps; a message has three to five.
    public static let capacity = 16_384

    private var steps: ContiguousArray<Step> = []
    private var next = 0

    public init() {}

    func note(
        _ id: MessageID, _ kind: Kind, _ subject: [UInt8], for object: [UInt8] = [], _ note: String = "", at: Int64 = 0,
        nameHash: UInt64 = 0
    ) {
        let step = Step(
            id: id.value, at: at, nameHash: nameHash, subject: subject, object: object, note: note, kind: kind)
        if steps.count < Self.capacity {
            steps.append(step)
        } else {
            steps[next] = step
            next = next &+ 1 == Self.capacity ? 0 : next &+ 1
        }
    }

    /// What is known of a message, oldest step first.
    func steps(of id: MessageID) -> [Step] { inOrder.filter { $0.id == id.value } }

    /// Messages whose sender called them so, the newest last.
    func ids(named name: String) -> [MessageID] {
        let hash = Self.hash(name.utf8)
        var seen: Set<Int64> = []
        return inOrder.filter { $0.nameHash == hash && seen.insert($0.id).inserted }.map { MessageID($0.id) }
    }

    private var inOrder: some Sequence<Step> { steps[next...] + steps[..<next] }

    /// FNV-1a, never 0.
    @inline(__always)
    public static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash | 1
    }
}
