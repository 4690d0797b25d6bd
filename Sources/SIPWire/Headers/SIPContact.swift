/// One value of a Contact (RFC 3261 §20.10, RFC 5626 §4.1, RFC 3840).
public struct SIPContact: Sendable {
    public let address: SIPAddress

    public init?(_ text: SIPBytes) {
        guard let address = SIPAddress(text) else { return nil }
        self.address = address
    }

    public var uri: SIPURI { address.uri }
    public var parameters: SIPParameters { address.parameters }
    /// Seconds; what is no number counts as an hour, what is too large as the largest (RFC 3261 §20.10).
    public var expires: UInt32? { parameters["expires"].map { SIPMessage.seconds($0) ?? 3_600 } }
    /// Thousandths, 0 … 1000; 1000 when it is absent or malformed.
    public var q: Int { parameters["q"].flatMap { Self.thousandths($0) } ?? 1_000 }
    /// `+sip.instance` without quotes, with its angle brackets: `<urn:uuid:…>`.
    public var instance: SIPBytes? { parameters["+sip.instance"] }
    /// `reg-id`, 1 … 2^31-1 (RFC 5626 §4.2).
    public var regID: UInt32? {
        parameters["reg-id"].flatMap { $0.integer(UInt32.self) }.flatMap { $0 > 0 && $0 <= 0x7FFF_FFFF ? $0 : nil }
    }
    public var methods: SIPBytes? { parameters["methods"] }

    /// A number of 0 … 1 with at most three digits behind the point.
    public static func thousandths(_ text: SIPBytes) -> Int? {
        guard text.count >= 1, text.count <= 5, text[0] == 0x30 || text[0] == 0x31 else { return nil }
        var value = Int(text[0] - 0x30) * 1_000
        guard text.count > 1 else { return value }
        guard text[1] == 0x2E else { return nil }
        var place = 100
        for index in 2..<text.count {
            let digit = text[index] &- 0x30
            guard digit < 10 else { return nil }
            value += Int(digit) * place
            place /= 10
        }
        return value <= 1_000 ? value : nil
    }
}

/// All Contacts of a message.
public enum SIPContacts: Sendable {
    /// `Contact: *` (RFC 3261 §10.2.2).
    case star
    case list([SIPContact])

    public var list: [SIPContact] {
        if case .list(let contacts) = self { contacts } else { [] }
    }
}
