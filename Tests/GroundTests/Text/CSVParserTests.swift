import Testing

@testable import Ground

@Suite("Comma-separated values (RFC 4180)")
struct CSVParserTests {
    /// Rows as `line: a|b|c`, or `line: fault`.
    static func rows(_ bytes: [UInt8], chunk: Int = .max) -> [String] {
        var parser = CSVParser()
        var rows: [String] = []
        func note(_ row: CSVParser.Row) {
            switch row.fields {
            case .success(let fields): rows.append("\(row.line): \(fields.joined(separator: "|"))")
            case .failure(let fault): rows.append("\(row.line): \(fault)")
            }
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(chunk)
            rest = rest.dropFirst(part.count)
            parser.feed(part, emit: note)
        }
        parser.finish(emit: note)
        return rows
    }

    static let cases: [(String, [String])] = [
        ("a,b\nc,d\n", ["1: a|b", "2: c|d"]),
        ("a,b\r\nc,d", ["1: a|b", "2: c|d"]),
        ("a,b\rc,d\r", ["1: a|b", "2: c|d"]),
        ("\u{FEFF}a,b\n", ["1: a|b"]),
        ("\"a,\"\"b\"\"\",c\n", ["1: a,\"b\"|c"]),
        ("\"two\nlines\",x\ny,z\n", ["1: two\nlines|x", "3: y|z"]),
        ("\"two\r\nlines\"\r\ny\r\n", ["1: two\r\nlines", "3: y"]),
        ("a,\n,b\n,\n", ["1: a|", "2: |b", "3: |"]),
        ("a,", ["1: a|"]),
        ("\"\"", ["1: "]),
        ("\n\r\n\na\n\n", ["4: a"]),
        ("", []),
        ("ä,ö\n", ["1: ä|ö"]),
        ("a\"b,c\nd,e\n", ["1: a quote stands inside of a field that does not begin with one", "2: d|e"]),
        ("\"a\"b,c\nd,e\n", ["1: text follows the closing quote of a field", "2: d|e"]),
        ("a,b\n\"open,c\nd,e\n", ["1: a|b", "2: a quoted field is not closed"]),
        (" a , b \n", ["1:  a | b "]),
    ]

    @Test("every form of RFC 4180 is read, and a broken row does not spoil the next", arguments: cases)
    func forms(text: String, expected: [String]) {
        #expect(Self.rows(Array(text.utf8)) == expected)
    }

    @Test("rows do not depend on how the bytes were cut")
    func chunks() {
        for (text, expected) in Self.cases {
            for chunk in 1...4 { #expect(Self.rows(Array(text.utf8), chunk: chunk) == expected, "\(text)") }
        }
    }

    @Test("bytes that are not UTF-8 spoil only their row")
    func notText() {
        #expect(Self.rows([0x61, 0xFF, 0x0A, 0x62]) == ["1: the row is not UTF-8 text", "2: b"])
        #expect(Self.rows([0xEF, 0xBB]) == ["1: the row is not UTF-8 text"])
        #expect(Self.rows([0xEF, 0xBB, 0x61, 0x0A, 0x62]) == ["1: the row is not UTF-8 text", "2: b"])
    }

    @Test(
        "a row without end is given up at its bound",
        arguments: [
            [UInt8](repeating: 0x61, count: 70_000), [0x22] + [UInt8](repeating: 0x61, count: 70_000),
            [UInt8](repeating: 0x2C, count: 70_000), [0x22] + [UInt8](repeating: 0x22, count: 200_000),
        ])
    func bound(bytes: [UInt8]) {
        let rows = Self.rows(bytes + Array("\nnext\n".utf8))
        #expect(rows.first == "1: the row is longer than 65536 bytes; a closing quote may be missing")
        #expect(rows.last == "2: next" && rows.count == 2, "\(rows.count)")
    }
}
