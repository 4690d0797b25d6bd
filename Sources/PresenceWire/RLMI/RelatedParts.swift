/// A `multipart/related` body (RFC 2387) as resource lists use it (RFC 4662 §5.4).
public struct RelatedParts: Sendable, Equatable {
    public struct Part: Sendable, Equatable {
        /// Without brackets.
        public var contentID: String
        public var mediaType: String
        public var body: [UInt8]

        public init(contentID: String, mediaType: String, body: [UInt8]) {
            self.contentID = contentID
            self.mediaType = mediaType
            self.body = body
        }
    }

    public var boundary: String
    /// The first is the root.
    public var parts: [Part]

    public init(boundary: String, parts: [Part]) {
        self.boundary = boundary
        self.parts = parts
    }

    /// Value of the Content-Type header.
    public var contentType: String {
        guard let root = parts.first else { return "multipart/related" }
        return "multipart/related;type=\"\(root.mediaType)\";start=\"<\(root.contentID)>\";boundary=\"\(boundary)\""
    }

    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(parts.reduce(64) { $0 + $1.body.count + 200 })
        for part in parts {
            result += Array("--\(boundary)\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <".utf8)
            result += Array("\(part.contentID)>\r\nContent-Type: \(part.mediaType);charset=\"UTF-8\"\r\n\r\n".utf8)
            result += part.body
            result += [13, 10]
        }
        result += Array("--\(boundary)--\r\n".utf8)
        return result
    }

    /// Reads at most 1,000 parts; nil for what is no such body.
    public init?(parsing body: [UInt8], boundary: String) {
        self.init(boundary: boundary, parts: [])
        let mark = Array("--\(boundary)".utf8)
        guard !boundary.isEmpty, boundary.utf8.count <= 70, var at = Self.find(mark, in: body, from: 0) else {
            return nil
        }
        while parts.count < 1_000 {
            at += mark.count
            if at + 1 < body.count, body[at] == 45, body[at + 1] == 45 { return }
            guard let end = Self.find(mark, in: body, from: at) else { return nil }
            guard let part = Self.part(body[at..<end]) else { return nil }
            parts.append(part)
            at = end
        }
        return nil
    }

    private static func part(_ bytes: ArraySlice<UInt8>) -> Part? {
        let whole = Array(bytes)
        guard let blank = find([13, 10, 13, 10], in: whole, from: 0) else { return nil }
        var part = Part(contentID: "", mediaType: "text/plain", body: [])
        for line in whole[..<blank].split(whereSeparator: { $0 == 13 || $0 == 10 }) {
            guard let colon = line.firstIndex(of: 58) else { continue }
            let value = String(decoding: line[(colon + 1)...].drop { $0 == 32 }, as: UTF8.self)
            switch String(decoding: line[..<colon], as: UTF8.self).lowercased() {
            case "content-id": part.contentID = String(value.filter { $0 != "<" && $0 != ">" })
            case "content-type":
                part.mediaType = String(value.split(separator: ";").first ?? "").lowercased().filter { $0 != " " }
            default: break
            }
        }
        var content = whole[(blank + 4)...]
        if content.suffix(2) == [13, 10] { content = content.dropLast(2) }
        part.body = Array(content)
        return part
    }

    private static func find(_ needle: [UInt8], in bytes: [UInt8], from: Int) -> Int? {
        guard bytes.count >= needle.count, from <= bytes.count - needle.count else { return nil }
        for index in from...(bytes.count - needle.count) where bytes[index] == needle[0] {
            if bytes[index..<(index + needle.count)].elementsEqual(needle) { return index }
        }
        return nil
    }
}
