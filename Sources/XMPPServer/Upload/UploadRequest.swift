import IMCore
import XMLWire
import XMPPWire

/// Reads requests for slots (XEP-0363 §5), and judges what files are called and what they are.
enum UploadRequest {
    static let namespace = "urn:xmpp:http:upload:0"
    /// Bytes of the longest file name.
    static let filenameBytes = 255

    /// - Throws: `bad-request` for a missing or impossible name, size or type.
    static func read(_ payload: XMLElement) throws(StanzaError) -> FileRequest {
        guard let filename = payload["filename"], isFilename(filename) else {
            throw .badRequest("the file name is missing, longer than \(filenameBytes) bytes, or not a name")
        }
        guard let text = payload["size"], let size = Int(text), size > 0 else {
            throw .badRequest("the size is missing or not a number of bytes")
        }
        var type: String?
        if let text = payload["content-type"], !text.isEmpty {
            guard let known = MediaType.essence(text) else { throw .badRequest("the content type cannot be read") }
            type = known
        }
        return FileRequest(filename: filename, size: size, type: type)
    }

    /// The last part of a path on any system, without characters that nobody sees.
    static func isFilename(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= filenameBytes, text != ".", text != ".." else { return false }
        return text.unicodeScalars.allSatisfy {
            switch $0.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .surrogate: false
            default: $0 != "/" && $0 != "\\"
            }
        }
    }
}

/// Media types (RFC 9110 §8.3.1).
enum MediaType {
    /// When nobody said anything else.
    static let unknown = "application/octet-stream"

    /// What a browser may show by itself: it can do no harm in any of them.
    private static let shown: Set<String> = [
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/heic", "image/bmp", "image/jxl",
        "audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/opus", "audio/wav", "audio/x-wav",
        "audio/webm", "audio/amr", "audio/3gpp", "video/mp4", "video/ogg", "video/webm", "video/quicktime",
        "video/3gpp", "video/x-matroska", "video/mpeg", "text/plain",
    ]
    /// What is named to a browser, but saved and never opened by it.
    private static let saved: Set<String> = [
        "application/pdf", "application/zip", "application/gzip", "application/x-7z-compressed", "application/x-tar",
        "application/json", "application/rtf", "application/msword", "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint", "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.presentation",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/epub+zip",
        "application/vnd.android.package-archive", "text/csv", "text/vcard", "text/calendar",
    ]

    static func isShown(_ type: String) -> Bool { shown.contains(type) }

    /// The `Content-Type` under which a file is given out. HTML, SVG and whatever else may carry programs is plain bytes.
    static func served(_ type: String) -> String {
        guard shown.contains(type) || saved.contains(type) else { return unknown }
        return type.hasPrefix("text/") ? type + "; charset=utf-8" : type
    }

    /// Type and subtype in lower case, parameters dropped. Nil for what is not a media type.
    static func essence(_ text: String) -> String? {
        guard text.utf8.count <= 255, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
        let type = text.prefix { $0 != ";" }.lowercased().trimmed
        let parts = type.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isToken) }) else { return nil }
        return type
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
