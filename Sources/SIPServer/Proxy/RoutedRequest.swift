import SIPWire

/// Where a request says that it wants to go, once our own part of its route is taken off (RFC 3261 §16.4).
struct RoutedRequest {
    /// Where it goes in the end.
    var uri: SIPURI
    /// Values of Route that are left, top first.
    var routes: [SIPAddress]
    /// What our last Route value says; nil when there was none, or none that we wrote for this dialog.
    var token: FlowTokens.Content?

    /// Nil when there is no Request-URI.
    ///
    /// - Parameter isUs: whether a URI names this server.
    init?(_ message: SIPMessage, tokens: FlowTokens, isUs: (SIPURI) -> Bool) {
        guard var target = message.requestURI else { return nil }
        var routes = message.has(.route) ? message.routes : []
        let callID = message.callID
        // A strict router before us has put our Record-Route into the Request-URI, and what was there to the end.
        if let last = routes.last, target.isLooseRouter, let user = target.user,
            let content = tokens.read(user, callID: callID), isUs(target)
        {
            token = content
            target = last.uri
            routes.removeLast()
        }
        while let first = routes.first, isUs(first.uri) {
            if let user = first.uri.user, let content = tokens.read(user, callID: callID) { token = content }
            routes.removeFirst()
        }
        uri = target
        self.routes = routes
    }
}
