import IMCore
import XMPPWire

/// The domain of an external component: there whether the component is connected or not.
final class ComponentService: DomainService, StanzaSource {
    let account: ComponentAccount
    /// The authenticated stream; nil while there is none.
    private(set) var session: ComponentSession?

    init(_ account: ComponentAccount) {
        self.account = account
        address = Array(account.domain.utf8)
    }

    var domain: String { account.domain }
    var title: String { account.title }

    /// - Returns: false when another stream has the domain and keeps it.
    func connect(_ session: ComponentSession) -> Bool {
        if let old = self.session {
            guard account.conflict == .replace else { return false }
            self.session = nil
            old.end(StreamError(.conflict, "replaced by another connection of the component"))
        }
        self.session = session
        return true
    }

    func disconnect(_ session: ComponentSession) {
        if self.session === session { self.session = nil }
    }

    // MARK: DomainService

    func receive(_ stanza: RoutedStanza) {
        guard let session else {
            stanza.refuse(.componentAway)
            return stanza.settle()
        }
        session.deliver(stanza)
    }

    // MARK: StanzaSource

    let address: [UInt8]
    var resource: String { "" }

    func deliver(_ bytes: [UInt8]) { session?.deliver(ComponentNamespace.bytes(of: bytes)) }

    /// Component streams have no acks.
    func stanzaIsSafe(_ number: UInt64) {}
}

extension StanzaError {
    /// As other servers answer for a component that is configured and not connected.
    static let componentAway = StanzaError(.wait, .remoteServerTimeout, "the component is not connected")
}
