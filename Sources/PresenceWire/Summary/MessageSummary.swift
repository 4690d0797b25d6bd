/// What waits for somebody (RFC 3842, `application/simple-message-summary`).
public struct MessageSummary: Sendable, Equatable {
    public static let mediaType = "application/simple-message-summary"

    /// Address where the messages are; empty for none.
    public var account: String
    public var unread: Int
    public var read: Int

    public init(account: String, unread: Int, read: Int = 0) {
        self.account = account
        self.unread = unread
        self.read = read
    }

    /// Text messages wait, not voice mail: the context class is `text-message` (RFC 3458 §6.1).
    public var bytes: [UInt8] {
        var text = "Messages-Waiting: \(unread > 0 ? "yes" : "no")\r\n"
        if !account.isEmpty { text += "Message-Account: \(account)\r\n" }
        text += "text-message: \(unread)/\(read)\r\n"
        return Array(text.utf8)
    }

    /// Nil for what is no summary.
    public init?(parsing body: some Sequence<UInt8>) {
        self.init(account: "", unread: 0)
        var isWaiting: Bool?
        let bytes = Array(body)
        guard bytes.count <= 16_384 else { return nil }
        for line in bytes.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased().filter { $0 != " " }
            let value = String(decoding: line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }, as: UTF8.self)
            switch name {
            case "messages-waiting": isWaiting = value.lowercased() == "yes"
            case "message-account": account = value
            case "text-message":
                let counts = value.split(separator: " ").first?.split(separator: "/").compactMap { Int($0) } ?? []
                guard counts.count == 2, counts[0] >= 0, counts[1] >= 0 else { return nil }
                (unread, read) = (counts[0], counts[1])
            default: break
            }
        }
        guard isWaiting != nil else { return nil }
    }
}
