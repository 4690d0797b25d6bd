extension SIPMessage {
    /// The topmost Via; nil when it is missing or malformed.
    public var topVia: SIPVia? { all(.via).first.flatMap { SIPVia($0) } }
    /// Where in the message a run of its own bytes ends; nil for bytes from elsewhere.
    public func offset(after part: SIPBytes) -> Int? {
        let end = part.start + part.count - UnsafePointer(storage)
        return end >= 0 && end <= count ? end : nil
    }
    public var vias: [SIPVia] { all(.via).compactMap { SIPVia($0) } }
    /// The host of the topmost Via, as written.
    public var viaHost: SIPBytes { part(viaPlaces.host) }
    /// The branch of the topmost Via; empty when it has none.
    public var branch: SIPBytes { part(branchRange) }
    public var from: SIPAddress? { checkedFrom?.owned(by: self) }
    public var to: SIPAddress? { checkedTo?.owned(by: self) }
    /// Empty when there is none.
    public var fromTag: SIPBytes { part(fromTagRange) }
    /// Empty when there is none.
    public var toTag: SIPBytes { part(toTagRange) }
    public var callID: SIPBytes { first(.callID) ?? .empty }
    public var cseq: SIPCSeq? { first(.cseq).flatMap { SIPCSeq($0) } }
    /// nil when it is absent.
    public var maxForwards: UInt8? { first(.maxForwards)?.integer(UInt8.self) }
    /// Seconds; nil when it is absent or no number, the largest number when it is larger.
    public var expires: UInt32? { first(.expires).flatMap { Self.seconds($0) } }
    public var minExpires: UInt32? { first(.minExpires).flatMap { Self.seconds($0) } }
    /// Without the comment and parameters that may follow.
    public var retryAfter: UInt32? {
        first(.retryAfter).flatMap { value in
            var cursor = Cursor(value)
            return Self.seconds(cursor.run(Lexical.digit))
        }
    }
    public var event: SIPEvent? { first(.event).flatMap { SIPEvent($0) } }
    public var subscriptionState: SIPSubscriptionState? {
        first(.subscriptionState).flatMap { SIPSubscriptionState($0) }
    }
    public var contentType: SIPMediaType? { first(.contentType).flatMap { SIPMediaType($0) } }
    public var accept: SIPAcceptList { SIPAcceptList(self) }
    public var routes: [SIPAddress] { all(.route).compactMap { SIPAddress($0) } }
    public var recordRoutes: [SIPAddress] { all(.recordRoute).compactMap { SIPAddress($0) } }
    public var paths: [SIPAddress] { all(.path).compactMap { SIPAddress($0) } }

    /// nil when there is none.
    public var contacts: SIPContacts? {
        guard has(.contact) else { return nil }
        var list: [SIPContact] = []
        for item in all(.contact) {
            if item.equals("*") { return .star }
            if let contact = SIPContact(item) { list.append(contact) }
        }
        return .list(list)
    }

    /// The first Contact that is an address.
    public var contact: SIPContact? { all(.contact).first.flatMap { SIPContact($0) } }

    /// Whether Supported lists the option.
    /// - Parameter option: in lower case.
    public func supports(_ option: StaticString) -> Bool { has(.supported) && bareAll(.supported).contains(option) }

    /// Whether Require lists the option.
    /// - Parameter option: in lower case.
    public func requires(_ option: StaticString) -> Bool { has(.require) && bareAll(.require).contains(option) }

    /// A number of seconds; what is too large is the largest (RFC 3261 §20.19), what is no number nil.
    public static func seconds(_ text: SIPBytes) -> UInt32? {
        guard Lexical.all(text, Lexical.digit) else { return nil }
        return text.integer(UInt32.self) ?? .max
    }
}
