/// A neighbour that needs no digest, such as a call manager; bound to addresses or a certificate.
public final class SIPTrunk: Sendable {
    public let name: String

    public init(name: String) { self.name = name }
}
