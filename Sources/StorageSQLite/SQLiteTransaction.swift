import GRDB
import GRDBSQLite
import Storage

/// One open transaction. Statements are prepared once a connection and kept.
struct SQLiteTransaction: Transaction {
    private let connection: GRDB.Database

    init(_ connection: GRDB.Database) { self.connection = connection }

    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
        let statement = try connection.cachedStatement(sql: sql).sqliteStatement
        defer { finish(statement) }
        try bind(arguments, to: statement, sql)
        var code = sqlite3_step(statement)
        while code == SQLITE_ROW { code = sqlite3_step(statement) }
        guard code == SQLITE_DONE else { throw failure(sql) }
        return Int(sqlite3_changes(connection.sqliteConnection))
    }

    func query(_ sql: String, _ arguments: [SQLValue]) throws -> [Storage.Row] {
        let statement = try connection.cachedStatement(sql: sql).sqliteStatement
        defer { finish(statement) }
        try bind(arguments, to: statement, sql)
        var rows: [Storage.Row] = []
        let columns = sqlite3_column_count(statement)
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: rows.append(Storage.Row((0..<columns).map { value(statement, $0) }))
            case SQLITE_DONE: return rows
            default: throw failure(sql)
            }
        }
    }

    func savepoint(_ body: () throws -> Void) throws {
        try connection.inSavepoint {
            try body()
            return .commit
        }
    }

    private func bind(_ arguments: [SQLValue], to statement: OpaquePointer, _ sql: String) throws {
        // SQLite copies the bytes: they need not outlive the call.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        for (offset, argument) in arguments.enumerated() {
            let index = Int32(offset + 1)
            let code: Int32
            switch argument {
            case .null: code = sqlite3_bind_null(statement, index)
            case .integer(let value): code = sqlite3_bind_int64(statement, index, value)
            case .text(let value): code = sqlite3_bind_text(statement, index, value, Int32(value.utf8.count), transient)
            case .blob(let value):
                code = value.withUnsafeBytes {
                    $0.isEmpty
                        ? sqlite3_bind_zeroblob(statement, index, 0)
                        : sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), transient)
                }
            }
            guard code == SQLITE_OK else { throw failure(sql) }
        }
    }

    private func value(_ statement: OpaquePointer, _ column: Int32) -> SQLValue {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
        case SQLITE_TEXT:
            let count = Int(sqlite3_column_bytes(statement, column))
            guard let text = sqlite3_column_text(statement, column) else { return .null }
            return .text(String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            let count = Int(sqlite3_column_bytes(statement, column))
            guard count > 0, let bytes = sqlite3_column_blob(statement, column) else { return .blob([]) }
            return .blob([UInt8](UnsafeRawBufferPointer(start: bytes, count: count)))
        default: return .null
        }
    }

    private func finish(_ statement: OpaquePointer) {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
    }

    private func failure(_ sql: String) -> StorageFailure {
        let code = sqlite3_errcode(connection.sqliteConnection) & 0xFF
        let transient = [
            SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN,
        ]
        return StorageFailure(
            String(cString: sqlite3_errmsg(connection.sqliteConnection)) + " in: " + sql,
            isTransient: transient.contains(code))
    }
}
