import Foundation

/// What the web chat is told about the deployment; public to everybody who can reach the page.
public struct WebChatSettings: Sendable, Equatable {
    /// One served domain and what its policy asks of clients.
    public struct Domain: Sendable, Equatable, Encodable {
        public var name: String
        /// Clients may show and keep messages of earlier sessions.
        public var allowsHistory: Bool
        /// Clients may let people copy text out of messages.
        public var allowsCutAndPaste: Bool

        public init(name: String, allowsHistory: Bool = true, allowsCutAndPaste: Bool = true) {
            self.name = name
            self.allowsHistory = allowsHistory
            self.allowsCutAndPaste = allowsCutAndPaste
        }

        enum CodingKeys: String, CodingKey {
            case name
            case allowsHistory = "allow_history"
            case allowsCutAndPaste = "allow_cut_paste"
        }
    }

    /// The page is served at all.
    public var isOn: Bool
    public var domains: [Domain]
    /// Shown before signing in; empty for none.
    public var banner: String
    /// Port of the listener with TLS, for people who came without; nil when there is none.
    public var httpsPort: Int?
    public var version: String

    public init(isOn: Bool, domains: [Domain], banner: String = "", httpsPort: Int? = nil, version: String) {
        self.isOn = isOn
        self.domains = domains
        self.banner = banner
        self.httpsPort = httpsPort
        self.version = version
    }
}

/// `/chat/config.json`, docs/web-chat.md.
struct WebChatConfiguration: Encodable {
    var domains: [WebChatSettings.Domain]
    var banner: String
    var httpsPort: Int?
    var version: String
    /// Languages of the catalogues, the first one for everybody who speaks none of them.
    var languages: [String]
    /// Address of XMPP over WebSocket, relative to the page.
    var webSocket = "/xmpp-websocket"

    enum CodingKeys: String, CodingKey {
        case domains, banner, version, languages
        case httpsPort = "https_port"
        case webSocket = "websocket"
    }

    init(_ settings: WebChatSettings, languages: [String]) {
        domains = settings.domains
        banner = settings.banner
        httpsPort = settings.httpsPort
        version = settings.version
        self.languages = languages
    }

    func json() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings, numbers and truth values always encode.
        return (try? encoder.encode(self)).map { Array($0) } ?? Array("{}".utf8)
    }
}
