/// HTML as text: tags go, breaks and paragraphs become line ends, references become characters. For reading, not for
/// showing: nothing of it is ever interpreted again.
public enum PlainText {
    /// - Parameter html: UTF-8.
    public static func ofHTML(_ html: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(html.count)
        var index = 0
        var isSpace = true
        while index < html.count {
            let byte = html[index]
            switch byte {
            case 0x3C where isTagStart(html, index):
                let end = endOfTag(html, index)
                let name = tagName(html, index)
                index = end
                if hidden.contains(name) {
                    index = afterEnd(of: name, html, index)
                } else if breaks.contains(name) {
                    while text.last == 0x20 { text.removeLast() }
                    if !text.isEmpty, name == "br" || text.last != 0x0A { text.append(0x0A) }
                    isSpace = true
                }
            case 0x26:
                let (character, next) = reference(html, index)
                text += character
                index = next
                isSpace = false
            case 0x20, 0x09, 0x0A, 0x0D:
                if !isSpace { text.append(0x20) }
                isSpace = true
                index += 1
            default:
                text.append(byte)
                isSpace = false
                index += 1
            }
        }
        while let last = text.last, last == 0x20 || last == 0x0A { text.removeLast() }
        return text
    }

    private static let breaks: Set<String> = [
        "br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol",
    ]
    private static let hidden: Set<String> = ["script", "style", "head", "title"]

    private static func isTagStart(_ html: [UInt8], _ index: Int) -> Bool {
        guard index + 1 < html.count else { return false }
        let next = html[index + 1]
        return next == 0x2F || next == 0x21 || next == 0x3F || next | 0x20 >= 0x61 && next | 0x20 <= 0x7A
    }

    private static func tagName(_ html: [UInt8], _ index: Int) -> String {
        var place = index + 1
        if place < html.count, html[place] == 0x2F { place += 1 }
        let start = place
        while place < html.count, place - start < 12, isAlphanumeric(html[place]) { place += 1 }
        return String(decoding: html[start..<place], as: UTF8.self).lowercased()
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39
    }

    /// Behind the `>`; quoted values may hold one.
    private static func endOfTag(_ html: [UInt8], _ index: Int) -> Int {
        var place = index + 1
        if html[place...].starts(with: [0x21, 0x2D, 0x2D]) {
            place += 3
            while place + 2 < html.count {
                if html[place] == 0x2D, html[place + 1] == 0x2D, html[place + 2] == 0x3E { return place + 3 }
                place += 1
            }
            return html.count
        }
        var quote: UInt8 = 0
        while place < html.count {
            let byte = html[place]
            if quote != 0 {
                if byte == quote { quote = 0 }
            } else if byte == 0x22 || byte == 0x27 {
                quote = byte
            } else if byte == 0x3E {
                return place + 1
            }
            place += 1
        }
        return html.count
    }

    private static func afterEnd(of name: String, _ html: [UInt8], _ index: Int) -> Int {
        var place = index
        while place + 1 < html.count {
            if html[place] == 0x3C, html[place + 1] == 0x2F, tagName(html, place) == name {
                return endOfTag(html, place)
            }
            place += 1
        }
        return html.count
    }

    private static let named: [String: String] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "copy": "©", "reg": "®", "euro": "€",
        "hellip": "…", "ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "auml": "ä",
        "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è",
    ]

    /// The character of a reference; the ampersand itself where there is none.
    private static func reference(_ html: [UInt8], _ index: Int) -> ([UInt8], Int) {
        var end = index + 1
        while end < html.count, end - index < 12, html[end] != 0x3B { end += 1 }
        guard end < html.count, html[end] == 0x3B else { return ([0x26], index + 1) }
        let name = String(decoding: html[(index + 1)..<end], as: UTF8.self)
        if let text = named[name] { return (Array(text.utf8), end + 1) }
        guard name.hasPrefix("#") else { return ([0x26], index + 1) }
        let digits = name.dropFirst()
        let value =
            digits.first.map { $0 == "x" || $0 == "X" } == true ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        guard let value, let scalar = Unicode.Scalar(value) else { return ([0x26], index + 1) }
        return (Array(String(Character(scalar)).utf8), end + 1)
    }
}
