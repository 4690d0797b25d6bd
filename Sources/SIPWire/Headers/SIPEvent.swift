/// `Event: package;id=…` (RFC 6665 §8.4); also any other token with parameters, such as Subscription-State or Content-Disposition.
public struct SIPEvent: Sendable {
    /// The package with its templates: `presence.winfo`. Compared without regard to case only where the RFC says so.
    public let package: SIPBytes
    public let parameters: SIPParameters

    public init?(_ text: SIPBytes) {
        var cursor = Cursor(text)
        cursor.skipBlanks()
        guard let package = cursor.token() else { return nil }
        let from = cursor.index
        guard cursor.parameters() else { return nil }
        self.package = package
        parameters = SIPParameters(text.part(from, text.count))
    }

    public var id: SIPBytes? { parameters["id"] }
}

/// `Subscription-State: active;expires=…` (RFC 6665 §8.2.3).
public struct SIPSubscriptionState: Sendable {
    public let state: SIPBytes
    public let parameters: SIPParameters

    public init?(_ text: SIPBytes) {
        guard let event = SIPEvent(text) else { return nil }
        state = event.package
        parameters = event.parameters
    }

    public var isActive: Bool { state.matches("active") }
    public var isPending: Bool { state.matches("pending") }
    public var isTerminated: Bool { state.matches("terminated") }
    public var expires: UInt32? { parameters["expires"].flatMap { SIPMessage.seconds($0) } }
    public var reason: SIPBytes? { parameters["reason"] }
    public var retryAfter: UInt32? { parameters["retry-after"].flatMap { SIPMessage.seconds($0) } }
}

/// `type/subtype;parameters`, as in Content-Type and one value of Accept.
public struct SIPMediaType: Sendable {
    /// `type/subtype` as written.
    public let name: SIPBytes
    public let parameters: SIPParameters
    private let slash: Int

    public init?(_ text: SIPBytes) {
        var cursor = Cursor(text)
        cursor.skipBlanks()
        let from = cursor.index
        guard let type = cursor.token() else { return nil }
        let typeEnd = cursor.index
        guard cursor.takeSpaced(0x2F) else { return nil }
        let subtypeStart = cursor.index
        guard let subtype = cursor.token() else { return nil }
        let end = cursor.index
        guard cursor.parameters() else { return nil }
        if subtypeStart == typeEnd + 1 {
            name = text.part(from, end)
        } else {
            name = SIPBytes(type.array + [0x2F] + subtype.array)
        }
        slash = type.count
        parameters = SIPParameters(text.part(end, text.count))
    }

    public var type: SIPBytes { name.part(0, slash) }
    public var subtype: SIPBytes { name.part(slash + 1, name.count) }
    public var charset: SIPBytes? { parameters["charset"] }
    public var boundary: SIPBytes? { parameters["boundary"] }

    /// - Parameter lowered: `type/subtype` in lower case.
    public func matches(_ lowered: StaticString) -> Bool { name.matches(lowered) }
}

/// Accept: which types the peer reads (RFC 3261 §20.1).
public struct SIPAcceptList: Sendable {
    private let items: SIPItems
    /// Without the header anything may be sent that the document at hand makes the default.
    public let isPresent: Bool

    public init(_ message: SIPMessage) {
        items = message.all(.accept)
        isPresent = message.has(.accept)
    }

    /// Whether the type is listed, by itself or through a wildcard, with a weight above 0.
    /// - Parameter name: `type/subtype` in lower case.
    public func accepts(_ name: StaticString) -> Bool {
        let wanted = SIPBytes(name)
        let slash = wanted.firstIndex(of: 0x2F) ?? wanted.count
        for item in items {
            guard let type = SIPMediaType(item), type.parameters["q"].map({ SIPContact.thousandths($0) != 0 }) ?? true
            else { continue }
            if type.matches(name) || type.name.equals("*/*") { return true }
            if type.subtype.equals("*"), type.type.matches(wanted.part(0, slash)) { return true }
        }
        return false
    }
}
