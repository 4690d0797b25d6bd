import Mustache

/// Makes HTML from templates and models. Everything a template shows is escaped unless it asks otherwise.
struct ConsoleRenderer: Sendable {
    private let library: MustacheLibrary
    let texts: ConsoleTexts

    /// - Throws: when a template is not Mustache: a mistake in the source, found by the tests.
    init(texts: ConsoleTexts, templates: [String: [UInt8]] = ConsoleResources.templates) throws {
        MustacheContentTypes.register(StrictHTML(), named: StrictHTML.name)
        var library = MustacheLibrary()
        for (name, bytes) in templates {
            let text = String(decoding: bytes, as: UTF8.self)
            try library.register("{{% CONTENT_TYPE:\(StrictHTML.name)}}\n" + text, named: name)
        }
        self.library = library
        self.texts = texts
    }

    /// - Parameters:
    ///   - frame: what every page has, `c` in templates.
    ///   - model: what this page shows, `p` in templates.
    func html(_ template: String, frame: ConsoleFrame, model: any Sendable, language: ConsoleLanguage) -> String {
        let context: [String: Any] = ["t": language.scope, "c": frame, "p": model]
        return library.render(context, withTemplate: template) ?? ""
    }
}

/// Escapes text for elements and quoted attributes.
///
/// The library's own escaping compares whole characters: a quotation mark with a combining accent behind it passes. This
/// one looks at bytes, so that nothing of ASCII that means something in HTML is left.
struct StrictHTML: MustacheContentType {
    static let name = "STRICT_HTML"

    func escapeText(_ text: String) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): out += "&lt;".utf8
            case UInt8(ascii: ">"): out += "&gt;".utf8
            case UInt8(ascii: "&"): out += "&amp;".utf8
            case UInt8(ascii: "\""): out += "&quot;".utf8
            case UInt8(ascii: "'"): out += "&#39;".utf8
            case UInt8(ascii: "`"): out += "&#96;".utf8
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
