import SIPWire
import XMPPWire

/// One subscription of a watcher: a dialog of ours as notifier (RFC 6665 §4.2). Compact; there may be a hundred thousand.
final class Subscription: SIPDialogUser {
    enum State: UInt8 { case pending, active, terminated }

    unowned let engine: EventEngine
    let resource: EventResource
    /// Bare.
    let watcher: JID
    let isLocal: Bool
    /// Shown somebody who is not there (polite blocking).
    var isHidden = false
    var state = State.pending

    /// A NOTIFY has no answer yet.
    var isOutstanding = false
    /// Something is to be told once it has; even if the document is the same.
    var isWaiting = false
    var isForced = false
    /// Waits for the pace to allow it.
    var isDelayed = false
    var isDirty = false
    /// Is told what has changed (RFC 5263), where it knows what was before.
    var isPartial = false
    /// The remote end was asked over its flow and is not there: next time by its address.
    var usesAddress = false

    /// Request line, and what names the dialog and its ends: the same in each NOTIFY.
    var head: [UInt8]
    /// Where the Via goes: behind the request line.
    var lineEnd: Int32
    /// In `resource.subscriptions`.
    var index: Int32 = 0
    var localCSeq: UInt32 = 0
    var remoteCSeq: UInt32
    /// Counts documents of packages that number them.
    var version: UInt32 = 0
    let key: SIPDialogKey
    /// `id` of the Event header; empty for none.
    let eventID: [UInt8]
    var flow: SIPFlow?
    /// Monotonic seconds.
    var expires: Int64
    /// Monotonic milliseconds.
    var lastNotify = Int64.min / 2
    var lastBody: EventBody?
    /// Members, of a subscription to a list.
    var list: ResourceListState?
    /// Row in the store; 0 before it has one.
    var rowID: Int64 = 0
    /// Milliseconds since 1970 as the store has it.
    var storedExpires: Int64 = 0

    // The slot of the wheel it is in.
    var next: Subscription?
    unowned(unsafe) var previous: Subscription?
    var slot: Int32 = -1

    init(
        engine: EventEngine, resource: EventResource, watcher: EventWatcher, key: SIPDialogKey, eventID: [UInt8],
        head: [UInt8], lineEnd: Int, remoteCSeq: UInt32, flow: SIPFlow?, expires: Int64
    ) {
        self.engine = engine
        self.resource = resource
        self.watcher = watcher.jid
        isLocal = watcher.isLocal
        self.key = key
        self.eventID = eventID
        self.head = head
        self.lineEnd = Int32(clamping: lineEnd)
        self.remoteCSeq = remoteCSeq
        self.flow = flow
        self.expires = expires
    }

    func handle(_ request: IncomingRequest, in dialog: SIPDialogKey) { engine.handle(request, in: self) }

    /// The remote target (RFC 3261 §12.2.1.1), and the route set.
    var remoteTarget: SIPURI? { SIPURI(SIPBytes(Array(head[7..<(Int(lineEnd) - 10)]))) }

    /// Another Contact in a refresh (RFC 6665 §4.4.1).
    func setRemoteTarget(_ uri: SIPBytes) {
        let line = Array("NOTIFY ".utf8) + uri.array + Array(" SIP/2.0\r\n".utf8)
        guard !head.starts(with: line) else { return }
        head = line + head[Int(lineEnd)...]
        lineEnd = Int32(line.count)
    }
}

/// Subscriptions by the second in which they end: each is in one list, and leaves it at no cost.
struct SubscriptionWheel {
    private static let size = 8_192
    private var slots = [Subscription?](repeating: nil, count: size)
    private var last: Int64

    init(second: Int64) { last = second }

    mutating func insert(_ subscription: Subscription) {
        remove(subscription)
        let slot = Int(max(subscription.expires, last + 1) & Int64(Self.size - 1))
        subscription.slot = Int32(slot)
        subscription.next = slots[slot]
        subscription.previous = nil
        slots[slot]?.previous = subscription
        slots[slot] = subscription
    }

    mutating func remove(_ subscription: Subscription) {
        guard subscription.slot >= 0 else { return }
        let next = subscription.next
        if let previous = subscription.previous {
            previous.next = next
        } else {
            slots[Int(subscription.slot)] = next
        }
        next?.previous = subscription.previous
        subscription.next = nil
        subscription.previous = nil
        subscription.slot = -1
    }

    /// Those that end until then.
    mutating func expired(_ second: Int64) -> [Subscription] {
        guard second > last else { return [] }
        var found: [Subscription] = []
        for step in max(last + 1, second - Int64(Self.size) + 1)...second {
            var subscription = slots[Int(step & Int64(Self.size - 1))]
            while let one = subscription {
                subscription = one.next
                if one.expires <= second { found.append(one) }
            }
        }
        last = second
        for subscription in found { remove(subscription) }
        return found
    }
}
