import Foundation
import Settings

/// Finds pages and settings by their names, in any language, by the names of other products, and by their keys.
enum SearchPages {
    static let limit = 60

    static func add(to routes: ConsoleRoutes) {
        routes.get("/search") { request in
            let (query, language) = (request.query.text("q"), request.language)
            let settings = request.may("settings.list") ? try await ConsoleSettings(request).all() : []
            let results = Array(find(query, settings: settings, request).prefix(limit))
            let model = SearchModel(
                results: results, hasResults: !results.isEmpty,
                emptyTitle: language("search.none", ["query": query]))
            var page = ConsolePage("search", title: language["search.title"], model: model)
            page.lead = results.isEmpty ? nil : language("search.for", ["query": query])
            return .page(page)
        }
    }

    /// Every word of the query has to be in a name, a key or an explanation; names count more than explanations.
    static func find(_ query: String, settings: [AdminSetting], _ request: ConsoleRequest) -> [SearchResult] {
        let words = folded(query).split(whereSeparator: { $0.isWhitespace || "›>–".contains($0) }).map(String.init)
        guard !words.isEmpty else { return [] }
        let (language, languages) = (request.language, request.site.texts.languages)
        func score(_ names: [String], _ texts: [String]) -> Int? {
            let (names, texts) = (names.map(folded), texts.map(folded))
            var total = 0
            for word in words {
                if names.contains(where: { $0 == word }) {
                    total += 8
                } else if names.contains(where: { $0.hasPrefix(word) }) {
                    total += 4
                } else if names.contains(where: { $0.contains(word) }) {
                    total += 2
                } else if texts.contains(where: { $0.contains(word) }) {
                    total += 1
                } else {
                    return nil
                }
            }
            return total
        }
        var found: [(score: Int, result: SearchResult)] = []
        for section in ConsoleSection.allCases where request.sees(section) {
            let names = languages.flatMap { [section.title($0), section.name($0), section.alias($0) ?? ""] }
            guard let score = score(names, languages.compactMap { section.lead($0) }) else { continue }
            found.append(
                (
                    score + 3,
                    SearchResult(
                        kind: language["search.page"], isSetting: false, title: section.name(language),
                        detail: [section.lead(language), section.alias(language)].compactMap { $0 }.joined(
                            separator: " · "),
                        href: section.path)
                ))
        }
        for setting in settings {
            let all = languages.map { SettingTexts(setting, $0) }
            let group = SettingsArrangement.slug(setting.group)
            let names =
                all.map(\.title) + [setting.title, setting.key]
                + languages.map { SettingsArrangement.title(group, $0) }
                + languages.compactMap { $0.optional("setting.\(setting.key).alias") }
            guard let score = score(names, all.map(\.help)) else { continue }
            let texts = SettingTexts(setting, language)
            found.append(
                (
                    score,
                    SearchResult(
                        kind: language["search.setting"], isSetting: true, title: texts.title,
                        detail: SettingsArrangement.title(group, language) + " · " + setting.key + " · "
                            + texts.shown(setting.value),
                        href: SettingsPages.root + "/" + group + "#" + SettingControl.id(of: setting.key))
                ))
        }
        return found.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }
            .map(\.element.result)
    }

    private static func folded(_ text: String) -> String {
        text.folding(options: [.caseInsensitive, .diacriticInsensitive, .widthInsensitive], locale: nil)
    }
}

struct SearchResult: Sendable, Equatable {
    var kind: String
    var isSetting: Bool
    var title: String
    var detail: String
    var href: String
}

private struct SearchModel: Sendable {
    var results: [SearchResult]
    var hasResults: Bool
    var emptyTitle: String
}
