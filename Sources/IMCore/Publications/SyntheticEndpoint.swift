import Ground
import XMPPWire

/// What XMPP watchers see of everything that is no XMPP client of a user: telephones, SIP clients, later calendars. One
/// resource of priority -1, so that no message is routed to it; it takes nothing and says only its presence.
final class SyntheticEndpoint: Endpoint {
    static let name = "elsewhere"

    let resource: String
    let address: [UInt8]
    var availability: Availability?
    var directed: Set<JID> = []
    private weak var router: Router?
    private weak var home: UserHome?

    init(_ home: UserHome, resource: String, router: Router) {
        self.home = home
        self.router = router
        self.resource = resource
        address = home.address + [47] + Array(resource.utf8)
    }

    var isClient: Bool { false }
    /// Contacts that sign in look for it in the home.
    var keepsHome: Bool { true }
    var isReachable: Bool { false }
    var isInterested: Bool { false }
    var followsBlockList: Bool { false }
    var wantsCarbons: Bool { false }
    var historyUpTo: MessageID? { nil }
    var interests: PubSubInterests? { nil }
    var isHibernating: Bool { false }
    var isInactive: Bool { false }
    var inFlight: [JournalEntry] { [] }

    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {
        guard let router, let home else { return }
        router.giveBack([entry], from: self, home)
    }

    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {}
    func deliver(_ bytes: [UInt8]) {}
    func whenDrained(_ body: @escaping () -> Void) { body() }
    func stanzaIsSafe(_ number: UInt64) {}

    /// A client takes the name for itself, or the account goes: it comes back under another name where there is something
    /// to say.
    func end(_ error: StreamError) {
        guard let router, let home else { return }
        router.dropSynthetic(home)
        guard !home.isRemoved else { return }
        router.loop.execute { [weak router, weak home] in
            if let router, let home { router.sourcesChanged(home) }
        }
    }
}

extension Router {
    /// What calls and publications say.
    func publishedInputs(of home: UserHome) -> [PresenceInput] {
        var inputs = home.calls
        for publication in home.publications {
            for var input in publication.inputs {
                input.expires = publication.expires
                inputs.append(input)
            }
        }
        return inputs
    }

    /// Calls that another face knows of and that nobody has published. What has not changed is told to nobody.
    public func setCalls(_ inputs: [PresenceInput], of home: UserHome) {
        guard home.calls != inputs else { return }
        home.calls = inputs
        sourcesChanged(home)
    }

    /// Sources other than XMPP clients say something else: XMPP watchers see it in the synthetic resource and, while the
    /// user is on the phone or in a meeting, in every client; watchers outside are told.
    func sourcesChanged(_ home: UserHome) {
        guard !home.isForgotten else { return }
        let inputs = publishedInputs(of: home)
        let composed =
            inputs.isEmpty ? nil : config.presence.composer.compose(inputs, for: .init(), now: time.now)
        if let composed, composed.isOpen { showSynthetic(composed, home) } else { dropSynthetic(home) }
        let isBusyElsewhere = composed.map { $0.state == .onThePhone || $0.state == .inAMeeting } ?? false
        if isBusyElsewhere || home.isBusyElsewhere {
            home.isBusyElsewhere = isBusyElsewhere
            announceAll(home)
        }
        presenceChanged(home)
    }

    private func showSynthetic(_ composed: ComposedPresence, _ home: UserHome) {
        let endpoint: SyntheticEndpoint
        if let known = home.synthetic {
            endpoint = known
        } else {
            var name = SyntheticEndpoint.name
            while home.endpoint(resource: name) != nil { name += "+" }
            endpoint = SyntheticEndpoint(home, resource: name, router: self)
            home.synthetic = endpoint
            home.endpoints.append(endpoint)
        }
        let stanza = Self.stanza(composed, endpoint)
        let before = endpoint.availability
        // A refresh says nothing: then nobody is told.
        if let before, before.stanza.bytes == stanza.bytes { return }
        var availability = Availability(
            priority: -1, show: composed.show.isEmpty ? "available" : composed.show, stanza: stanza)
        availability.since = time.now
        if home.manual?.state == .offline { availability.overlay = .hidden }
        endpoint.availability = availability
        announce(endpoint, home, before: before?.shown)
        tellOwnClients(stanza, from: endpoint, home)
    }

    func dropSynthetic(_ home: UserHome) {
        guard let endpoint = home.synthetic else { return }
        home.synthetic = nil
        let wasShown = endpoint.availability?.shown != nil
        endpoint.availability = nil
        home.endpoints.removeAll { $0 === endpoint }
        pacing.forget(endpoint)
        let goodbye = PresenceStanza(type: "unavailable", from: endpoint.address)
        if wasShown { tellWatchers(goodbye, from: endpoint, home, isGoodbye: true) }
        tellOwnClients(goodbye, from: endpoint, home)
    }

    private static func stanza(_ composed: ComposedPresence, _ endpoint: SyntheticEndpoint) -> PresenceStanza {
        var bytes = Array("<presence from='".utf8)
        bytes += XMLText.escaped(endpoint.address)
        bytes.append(39)
        let gap = bytes.count
        bytes.append(62)
        var content = ""
        if !composed.show.isEmpty { content += "<show>\(composed.show)</show>" }
        let text = composed.words
        if !text.isEmpty { content += "<status>\(XMLText.escape(text))</status>" }
        content += "<priority>-1</priority>"
        // XEP-0319.
        if let idle = composed.idleSince {
            content += "<idle xmlns='urn:xmpp:idle:1' since='\(Timestamp.format(idle))'/>"
        }
        bytes += Array((content + "</presence>").utf8)
        return PresenceStanza(bytes: bytes, gap: gap)
    }
}

extension ComposedPresence {
    /// The note, or what says it where the state has no word of its own in `<show/>`.
    public var words: String {
        if !note.isEmpty { return note }
        switch state {
        case .onThePhone: return "On the phone"
        case .inAMeeting: return "In a meeting"
        case .outOfOffice: return "Out of office"
        case .offline, .doNotDisturb, .busy, .away, .available: return ""
        }
    }
}
