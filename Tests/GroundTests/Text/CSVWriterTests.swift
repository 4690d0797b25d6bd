import Ground
import Testing

@Suite("Writing comma-separated values")
struct CSVWriterTests {
    @Test(
        "what is written reads back as it was",
        arguments: [
            ["a", "b"], ["", ""], ["a,b", "c\"d\"", "\""], ["line\nend", "other\r\nend"], [" around ", "日本語", ","],
            ["user\\40x@example.com"],
        ])
    func roundTrip(fields: [String]) {
        var parser = CSVParser()
        var rows: [CSVParser.Row] = []
        parser.feed(CSVWriter.row(fields).utf8) { rows.append($0) }
        parser.finish { rows.append($0) }
        #expect(rows == [CSVParser.Row(line: 1, fields: .success(fields))])
    }

    @Test("quotes stand only where they have to")
    func plain() {
        #expect(CSVWriter.row(["alice", "a,b", "x\"y", ""]) == "alice,\"a,b\",\"x\"\"y\",\r\n")
    }
}
