import AdminServer
import Foundation
import Testing

@testable import CommandLine

@Suite("Output of commands")
struct OutputTests {
    @Test("columns are aligned and lines have no space at their end")
    func table() {
        var table = TextTable(["JID", "NAME", "ADMIN"])
        table.add(["anna@example.com", "Anna", ""])
        table.add(["b@example.com", "", "yes"])
        #expect(
            table.lines == [
                "JID               NAME  ADMIN", "anna@example.com  Anna", "b@example.com           yes",
            ])
    }

    @Test("names cannot steer the terminal")
    func printable() {
        #expect(Output.printable("a\u{1B}[2Jb\n\u{202E}c\u{9B}") == "a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}c\u{FFFD}")
        #expect(Output.printable("Zoë 王 👩‍👧 نام‌خانه") == "Zoë 王 👩‍👧 نام‌خانه")
    }

    @Test("JSON is one value with sorted keys, and lists are arrays even when empty")
    func json() throws {
        let users = [AdminUser(jid: "a@b", name: nil, isAdmin: false, sessions: 1)]
        let text = try Output.jsonText(users)
        #expect(text.filter { !$0.isWhitespace } == #"[{"isAdmin":false,"jid":"a@b","sessions":1}]"#)
        #expect(try Output.jsonText([AdminUser]()).filter { !$0.isWhitespace } == "[]")
    }

    @Test(
        "durations show their two largest units",
        arguments: [
            (0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_600, "1 h 0 min"), (90_000, "1 d 1 h"), (-5, "0 s"),
        ])
    func durations(seconds: Int, expected: String) {
        #expect(Output.duration(seconds: seconds) == expected)
    }

    @Test("numbers and nouns agree")
    func counts() {
        #expect(Output.count(1, "session") == "1 session" && Output.count(0, "session") == "0 sessions")
        #expect(Output.size(bytes: 2_048) == "2 KiB" && Output.size(bytes: 3 * 524_288) == "1.5 MiB")
    }
}

@Suite("Passwords of the command line")
struct PasswordTests {
    /// The first line of a pipe that holds `bytes`.
    static func firstLine(_ bytes: [UInt8]) throws -> String {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
        try pipe.fileHandleForWriting.close()
        return try Password.firstLine(of: pipe.fileHandleForReading)
    }

    @Test("a generated password has twenty unmistakable characters and is another each time")
    func generated() {
        let passwords = Set((0..<100).map { _ in Password.generate() })
        #expect(passwords.count == 100)
        #expect(passwords.allSatisfy { $0.count == 20 && $0.allSatisfy(Password.alphabet.contains) })
        #expect(Set(passwords.joined()).count > 40)
    }

    @Test("only the first line counts, without its line end")
    func lines() throws {
        #expect(try Self.firstLine(Array("s3cret\r\nrest".utf8)) == "s3cret")
        #expect(try Self.firstLine(Array("s3cret".utf8)) == "s3cret")
        #expect(try Self.firstLine(Array(" spaces stay \n".utf8)) == " spaces stay ")
        #expect(try Self.firstLine([UInt8](repeating: 0x61, count: 1_023) + [10]).count == 1_023)
    }

    @Test(
        "no line, an empty line, a long one and bytes that are not text are refused",
        arguments: [[], [10], [13, 10], [UInt8](repeating: 0x61, count: 1_024), [0xFF, 10]] as [[UInt8]])
    func refused(bytes: [UInt8]) {
        #expect(throws: CommandFailure.self) { try Self.firstLine(bytes) }
    }
}
