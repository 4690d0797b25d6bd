import Ground
import XMLWire
import XMPPWire

/// Statuses set by hand, and what becomes of the presence of clients under one (docs/decisions/0011).
extension Router {
    // MARK: Sources

    /// Everything known about a user.
    public func presenceInputs(of home: UserHome) -> [PresenceInput] {
        var inputs: [PresenceInput] = []
        if let manual = home.manual {
            inputs.append(
                PresenceInput(
                    source: .manual, state: .manual(manual.state), since: manual.since, expires: manual.until,
                    note: manual.note))
        }
        if !home.publications.isEmpty || !home.calls.isEmpty { inputs += publishedInputs(of: home) }
        for endpoint in home.endpoints {
            guard let availability = endpoint.availability, endpoint !== home.synthetic else { continue }
            inputs.append(Self.input(endpoint.resource, availability))
        }
        return inputs
    }

    public func composedPresence(
        of home: UserHome, for watcher: PresenceComposer.Watcher = PresenceComposer.Watcher()
    ) -> ComposedPresence {
        config.presence.composer.compose(presenceInputs(of: home), for: watcher, now: time.now)
    }

    /// Status text and idle time (XEP-0319) are read when somebody wants to know.
    static func input(_ resource: String, _ availability: Availability) -> PresenceInput {
        let stanza = XMLElement(stored: availability.stanza.bytes)
        let idle = stanza?.child("idle", namespace: "urn:xmpp:idle:1")?["since"].flatMap { Timestamp.parse($0)?.floor }
        return PresenceInput(
            source: .client(resource),
            state: .client(
                PresenceInput.Show(rawValue: availability.show) ?? .available, priority: availability.priority,
                idleSince: idle, isMobile: false, isPresenting: false),
            since: availability.since,
            note: stanza?.child("status", namespace: StanzaNamespace.client)?.text ?? "")
    }

    // MARK: What watchers see

    /// Works out anew what watchers see of every client of a user, and tells them what is different.
    ///
    /// - Parameters:
    ///   - changed: a client that has just said something else.
    ///   - before: what watchers saw of that one.
    func announceAll(_ home: UserHome, changed: (any Endpoint)? = nil, before: PresenceStanza? = nil) {
        if home.manual?.isOver(time.now) == true { forgetStatus(home) }
        let composed = home.manual == nil && !home.isBusyElsewhere ? nil : composedPresence(of: home)
        if home.manual?.until != nil { endingStatuses[ObjectIdentifier(home)] = home }
        for endpoint in home.endpoints {
            guard var availability = endpoint.availability else { continue }
            let seen = endpoint === changed ? before : availability.shown
            availability.overlay = Self.overlay(availability, home.manual, composed)
            endpoint.availability = availability
            announce(endpoint, home, before: seen)
        }
    }

    /// Every client shows what all sources come to, so that it does not matter which one a watcher's software picks.
    /// A client of negative priority, which takes no part in that, stays as it is unless the user is invisible.
    static func overlay(
        _ availability: Availability, _ manual: ManualPresence?, _ composed: ComposedPresence?
    ) -> Availability.Overlay {
        guard let composed else { return .none }
        if manual?.state == .offline { return .hidden }
        // Without a status by hand only what no client knows of: a call, a meeting.
        let isElsewhere = composed.state == .onThePhone || composed.state == .inAMeeting
        guard manual != nil || isElsewhere else { return .none }
        guard availability.priority >= 0, composed.isOpen, var element = XMLElement(stored: availability.stanza.bytes)
        else { return .none }
        element.removeChildren("show")
        var added: [XMLElement.Node] = []
        if !composed.show.isEmpty {
            added.append(
                .element(XMLElement("show", namespace: StanzaNamespace.client, children: [.text(composed.show)])))
        }
        let words = composed.words
        if !words.isEmpty {
            element.removeChildren("status")
            added.append(
                .element(XMLElement("status", namespace: StanzaNamespace.client, children: [.text(words)])))
        }
        element.children.insert(contentsOf: added, at: 0)
        return .rewritten(PresenceStanza(bytes: element.stanzaBytes, gap: "<presence".utf8.count))
    }

    // MARK: Setting it

    /// Sets or removes (nil) a status by hand; it is there when `completion` runs.
    public func setManualPresence(
        _ presence: ManualPresence?, of home: UserHome, completion: @escaping (StanzaError?) -> Void = { _ in }
    ) {
        let userID = home.id
        persist(home) {
            try ManualPresenceStore.save(presence, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            // XEP-0012: who disappears was last here now.
            if presence?.state == .offline, home.isShown { saveLastSeen(home) }
            home.manual = presence
            endingStatuses[ObjectIdentifier(home)] = nil
            announceAll(home)
            presenceChanged(home)
            whenManualPresenceChanged?(home)
            completion(nil)
        }
    }

    /// Once a second: statuses whose time is up.
    func endStatuses() {
        let now = time.now
        for (id, home) in endingStatuses {
            guard !home.isForgotten, !home.endpoints.isEmpty, home.manual?.until != nil else {
                endingStatuses[id] = nil
                continue
            }
            guard home.manual?.isOver(now) == true else { continue }
            forgetStatus(home)
            announceAll(home)
            presenceChanged(home)
        }
    }

    private func forgetStatus(_ home: UserHome) {
        endingStatuses[ObjectIdentifier(home)] = nil
        home.manual = nil
        let userID = home.id
        persist(home) { try ManualPresenceStore.save(nil, of: userID, in: $0) }
        whenManualPresenceChanged?(home)
    }
}
