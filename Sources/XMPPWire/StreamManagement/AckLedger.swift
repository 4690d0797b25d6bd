import DequeModule

/// Which received stanzas are handled, in order: the `h` of XEP-0198 §4.
///
/// A stanza counts once what it caused is durable. Later stanzas may finish earlier; `h` moves only over an
/// unbroken run, so it never covers one that could still be lost.
public struct AckLedger: Sendable {
    /// Stanzas opened since stream management was enabled.
    public private(set) var opened: UInt64 = 0
    /// Length of the unbroken run of handled stanzas.
    public private(set) var handled: UInt64 = 0
    private var waiting: Deque<Bool> = []

    public init() {}

    /// `h` on the wire, modulo 2^32.
    public var h: UInt32 { UInt32(truncatingIfNeeded: handled) }

    /// Stanzas received and not yet covered by `h`.
    public var outstanding: Int { waiting.count }

    /// A stanza arrived; returns its number for `complete`.
    public mutating func open() -> UInt64 {
        waiting.append(false)
        opened += 1
        return opened - 1
    }

    /// A stanza arrived and needs nothing that could be lost.
    public mutating func openHandled() {
        opened += 1
        if waiting.isEmpty { handled += 1 } else { waiting.append(true) }
    }

    /// The stanza of that number is safe. Numbers already covered are ignored.
    public mutating func complete(_ number: UInt64) {
        guard number >= handled, number < opened else { return }
        waiting[Int(number - handled)] = true
        while let first = waiting.first, first {
            waiting.removeFirst()
            handled += 1
        }
    }
}
