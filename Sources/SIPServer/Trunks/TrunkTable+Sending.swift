import SIPWire
import XMPPWire

// Requests of ours to other domains.

extension TrunkTable {
    /// The trunk that leads to a domain; nil where none does.
    ///
    /// - Parameter name: prepared; in Unicode letters it is asked for by its A-labels.
    public func trunk(toDomain name: String) -> SIPTrunk? {
        guard !trunks.isEmpty, let uri = SIPURI("sip:" + JID.asciiDomain(name)) else { return nil }
        return route(of: uri, isOwnDomain: false)
    }

    /// Sends a request over the trunk that leads to a domain, to its servers in turn.
    func send(_ request: OutgoingRequest, toDomain name: String, completion: @escaping (SIPOutcome) -> Void) {
        guard let trunk = trunk(toDomain: name) else { return server.loop.execute { completion(.unreachable) } }
        trunk.requestsOut += 1
        send(request, trunk, trunk.ordered[...], completion)
    }

    private func send(
        _ request: OutgoingRequest, _ trunk: SIPTrunk, _ destinations: ArraySlice<SIPURI>,
        _ completion: @escaping (SIPOutcome) -> Void
    ) {
        guard let destination = destinations.first else { return server.loop.execute { completion(.unreachable) } }
        var client: ClientTransaction?
        client = server.send(request, to: .uri(destination)) { [weak self] outcome in
            let problem = client?.problem ?? ""
            client = nil
            let failure: SIPStatus?
            var rest: UInt32?
            switch outcome {
            case .response(let response):
                failure = response.status == .serviceUnavailable ? response.status : nil
                rest = response.retryAfter
            case .timeout: failure = .requestTimeout
            case .unreachable: failure = .flowFailed
            case .tooLarge: return completion(outcome)
            }
            guard let failure else {
                trunk.answered(destination)
                return completion(outcome)
            }
            trunk.failed(destination, failure, problem: problem, retryAfter: rest)
            let others = destinations.dropFirst()
            guard let self, !others.isEmpty else { return completion(outcome) }
            send(request, trunk, others, completion)
        }
    }
}
