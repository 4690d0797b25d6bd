import XMPPWire

/// Several writes that one answer waits for. Confined to one event loop.
final class Steps {
    /// One for whoever makes them, who ends it when all have begun.
    private var open = 1
    private var error: StanzaError?
    private let completion: (StanzaError?) -> Void

    /// - Parameter completion: runs once, when every step that began has ended, with the first failure if there was
    ///   one.
    init(_ completion: @escaping (StanzaError?) -> Void) { self.completion = completion }

    func begin() { open += 1 }

    func end() {
        open -= 1
        if open == 0 { completion(error) }
    }

    func fail(_ failure: StanzaError) {
        error = error ?? failure
        end()
    }
}
