import Crypto
import NIOCore

/// One file of the page, as it goes out.
struct WebChatAsset: Sendable {
    let type: String
    let body: ByteBuffer
    /// Quoted, of the content (RFC 9110 §8.8.3).
    let tag: String

    init(_ bytes: [UInt8], _ type: String) {
        self.type = type
        body = ByteBuffer(bytes: bytes)
        let digits = SHA256.hash(data: bytes).prefix(12).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        tag = "\"\(digits.joined())\""
    }
}

/// The files of the page, compiled into the program. A language is one catalogue and one line here.
enum WebChatAssets {
    /// Language and its texts; the first one is for everybody who speaks none of them.
    static let catalogues: [(language: String, texts: [UInt8])] = [
        ("en", PackageResources.texts_en_json),
        ("ja", PackageResources.texts_ja_json),
    ]

    /// By name below the path of the mount; the empty name is the page itself.
    static let all: [String: WebChatAsset] = {
        let script = "text/javascript; charset=utf-8"
        var assets: [String: WebChatAsset] = [
            "": WebChatAsset(PackageResources.index_html, "text/html; charset=utf-8"),
            "chat.css": WebChatAsset(PackageResources.chat_css, "text/css; charset=utf-8"),
            "icon.svg": WebChatAsset(PackageResources.icon_svg, "image/svg+xml"),
            "app.js": WebChatAsset(PackageResources.app_js, script),
            "connection.js": WebChatAsset(PackageResources.connection_js, script),
            "contacts.js": WebChatAsset(PackageResources.contacts_js, script),
            "conversation.js": WebChatAsset(PackageResources.conversation_js, script),
            "dialogs.js": WebChatAsset(PackageResources.dialogs_js, script),
            "dom.js": WebChatAsset(PackageResources.dom_js, script),
            "history.js": WebChatAsset(PackageResources.history_js, script),
            "login.js": WebChatAsset(PackageResources.login_js, script),
            "memory.js": WebChatAsset(PackageResources.memory_js, script),
            "messages.js": WebChatAsset(PackageResources.messages_js, script),
            "roster.js": WebChatAsset(PackageResources.roster_js, script),
            "session.js": WebChatAsset(PackageResources.session_js, script),
            "sasl.js": WebChatAsset(PackageResources.sasl_js, script),
            "signin.js": WebChatAsset(PackageResources.signin_js, script),
            "texts.js": WebChatAsset(PackageResources.texts_js, script),
            "xml.js": WebChatAsset(PackageResources.xml_js, script),
        ]
        for catalogue in catalogues {
            assets["texts/\(catalogue.language).json"] = WebChatAsset(catalogue.texts, "application/json")
        }
        return assets
    }()
}
