import Ground
import IMCore
import XMLWire
import XMPPWire

/// Client state indication (XEP-0352), and quiet mode.
///
/// A session begins active and costs nothing. While it is inactive, what can wait is held in `held`: neither sent nor counted
/// for stream management; it is counted when it goes out. Messages among it stay in flight: the journal keeps them, and they go
/// back to the home when the session ends.
extension XMPPFeature {
    static let clientStateNamespace = "urn:xmpp:csi:0"

    static var clientState: XMPPFeature {
        XMPPFeature(
            "client-state", [Standard("XEP-0352", "Client State Indication", "1.0.0")],
            streamFeature: "<csi xmlns='\(clientStateNamespace)'/>",
            inline: Inline(
                feature: clientStateNamespace, names: ["active", "inactive"], namespace: clientStateNamespace
            ) { session, element in
                if element.name == "inactive" { session.becomeInactive() } else { session.becomeActive() }
                return ""
            })
    }
}

extension C2SSession {
    /// Whether the client said that nobody looks at it.
    public var isInactive: Bool { held != nil }

    /// Handles `<active/>` and `<inactive/>`; false when the element is neither.
    func clientStateElement(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) -> Bool {
        guard frame.namespace.equals("urn:xmpp:csi:0", in: bytes) else { return false }
        if frame.nameEquals("active", in: bytes) {
            becomeActive()
        } else if frame.nameEquals("inactive", in: bytes) {
            becomeInactive()
        } else {
            return false
        }
        return true
    }

    func becomeInactive() {
        if held == nil { held = HeldStanzas() }
    }

    /// Also the state after a resumption (§5.2).
    func becomeActive() {
        guard held != nil else { return }
        releaseHeld()
        held = nil
        if let home { server.router.clientIsBack(self, home) }
    }

    /// Takes a stanza that can wait. Otherwise sends what waits, so that the order is kept, and answers false.
    func holds(_ bytes: [UInt8], _ entry: JournalEntry?) -> Bool {
        guard let held else { return false }
        let importance = server.importance.importance(of: bytes)
        switch importance {
        case .availability, .latest, .unimportant: break
        case .message where home.map { server.router.isQuiet(self, $0) } ?? false: break
        case .message, .urgent:
            releaseHeld()
            return false
        }
        held.append(bytes, entry, importance)
        if held.count > server.config.heldStanzas || held.bytes > HeldStanzas.byteLimit {
            releaseHeld()
        } else {
            held.compact()
        }
        return true
    }

    private func releaseHeld() {
        guard let held, phase == .bound else { return }
        for stanza in held.takeAll() {
            guard let entry = stanza.entry else {
                send(stanza.bytes, nil)
                continue
            }
            // It may be long ago (XEP-0203 §3).
            let isStamped = stanza.bytes.withUnsafeBytes { ByteCompare.contains($0, "urn:xmpp:delay") }
            let stamp = Timestamp.format(entry.id.acceptedAt)
            send(
                isStamped || server.time.now - entry.id.acceptedAt < 1_000
                    ? stanza.bytes
                    : StanzaStamp.delayed(stanza.bytes, from: home?.jid.domain ?? domain, stamp: stamp), entry)
        }
    }

    /// Once a second: no message waits longer than another client of the user is active.
    func releaseIfNotQuiet() {
        guard let held, held.hasMessages, let home, !server.router.isQuiet(self, home) else { return }
        releaseHeld()
    }
}
