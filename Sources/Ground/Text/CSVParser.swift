/// Comma-separated values as bytes come in (RFC 4180), a row at a time, in bounded memory.
///
/// Accepts a byte order mark, line ends of every kind, and quoted fields with commas, quotes and line ends inside.
/// Empty lines are skipped. A row that breaks the rules is reported with the line it begins on, and reading goes on
/// with the next line.
public struct CSVParser {
    public enum Fault: Error, Equatable, CustomStringConvertible {
        case quoteInsideField
        case textAfterQuote
        case unclosedQuote
        case rowTooLong
        case notUTF8

        public var description: String {
            switch self {
            case .quoteInsideField: "a quote stands inside of a field that does not begin with one"
            case .textAfterQuote: "text follows the closing quote of a field"
            case .unclosedQuote: "a quoted field is not closed"
            case .rowTooLong: "the row is longer than \(CSVParser.rowBytes) bytes; a closing quote may be missing"
            case .notUTF8: "the row is not UTF-8 text"
            }
        }
    }

    public struct Row: Equatable {
        /// Line of the file that the row begins on, from 1.
        public var line: Int
        public var fields: Result<[String], Fault>

        public init(line: Int, fields: Result<[String], Fault>) {
            self.line = line
            self.fields = fields
        }
    }

    /// Bytes of the longest row, quotes not counted.
    public static let rowBytes = 65_536

    private enum State {
        case fieldStart, unquoted, quoted, quoteSeen
        /// After a carriage return that ended a row: a line feed belongs to it.
        case returned
        /// After a fault: until the end of the line.
        case skipping
    }

    public init() {}

    private var state = State.fieldStart
    private var line = 1
    private var rowLine = 1
    private var fields: [[UInt8]] = []
    private var field: [UInt8] = []
    private var rowLength = 0
    private var isQuotedRow = false
    /// Bytes of a byte order mark seen so far; nil once the first other byte has come.
    private var markLength: Int? = 0
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Takes the next bytes of the file.
    public mutating func feed(_ bytes: some Sequence<UInt8>, emit: (Row) throws -> Void) rethrows {
        for byte in bytes { try feed(byte, emit: emit) }
    }

    /// Ends the file; the last row needs no line end.
    public mutating func finish(emit: (Row) throws -> Void) rethrows {
        if let markLength {
            for byte in Self.mark[..<markLength] { append(byte) }
            self.markLength = nil
        }
        switch state {
        case .quoted: try fail(.unclosedQuote, emit: emit)
        case .unquoted, .quoteSeen: try endRow(emit: emit)
        case .fieldStart where !fields.isEmpty: try endRow(emit: emit)
        default: break
        }
        state = .fieldStart
    }

    private mutating func feed(_ byte: UInt8, emit: (Row) throws -> Void) rethrows {
        if let length = markLength {
            if byte == Self.mark[length] {
                markLength = length + 1 == Self.mark.count ? nil : length + 1
                return
            }
            markLength = nil
            for byte in Self.mark[..<length] { append(byte) }
        }
        if state == .returned {
            state = .fieldStart
            if byte == UInt8(ascii: "\n") { return }
        }
        switch (state, byte) {
        case (.quoted, UInt8(ascii: "\"")):
            state = .quoteSeen
        case (.quoted, _):
            if byte == UInt8(ascii: "\n") { line += 1 }
            append(byte)
        case (.skipping, UInt8(ascii: "\n")), (.skipping, UInt8(ascii: "\r")):
            beginRow(after: byte)
        case (.skipping, _):
            return
        case (_, UInt8(ascii: "\n")), (_, UInt8(ascii: "\r")):
            try endRow(emit: emit)
            beginRow(after: byte)
        case (_, UInt8(ascii: ",")):
            endField()
        case (.fieldStart, UInt8(ascii: "\"")):
            isQuotedRow = true
            state = .quoted
        case (.quoteSeen, UInt8(ascii: "\"")):
            append(byte)
            state = .quoted
        case (.quoteSeen, _):
            try fail(.textAfterQuote, emit: emit)
        case (_, UInt8(ascii: "\"")):
            try fail(.quoteInsideField, emit: emit)
        default:
            state = .unquoted
            append(byte)
        }
        if rowLength > Self.rowBytes { try fail(.rowTooLong, emit: emit) }
    }

    private mutating func append(_ byte: UInt8) {
        if state == .fieldStart { state = .unquoted }
        field.append(byte)
        rowLength += 1
    }

    private mutating func endField() {
        fields.append(field)
        field = []
        // Counts as a byte, so that a row of nothing but commas is bounded too.
        rowLength += 1
        state = .fieldStart
    }

    private mutating func endRow(emit: (Row) throws -> Void) rethrows {
        endField()
        let isEmptyLine = fields.count == 1 && fields[0].isEmpty && !isQuotedRow
        if !isEmptyLine {
            let texts = fields.compactMap { String(validating: $0, as: UTF8.self) }
            try emit(Row(line: rowLine, fields: texts.count == fields.count ? .success(texts) : .failure(.notUTF8)))
        }
        clearRow()
    }

    private mutating func fail(_ fault: Fault, emit: (Row) throws -> Void) rethrows {
        try emit(Row(line: rowLine, fields: .failure(fault)))
        clearRow()
        state = .skipping
    }

    private mutating func clearRow() {
        fields = []
        field = []
        rowLength = 0
        isQuotedRow = false
    }

    private mutating func beginRow(after byte: UInt8) {
        line += 1
        rowLine = line
        state = byte == UInt8(ascii: "\r") ? .returned : .fieldStart
    }
}
