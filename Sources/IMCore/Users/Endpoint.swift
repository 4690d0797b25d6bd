import Ground
import XMPPWire

/// One client of a user as the core sees it: what it can receive and what it said about itself.
///
/// Implemented by a face (an XMPP session, a registered SIP contact); confined to the loop of its home.
public protocol Endpoint: StanzaSource {
    /// Somebody is signed in with it. False for a SIP contact, which only registers, and for what the core itself shows:
    /// neither is a session that is counted, limited and remembered as "last seen".
    var isClient: Bool { get }
    /// The home stays in memory because of it. False where it is made anew whenever the home is read again
    /// (`Router.whenHomeLoaded`); true while it has messages in flight.
    var keepsHome: Bool { get }
    /// Available with a priority that is not negative (RFC 6121 §8.5.2.1.1).
    var isReachable: Bool { get }
    /// Available presence, nil before it and after unavailable.
    var availability: Availability? { get set }
    /// Addresses that got presence directly and must hear of the end (RFC 6121 §4.6).
    var directed: Set<JID> { get set }
    /// Asked for the roster: receives pushes (RFC 6121 §2.1.6).
    var isInterested: Bool { get }
    /// Asked for the block list: receives its pushes (XEP-0191 §3.3).
    var followsBlockList: Bool { get }
    var wantsCarbons: Bool { get }
    /// Stored messages up to this one the client takes from the archive, if they are there (XEP-0386 §3.2); nil when it
    /// wants all of them.
    var historyUpTo: MessageID? { get }
    /// Nodes whose events it wants (XEP-0060 §9.2); nil for none.
    var interests: PubSubInterests? { get }
    /// The link is gone and may be resumed (XEP-0198 §5).
    var isHibernating: Bool { get }
    /// Nobody looks at it (XEP-0352).
    var isInactive: Bool { get }
    /// Messages handed over and neither acknowledged nor known to be written.
    var inFlight: [JournalEntry] { get }

    /// Delivers a journalled message; settles it when the client has it, or returns it when the session ends.
    func deliver(_ entry: JournalEntry, as bytes: [UInt8])
    /// Delivers presence with `to` put in.
    func deliver(_ presence: PresenceStanza, to address: [UInt8])
    /// Runs `body` once little waits for this client, so that a long replay does not pile up.
    func whenDrained(_ body: @escaping () -> Void)
    /// Ends the session.
    func end(_ error: StreamError)
}

extension Endpoint {
    public var isClient: Bool { true }
    public var keepsHome: Bool { true }
}

/// Available presence of a client.
public struct Availability {
    public var priority: Int8
    /// `available`, `away`, `chat`, `dnd` or `xa`.
    public var show: String
    /// As the client sent it; its user's own clients get this one.
    public var stanza: PresenceStanza
    /// When the client said it, milliseconds since 1970.
    public internal(set) var since: Int64 = 0
    /// What a status set by hand makes of it.
    var overlay = Overlay.none

    enum Overlay {
        case none
        case rewritten(PresenceStanza)
        case hidden
    }

    /// What watchers see; nil while the user appears offline to them.
    public var shown: PresenceStanza? {
        switch overlay {
        case .none: stanza
        case .rewritten(let stanza): stanza
        case .hidden: nil
        }
    }

    public init(priority: Int8, show: String, stanza: PresenceStanza) {
        self.priority = priority
        self.show = show
        self.stanza = stanza
    }
}

/// A presence stanza ready for many recipients: everything but `to`, which goes in at `gap`.
public final class PresenceStanza: Sendable {
    public let bytes: [UInt8]
    public let gap: Int

    public init(bytes: [UInt8], gap: Int) {
        self.bytes = bytes
        self.gap = gap
    }

    /// A presence stanza of a type without content.
    public convenience init(type: String, from: [UInt8]) {
        var bytes = Array("<presence from='".utf8)
        bytes += XMLText.escaped(from)
        bytes += Array("' type='\(type)'".utf8)
        let gap = bytes.count
        bytes += Array("/>".utf8)
        self.init(bytes: bytes, gap: gap)
    }

    /// The stanza addressed to one recipient.
    public func addressed(to address: [UInt8]) -> [UInt8] {
        let escaped = XMLText.escaped(address)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + escaped.count + 6)
        result += bytes[..<gap]
        result += Self.toPrefix
        result += escaped
        result.append(39)
        result += bytes[gap...]
        return result
    }

    public static let toPrefix = Array(" to='".utf8)
}
