/// Accounts `0 ..< senders` send `messages` stamped messages, numbered from 0, in batches of ten; the answer to a ping
/// behind each batch lets the next one go, so that the server is measured and not the depth of a queue.
final class PacedSending {
    static let batch = 10

    private unowned let fleet: ClientFleet
    private let idPrefix: String
    private let receiver: (Int) -> Int
    private let filling: String
    private var next = 0

    /// - Parameter receiver: account that the message with that number goes to.
    init(_ fleet: ClientFleet, idPrefix: String, receiver: @escaping (Int) -> Int) {
        self.fleet = fleet
        self.idPrefix = idPrefix
        self.receiver = receiver
        filling = String(repeating: ".", count: max(0, fleet.options.bodyBytes - Stamp.length))
    }

    func start() {
        for sender in 0..<fleet.options.senders {
            if let session = fleet.sessions[sender] { sendBatch(session) }
        }
    }

    /// The next batch, if any is left; called again when its ping is answered.
    func sendBatch(_ session: ClientSession) {
        let options = fleet.options
        let end = min(next + Self.batch, options.messages)
        guard next < end else { return }
        for message in next..<end { send(message, session) }
        next = end
        session.sendStanza("<iq type='get' id='pace' to='\(options.domain)'><ping xmlns='urn:xmpp:ping'/></iq>")
    }

    private func send(_ message: Int, _ session: ClientSession) {
        let now = ClientFleet.clock()
        let to = fleet.options.bareJID(receiver(message))
        let head = Array("<message to='\(to)' type='chat' id='\(idPrefix)\(message)'><body>".utf8)
        let tail = Array("\(filling)</body></message>".utf8)
        let stamp = Stamp(sender: session.index, sequence: UInt32(truncatingIfNeeded: message), time: now)
        session.sendStanza(byteCount: head.count + Stamp.length + tail.count, at: now) { target in
            target.copyBytes(from: head)
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[head.count...])
            stamp.write(to: rest, mark: fleet.mark)
            UnsafeMutableRawBufferPointer(rebasing: rest[Stamp.length...]).copyBytes(from: tail)
        }
    }
}
