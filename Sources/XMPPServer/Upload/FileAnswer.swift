import IMCore
import NIOHTTP1

/// What a request for a file is answered with, as far as it does not need the file: conditions, ranges, headers.
struct FileAnswer {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    /// The part of the file that is sent; nil for none.
    var range: Range<Int>?

    /// RFC 9110 §13, §14. A request for several ranges gets the whole file, which is allowed.
    ///
    /// - Parameter isHead: ranges are for GET alone (§14.2).
    init(_ file: FileRecord, to request: HTTPHeaders, isHead: Bool = false) {
        let tag = Self.tag(file)
        headers = [
            "etag": tag, "accept-ranges": "bytes",
            // A file never changes; whether it is still there is asked again after a day.
            "cache-control": "private, max-age=86400, immutable",
            "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
            "content-type": MediaType.served(file.type), "content-disposition": Self.disposition(file),
        ]
        status = .ok
        range = 0..<file.size
        if request[canonicalForm: "if-none-match"].contains(where: { $0 == "*" || $0 == tag || $0 == "W/" + tag }) {
            status = .notModified
            range = nil
            return
        }
        guard !isHead, let text = request.first(name: "range"),
            request.first(name: "if-range").map({ $0 == tag }) ?? true
        else { return }
        switch ByteRange(text, of: file.size) {
        case .whole: break
        case .part(let part):
            status = .partialContent
            range = part
            headers.add(
                name: "content-range", value: "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)")
        case .unsatisfiable:
            status = .rangeNotSatisfiable
            range = nil
            headers = ["content-range": "bytes */\(file.size)", "accept-ranges": "bytes"]
        }
    }

    static func tag(_ file: FileRecord) -> String {
        "\"\(String(file.storedAt, radix: 16))-\(String(file.size, radix: 16))\""
    }

    /// RFC 6266 §4; the plain name is for those who do not know the other.
    static func disposition(_ file: FileRecord) -> String {
        let plain = String(
            file.filename.unicodeScalars.map {
                $0.isASCII && $0.value >= 0x20 && $0 != "\"" && $0 != "\\" && $0 != "%" && $0.value != 0x7F
                    ? Character($0) : "_"
            })
        return (MediaType.isShown(file.type) ? "inline" : "attachment")
            + "; filename=\"\(plain)\"; filename*=UTF-8''\(UploadAddress.encoded(file.filename))"
    }
}

/// The field `Range` (RFC 9110 §14.2).
enum ByteRange: Equatable {
    /// No range that is understood.
    case whole
    case part(Range<Int>)
    case unsatisfiable

    /// - Parameter length: of the file, more than nothing.
    init(_ text: String, of length: Int) {
        self = .whole
        let unit = text.prefix { $0 != "=" }
        guard unit.lowercased() == "bytes", unit.endIndex < text.endIndex else { return }
        let spec = text[text.index(after: unit.endIndex)...].filter { $0 != " " && $0 != "\t" }
        let ends = spec.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return }
        switch (Self.number(ends[0]), Self.number(ends[1])) {
        case (let first?, let last?):
            guard first <= last else { return }
            self = first < length ? .part(first..<min(last, length - 1) + 1) : .unsatisfiable
        case (let first?, nil):
            guard ends[1].isEmpty else { return }
            self = first < length ? .part(first..<length) : .unsatisfiable
        case (nil, let suffix?):
            guard ends[0].isEmpty else { return }
            self = suffix > 0 ? .part(max(0, length - suffix)..<length) : .unsatisfiable
        case (nil, nil): return
        }
    }

    /// Digits; more than fit count as very many.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return text.utf8.count > 18 ? .max - 1 : Int(text)
    }
}
