import IMCore
import Interworking
import SIPWire
import XMPPWire

/// The sender of one MESSAGE towards the core: what the core says becomes the answer.
final class PendingMessage: StanzaSource {
    let address: [UInt8]
    let resource: String
    /// Prepared bare address.
    var recipient: [UInt8]
    private let request: IncomingRequest
    private unowned let handler: MessageHandler

    init(
        _ request: IncomingRequest, address: [UInt8], resource: String, recipient: [UInt8], handler: MessageHandler
    ) {
        self.request = request
        self.address = address
        self.resource = resource
        self.recipient = recipient
        self.handler = handler
    }

    /// Stored or delivered, whatever comes: 202 where nobody was there to take it (RFC 3428 §7).
    func stanzaIsSafe(_ number: UInt64) {
        guard !request.isAnswered else { return }
        let home = recipient.withUnsafeBytes { handler.router.homes.loaded($0) }
        let isThere = home?.endpoints.contains { $0.isReachable } ?? false
        request.respond(isThere ? .ok : .accepted)
    }

    /// An error stanza; nothing else comes here.
    func deliver(_ bytes: [UInt8]) {
        guard !request.isAnswered, let stanza = handler.reader.read(bytes), let condition = stanza.errorCondition
        else { return }
        let text = stanza.errorText ?? ""
        handler.refuse(request, Self.original(text) ?? status(of: condition), text)
    }

    /// What a contact on SIP has refused comes back as it said it (`ErrorMapping.error`).
    private static func original(_ text: String) -> SIPStatus? {
        guard text.hasPrefix("SIP "), let code = Int(text.dropFirst(4).prefix(3)), (400..<700).contains(code) else {
            return nil
        }
        // What it wants of a client of its own is no affair of the sender's.
        return code == 401 || code == 407 ? nil : SIPStatus(code)
    }

    /// No account, an account that blocks the sender, and one that is offline and keeps nothing come as the same
    /// condition; the first two must look alike (XEP-0191 §3.1), the third says so.
    private func status(of condition: StanzaError.Condition) -> SIPStatus {
        switch condition {
        case .serviceUnavailable:
            let home = recipient.withUnsafeBytes { handler.router.homes.loaded($0) }
            guard let home, let sender = try? JID(parsing: String(decoding: address, as: UTF8.self)),
                !home.blocks(sender, .message)
            else { return .notFound }
            return .temporarilyUnavailable
        default: return ErrorMapping.status(of: condition)
        }
    }
}
