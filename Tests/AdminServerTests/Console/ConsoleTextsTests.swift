import Foundation
import Settings
import Testing

@testable import AdminServer

@Suite("Texts of the console")
struct ConsoleTextsTests {
    private let catalogues = ConsoleResources.texts.compactMapValues { ConsoleTexts.flattened(Data($0)) }

    private func page(_ key: String) -> Bool { !key.hasPrefix("setting.") }

    @Test("every language has the same texts as English")
    func sameKeys() throws {
        let english = try #require(catalogues["en"])
        for (code, texts) in catalogues where code != "en" {
            let (wanted, found) = (Set(english.keys.filter(page)), Set(texts.keys.filter(page)))
            #expect(wanted.subtracting(found).sorted() == [], "missing in \(code)")
            #expect(found.subtracting(wanted).sorted() == [], "only in \(code)")
        }
    }

    @Test("a text names the same values in every language")
    func sameValues() throws {
        let english = try #require(catalogues["en"])
        func values(_ text: String) -> Set<String> {
            Set(
                text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().compactMap {
                    $0.contains("}") ? String($0.prefix { $0 != "}" }) : nil
                })
        }
        for (code, texts) in catalogues {
            for (key, text) in texts where english[key] != nil {
                #expect(values(text) == values(english[key] ?? ""), "\(key) in \(code)")
            }
        }
    }

    @Test("every setting has a Japanese title and a Japanese help")
    func settingsInJapanese() throws {
        let japanese = try #require(catalogues["ja"])
        for setting in Setting.all {
            let key = setting.dottedPath
            #expect(japanese["setting.\(key).title"]?.isEmpty == false, "title of \(key)")
            #expect(japanese["setting.\(key).help"]?.isEmpty == false, "help of \(key)")
        }
    }

    @Test(
        "the titles are those of the source documents",
        arguments: [
            ("presence.sharing", "アベイラビリティの共有を有効にする"),
            ("presence.auto_authorize", "確認プロンプトなしで、ユーザが他のユーザのプレゼンス ステータスを表示できるようにする"),
        ])
    func seedTitles(key: String, title: String) {
        #expect(catalogues["ja"]?["setting.\(key).title"] == title)
    }

    @Test("every group of settings has a title and says what it is about")
    func groups() throws {
        let english = try #require(catalogues["en"])
        for slug in Set(Setting.all.map { SettingsArrangement.slug($0.group) }) {
            #expect(english["group.\(slug).title"] != nil, "title of \(slug)")
            #expect(english["group.\(slug).help"] != nil, "help of \(slug)")
        }
    }

    @Test("every text that a template asks for exists")
    func templates() throws {
        let english = try #require(catalogues["en"])
        for (name, bytes) in ConsoleResources.templates {
            for part in String(decoding: bytes, as: UTF8.self).split(separator: "{{t.").dropFirst() {
                let key = String(part.prefix { $0 != "}" })
                #expect(english[key] != nil, "\(key) in \(name).mustache")
            }
        }
    }

    @Test("a file in a folder is a language more, and may lack texts")
    func thirdLanguage() throws {
        let folder = NSTemporaryDirectory() + "/roost-texts-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try #"{"name": "Deutsch", "page": {"users": {"title": "Benutzer"}}}"#.write(
            toFile: folder + "/de.json", atomically: true, encoding: .utf8)
        try "no JSON".write(toFile: folder + "/xx.json", atomically: true, encoding: .utf8)
        var complaints: [String] = []
        let texts = ConsoleTexts(folder: folder) { complaints.append($0) }
        #expect(texts.languages.map(\.code) == ["en", "de", "ja"])
        let german = texts.language(chosen: nil, header: "de-AT, en;q=0.5")
        #expect(german["page.users.title"] == "Benutzer")
        #expect(german["page.audit.title"] == "Audit")
        #expect(complaints.count == 1 && complaints[0].contains("xx.json"))
    }

    @Test(
        "the best-liked language of the browser is chosen, and what was chosen goes before",
        arguments: [
            (nil, "ja", "ja"), (nil, "ja-JP,ja;q=0.9,en;q=0.8", "ja"), (nil, "fr, en;q=0.3, ja;q=0.7", "ja"),
            (nil, "fr", "en"), (nil, "", "en"), (nil, "ja;q=0, en", "en"), ("en", "ja", "en"), ("zz", "ja", "ja"),
            (nil, ";;;,,q=,ja;q=x", "ja"),
        ] as [(String?, String, String)])
    func negotiation(chosen: String?, header: String, expected: String) {
        #expect(ConsoleTexts().language(chosen: chosen, header: header).code == expected)
    }

    @Test("a text that is missing shows its key")
    func missing() {
        let language = ConsoleTexts().language("en")
        #expect(language["no.such"] == "[no.such]")
        #expect(language("frame.shown_of", ["count": "5", "total": "25,000"]) == "5 of 25,000 shown")
    }
}
