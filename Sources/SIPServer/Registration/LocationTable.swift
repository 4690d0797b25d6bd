import XMPPWire

/// Where users can be reached: the bindings that their clients have registered.
public final class LocationTable {
    /// Called with users whose bindings have changed.
    public var whenChanged: [(JID) -> Void] = []

    public init() {}

    /// By falling preference.
    public func bindings(of user: JID) -> [Binding] { [] }
}
