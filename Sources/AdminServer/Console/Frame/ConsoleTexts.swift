import Foundation
import Mustache

/// Every text of the console in every language.
///
/// A catalogue is a JSON file of nested groups: `{"users": {"title": "Users"}}` is the text `users.title`. Texts may
/// name values in braces, as in `{count} users`. Title and help of a setting stand below `setting.` and its key; in
/// English they come with the setting itself.
struct ConsoleTexts: Sendable {
    /// The language that every other one falls back to.
    static let standard = "en"

    /// By language code (RFC 5646), in the order in which they are offered.
    let languages: [ConsoleLanguage]

    /// - Parameters:
    ///   - catalogues: JSON by language code.
    ///   - folder: more catalogues, as files `xx.json`; they go before the built-in ones. A file that cannot be read
    ///     is left out, and `complain` is told why.
    init(
        catalogues: [String: [UInt8]] = ConsoleResources.texts, folder: String? = nil,
        complain: (String) -> Void = { _ in }
    ) {
        var texts = catalogues.compactMapValues { Self.flattened(Data($0)) }
        if let folder, let names = try? FileManager.default.contentsOfDirectory(atPath: folder) {
            for name in names.sorted() where name.hasSuffix(".json") {
                let code = String(name.dropLast(5))
                guard Self.isCode(code), let data = FileManager.default.contents(atPath: folder + "/" + name),
                    let found = Self.flattened(data)
                else {
                    complain("\(folder)/\(name) is no catalogue of texts: expected JSON in a file such as fr.json")
                    continue
                }
                texts[code] = (texts[code] ?? [:]).merging(found) { $1 }
            }
        }
        let english = texts[Self.standard] ?? [:]
        let codes = texts.keys.sorted { ($0 == Self.standard ? "" : $0) < ($1 == Self.standard ? "" : $1) }
        languages = codes.map { code in
            ConsoleLanguage(code: code, texts: english.merging(texts[code] ?? [:]) { $1 })
        }
    }

    /// English when there is no such language.
    func language(_ code: String) -> ConsoleLanguage {
        languages.first { $0.code == code } ?? languages.first ?? ConsoleLanguage(code: Self.standard, texts: [:])
    }

    /// The language a browser asks for (RFC 9110 §12.5.4): the best-liked one that there is.
    ///
    /// - Parameters:
    ///   - chosen: what the user chose, which goes first.
    ///   - header: `Accept-Language`.
    func language(chosen: String?, header: String?) -> ConsoleLanguage {
        if let chosen, let found = languages.first(where: { $0.code == chosen }) { return found }
        let wanted = (header ?? "").prefix(500).split(separator: ",").prefix(20).enumerated().compactMap {
            index, entry -> (code: Substring, weight: Double, index: Int)? in
            let parts = entry.split(separator: ";")
            guard let code = parts.first.map({ $0.drop { $0 == " " }.prefix { $0 != " " } }) else { return nil }
            let quality = parts.dropFirst().first { $0.drop { $0 == " " }.hasPrefix("q=") }
            let weight = quality.flatMap { Double($0.drop { $0 != "=" }.dropFirst().prefix { $0 != " " }) } ?? 1
            return weight > 0 ? (code, weight, index) : nil
        }
        for entry in wanted.sorted(by: { ($1.weight, $0.index) < ($0.weight, $1.index) }) {
            let code = entry.code.lowercased()
            let base = code.prefix { $0 != "-" }
            if let found = languages.first(where: { $0.code.lowercased() == code })
                ?? languages.first(where: { $0.code.lowercased() == base })
            {
                return found
            }
        }
        return language(Self.standard)
    }

    private static func isCode(_ code: String) -> Bool {
        (2...12).contains(code.utf8.count)
            && code.utf8.allSatisfy { (97...122).contains($0) || (65...90).contains($0) || $0 == 45 }
    }

    /// Keys with dots; nil when the file is not an object of texts and objects.
    static func flattened(_ data: Data) -> [String: String]? {
        guard let root = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else { return nil }
        var out: [String: String] = [:]
        func take(_ node: [String: Any], _ prefix: String) -> Bool {
            node.allSatisfy { name, value in
                if let text = value as? String {
                    out[prefix + name] = text
                    return true
                }
                return (value as? [String: Any]).map { take($0, prefix + name + ".") } ?? false
            }
        }
        return take(root, "") ? out : nil
    }
}

/// One language: its texts, with the English ones where it has none.
struct ConsoleLanguage: Sendable {
    let code: String
    let texts: [String: String]

    /// The text, or the key in brackets so that a mistake shows.
    subscript(_ key: String) -> String { texts[key] ?? "[\(key)]" }

    /// The text with values in the place of `{name}`.
    func callAsFunction(_ key: String, _ values: KeyValuePairs<String, String>) -> String {
        var text = self[key]
        for (name, value) in values { text = text.replacingOccurrences(of: "{\(name)}", with: value) }
        return text
    }

    /// A text that may be missing or empty.
    func optional(_ key: String) -> String? {
        texts[key].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What templates call `t`.
    var scope: TextScope { TextScope(language: self, prefix: "") }
}

/// Lets `{{t.users.title}}` find `users.title`.
struct TextScope: MustacheParent, MustacheCustomRenderable, Sendable {
    let language: ConsoleLanguage
    let prefix: String

    func child(named name: String) -> Any? {
        let key = prefix + name
        return language.texts[key] ?? TextScope(language: language, prefix: key + ".")
    }

    /// A text that is not there shows its key.
    var renderText: String { "[\(prefix.dropLast())]" }
    var isNull: Bool { false }
}
