import SIPWire

/// Who sent a request.
final class SIPAuthentication {
    private unowned let server: SIPServer

    init(server: SIPServer) { self.server = server }

    func credentialsChanged() {}
    func reconfigured() {}
    func tick(_ uptime: Int64) {}

    func admit(_ request: IncomingRequest, inDialog: Bool, _ body: @escaping (IncomingRequest) -> Void) {
        body(request)
    }
}
