import Mustache
import Settings
import Testing

@testable import AdminServer

@Suite("Parts of the console")
struct ConsolePartsTests {
    @Test(
        "nothing of ASCII that means something in HTML passes, also before a combining character",
        arguments: [
            ("<script>", "&lt;script&gt;"), ("\"\u{301} onfocus=alert(1)", "&quot;\u{301} onfocus=alert(1)"),
            ("<\u{338}b", "&lt;\u{338}b"), ("a & 'b' `c`", "a &amp; &#39;b&#39; &#96;c&#96;"), ("日本語 é", "日本語 é"),
        ])
    func escaping(text: String, expected: String) {
        #expect(StrictHTML().escapeText(text).utf8.elementsEqual(expected.utf8))
    }

    @Test("every template is Mustache, and escapes in the strict way")
    func templates() throws {
        let renderer = try ConsoleRenderer(texts: ConsoleTexts())
        let page = FormModel(
            action: "/x", fields: [.input("a", "\"\u{301}x")], button: "<b>", back: "/")
        let html = renderer.html(
            "form", frame: ConsoleFrame(language: "en", theme: "auto", title: "T"), model: page,
            language: renderer.texts.language("en"))
        #expect(html.hasPrefix("<!DOCTYPE html>"))
        #expect(html.contains("&lt;b&gt;"))
        // Compared by scalars: as characters, an accent hides the mark in front of it.
        let open = Array("value=\"\"".unicodeScalars) + ["\u{301}"]
        let scalars = Array(html.unicodeScalars)
        let isOpen = scalars.indices.contains { scalars[$0...].starts(with: open) }
        #expect(!isOpen)
        #expect(!html.contains("["), "a text is missing: \(html)")
    }

    @Test(
        "a form is read as browsers write it",
        arguments: [
            ("a=1&b=2", ["a=1", "b=2"]), ("a=x+y%20z", ["a=x y z"]), ("a=%E3%81%82", ["a=あ"]),
            ("a&b=", ["a=", "b="]), ("a=%zz&b=%4", ["a=%zz", "b=%4"]), ("", []), ("a=1=2", ["a=1=2"]),
            ("a=%FF", ["a=\u{FFFD}"]),
        ])
    func forms(encoded: String, expected: [String]) {
        #expect(ConsoleForm(encoded: encoded).fields.map { "\($0.name)=\($0.value)" } == expected)
    }

    @Test("what is encoded for a path comes back", arguments: ["alice@example.com", "a/b?c#d%+ é日本", "~-._"])
    func encoding(text: String) {
        #expect(ConsoleForm.decoded(ConsoleForm.encoded(text), plusIsSpace: false) == text)
    }

    @Test(
        "a line of accounts has address, password and perhaps a name",
        arguments: [
            ("alice, secret", ["alice", "secret"]),
            ("a@b.c,\"x, y\",\"Alice \"\"A\"\"\"", ["a@b.c", "x, y", "Alice \"A\""]),
            ("a,,", ["a", "", ""]), ("\" spaced \", b", [" spaced ", "b"]),
        ])
    func cells(line: String, expected: [String]) {
        #expect(UserRows.cells(line[...]) == expected)
    }

    @Test(
        "a value comes back from the text that a field shows",
        arguments: [
            (SettingValue.boolean(true), Setting.Form.toggle), (.integer(25_000), .integer), (.text("a b"), .text),
            (.list([.text("a"), .text("b")]), .list), (.text("off"), .listener),
            (.group(["address": .text("::"), "port": .integer(5_222)]), .listener),
            (.group(["address": .text("127.0.0.1"), "port": .integer(80)]), .listener),
            (
                .list([.group(["name": .text("a.example"), "certificate": .text("c.pem"), "key": .text("k.pem")])]),
                .domains
            ),
            (
                .list([
                    .group([
                        "domain": .text("x.example"), "secret": .text("s, t"), "title": .text("X"),
                        "conflict": .text("refuse"),
                    ])
                ]), .components
            ),
            (
                .list([
                    .group([
                        "name": .text("cucm"), "destinations": .list([.text("a.example:5060;transport=tcp")]),
                        "keep_alive_seconds": .integer(5), "presence_gateway": .boolean(true),
                    ])
                ]), .trunks
            ),
            (.list([.group(["prefix": .text("+49"), "trunk": .text("cucm")])]), .routes), (.list([]), .routes),
        ])
    func settingTexts(value: SettingValue, form: Setting.Form) {
        #expect(SettingInput.value(SettingInput.text(value, of: form), of: form) == value)
    }

    @Test(
        "what cannot be a value is none",
        arguments: [
            ("12x", Setting.Form.integer), ("", .integer), ("example.com", .listener), ("::", .listener),
            ("perhaps", .toggle),
        ])
    func noValue(text: String, form: Setting.Form) {
        #expect(SettingInput.value(text, of: form) == nil)
    }

    @Test("people may write separators between thousands")
    func separators() {
        #expect(SettingInput.value(" 25,000 ", of: .integer) == .integer(25_000))
    }

    @Test(
        "nobody is sent to another site",
        arguments: [
            ("/console/users?q=a", "/console/users?q=a"), ("//evil.example", "/console/"),
            ("https://evil.example", "/console/"),
            ("/console//evil", "/console//evil"), ("/consoles", "/console/"), ("/console/\r\nX: y", "/console/"),
            (nil, "/console/"), ("/api/v1", "/console/"),
        ] as [(String?, String)])
    func returning(text: String?, expected: String) {
        #expect(SignInPages.returnPath(text) == expected)
    }

    @Test("numbers are written for people")
    func numbers() {
        #expect(
            [0, 999, 1_000, -25_000, 1_234_567].map(ConsoleNumbers.grouped) == [
                "0", "999", "1,000", "-25,000", "1,234,567",
            ])
        #expect(ConsoleNumbers.short(4.26) == "4.3" && ConsoleNumbers.short(1_200.4) == "1,200")
        #expect(ConsoleNumbers.short(.nan) == "–")
        #expect(ConsoleNumbers.bytes(1_100_000_000) == ("1.1", "GB") && ConsoleNumbers.bytes(12) == ("12", "B"))
    }

    @Test("a chart stays in its box")
    func sparkline() {
        for values in [[], [1], [0, 0, 0], [5, 5], [0, 1_000_000, 3], [-1, 2]] as [[Double]] {
            let chart = Sparkline(values, count: 10)
            let numbers = chart.line.split { !"-.0123456789".contains($0) }.compactMap { Double($0) }
            #expect(numbers.allSatisfy { (0...120).contains($0) }, "\(chart.line)")
        }
    }
}
