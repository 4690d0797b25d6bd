import SIPWire

/// Our end of a subscription of ours (RFC 6665 §4.1): what SUBSCRIBE requests carry, and which NOTIFY belong to it.
struct SubscriberDialog {
    private(set) var callID = SIPBytes.empty
    private(set) var localTag = SIPBytes.empty
    /// Nil as long as nobody has answered.
    private(set) var remoteTag: SIPBytes?
    private(set) var remoteTarget: SIPBytes?
    /// Values of Route, top first.
    private(set) var routes: [SIPBytes] = []
    private(set) var cseq: UInt32 = 0
    private(set) var remoteCSeq: UInt32 = 0
    /// A NOTIFY has come: it says who the other end is, whatever the answer to SUBSCRIBE said (RFC 6665 §4.1.2.4).
    private(set) var isNotified = false

    /// Most of a route set that is kept.
    static let routeLimit = 16

    /// A dialog of its own: nothing of the one before is in it.
    mutating func begin() {
        self = SubscriberDialog()
        callID = SIPBytes(HexText.digits(.random(in: 0 ... .max)) + HexText.digits(.random(in: 0 ... .max)))
        localTag = SIPBytes(HexText.digits(.random(in: 0 ... .max)))
    }

    /// The next SUBSCRIBE for `presence`.
    ///
    /// - Parameters:
    ///   - uri: whom it is about.
    ///   - from: who watches.
    ///   - contact: where NOTIFY is to come, with its brackets.
    mutating func subscribe(_ uri: SIPBytes, from: SIPBytes, contact: String, seconds: Int64) -> OutgoingRequest {
        cseq &+= 1
        var builder = SIPRequestBuilder(.subscribe, remoteTarget ?? uri)
        for route in routes { builder.add(.route, route) }
        builder.add(.maxForwards, number: 70)
        builder.addParty(.from, uri: from, tag: localTag)
        builder.addParty(.to, uri: uri, tag: remoteTag)
        builder.add(.callID, callID)
        builder.addCSeq(cseq, .subscribe)
        builder.add(.contact, text: contact)
        builder.add(.event, "presence")
        builder.add(.accept, "application/pidf+xml")
        builder.add(.expires, number: Int(seconds))
        return OutgoingRequest(method: .subscribe, bytes: builder.finish())
    }

    /// A 2xx to SUBSCRIBE. Where the request forked, the first NOTIFY has decided who is meant (RFC 3856 §6.9).
    mutating func accepted(_ response: SIPMessage) {
        let tag = response.toTag
        guard !isNotified || remoteTag == tag else { return }
        remoteTag = tag.detached
        remoteTarget = response.contact?.uri.text.detached ?? remoteTarget
        // From the last to the first (RFC 3261 §12.1.2).
        routes = response.all(.recordRoute).reversed().prefix(Self.routeLimit).map(\.detached)
    }

    /// A NOTIFY of the dialog; it may come before the answer to SUBSCRIBE.
    ///
    /// - Returns: nil when it is in order, else the status that refuses it.
    mutating func took(_ notify: SIPMessage) -> SIPStatus? {
        if remoteTag != notify.fromTag {
            guard !isNotified else { return .callDoesNotExist }
            remoteTag = notify.fromTag.detached
            routes = notify.all(.recordRoute).prefix(Self.routeLimit).map(\.detached)
        }
        isNotified = true
        guard notify.cseqNumber > remoteCSeq else { return .serverInternalError }
        remoteCSeq = notify.cseqNumber
        if let contact = notify.contact { remoteTarget = contact.uri.text.detached }
        return nil
    }

    /// Takes up a dialog that the store has. Its numbers go on behind whatever was sent before it was written.
    mutating func resume(
        callID: [UInt8], localTag: [UInt8], remoteTag: [UInt8], remoteTarget: [UInt8], routes: [[UInt8]], cseq: Int64,
        remoteCSeq: Int64
    ) {
        self.callID = SIPBytes(callID)
        self.localTag = SIPBytes(localTag)
        self.remoteTag = remoteTag.isEmpty ? nil : SIPBytes(remoteTag)
        self.remoteTarget = remoteTarget.isEmpty ? nil : SIPBytes(remoteTarget)
        self.routes = routes.prefix(Self.routeLimit).map { SIPBytes($0) }
        self.cseq = UInt32(clamping: cseq) &+ 1_000
        self.remoteCSeq = UInt32(clamping: remoteCSeq)
        isNotified = true
    }
}

extension SIPServer {
    /// Contact of requests of ours that begin a dialog: a name or address of ours that others reach, and the port of the
    /// same transport.
    func contact(toward destination: SIPURI) -> String {
        let bound = udpLinks.first?.bound
        let isWild = bound.map { $0.host == "0.0.0.0" || $0.host == "[::]" } ?? true
        let host =
            config.advertisedHost ?? config.hostNames.first ?? (isWild ? nil : bound?.host) ?? config.domains.first
            ?? "localhost"
        let transport = destination.transport ?? (destination.isSecure ? .tls : .udp)
        let port: UInt16?
        switch transport {
        case .tcp: port = ports.tcp
        case .tls: port = ports.tls
        default: port = bound?.port
        }
        return "<sip:\(host)\(port.map { ":\($0)" } ?? "");transport=\(transport.parameterName)>"
    }
}
