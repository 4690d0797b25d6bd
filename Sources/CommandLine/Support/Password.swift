import ArgumentParser
import Foundation

/// Where the password of a new or changed account comes from.
struct PasswordOption: ParsableArguments {
    @Flag(help: "Read the password from the first line of standard input instead of making one.")
    var passwordStdin = false

    /// - Returns: the password, and whether it was made here and must be shown.
    func password(for jid: String) throws -> (text: String, isGenerated: Bool) {
        passwordStdin ? (try Password.readStandardInput(for: jid), false) : (Password.generate(), true)
    }
}

enum Password {
    /// Letters and digits that nobody confuses on paper: no 0 O, 1 l I.
    static let alphabet = Array("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    /// Bytes of the longest password on standard input (RFC 7622's bound of a part is the bound of SASL here).
    static let maximumBytes = 1_023

    /// Twenty characters, 116 bits of the system's randomness.
    static func generate() -> String {
        var generator = SystemRandomNumberGenerator()
        return String((0..<20).map { _ in alphabet.randomElement(using: &generator) ?? "x" })
    }

    /// Reads one line; asks for it without echo when a person sits at a terminal.
    static func readStandardInput(for jid: String) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else { return try firstLine(of: .standardInput) }
        Output.error("Password of \(jid): ", terminator: "")
        var before = termios()
        tcgetattr(STDIN_FILENO, &before)
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            Output.error("")
        }
        return try firstLine(of: .standardInput)
    }

    /// Bytes up to the first line feed, without a carriage return before it.
    static func firstLine(of handle: FileHandle) throws -> String {
        var bytes: [UInt8] = []
        while !bytes.contains(10), bytes.count <= maximumBytes + 2 {
            // A byte at a time: what follows the line belongs to somebody else.
            guard let byte = try handle.read(upToCount: 1)?.first else { break }
            bytes.append(byte)
        }
        if bytes.last == 10 { bytes.removeLast() }
        if bytes.last == 13 { bytes.removeLast() }
        guard !bytes.isEmpty else { throw CommandFailure("standard input holds no password: expected one line") }
        guard bytes.count <= maximumBytes else {
            throw CommandFailure("the password on standard input is longer than \(maximumBytes) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure("the password on standard input is not UTF-8 text")
        }
        return text
    }
}
