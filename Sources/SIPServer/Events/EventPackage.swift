import SIPWire
import XMPPWire

/// What becomes of a request to subscribe.
enum Admission {
    case active
    /// The user is asked.
    case pending
    /// Looks active, and shows somebody who is not there.
    case hidden
    case refused(SIPStatus)
}

/// One event package (RFC 6665 §5): who may subscribe, and what is told.
protocol EventPackage: AnyObject {
    /// As in the Event header.
    var name: String { get }
    var mediaType: String { get }

    /// Judges a new subscription, or one whose right may be another. Calls back once, at once or later.
    ///
    /// - Parameter mayAsk: the user may be asked now; false for a fetch and when a right is looked at again.
    func admit(_ watcher: EventWatcher, to target: JID, mayAsk: Bool, then: @escaping (Admission) -> Void)

    /// Brings the documents of a resource up to date; calls back once, at once or later.
    func prepare(_ resource: EventResource, then: @escaping () -> Void)

    /// The document for a subscription after `prepare`; the same object for the same content.
    func body(for subscription: Subscription) -> EventBody

    /// Each document of a subscription has a number, from 0 on (RFC 3858 §3.2, RFC 4235 §3.2, RFC 3680 §5.1).
    var numbersDocuments: Bool { get }
}

extension EventPackage {
    var numbersDocuments: Bool { true }
}

/// Who subscribes.
struct EventWatcher {
    /// Bare.
    let jid: JID
    /// Has an account here and has proven it.
    let isLocal: Bool
}

/// One thing that is watched: a user, by one package.
final class EventResource {
    let target: JID
    unowned let package: any EventPackage
    var subscriptions: [Subscription] = []
    /// Lists that the user is a member of (RFC 4662).
    var lists: [ResourceListState] = []
    /// For those who may see, and for those who may not.
    var full: EventBody?
    var closed: EventBody?
    /// For the user's own devices, where these learn more.
    var own: EventBody?
    /// The documents are out of date.
    var isStale = true
    var isQueued = false
    /// For packages about watchers: who was listed last, and whose dialog ran out before there was an answer.
    var listed: Set<JID> = []
    var gaveUp: Set<JID> = []

    init(target: JID, package: any EventPackage) {
        self.target = target
        self.package = package
    }

    var isIdle: Bool { subscriptions.isEmpty && lists.isEmpty }

    func setOwn(_ type: String, _ content: [UInt8]) {
        if own?.content != content { own = EventBody(type: type, content: content) }
    }

    /// Keeps the object where the content is the same, so that nobody is told again.
    func setFull(_ type: String, _ content: [UInt8]) {
        if full?.content != content { full = EventBody(type: type, content: content) }
        isStale = false
    }
}
