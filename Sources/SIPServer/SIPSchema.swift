import Storage

/// Tables of the SIP face. Statements use the dialect that SQLite and PostgreSQL share. Append only.
public enum SIPSchema {
    public static let migrations: [Migration] = [
        LocationStore.migration, XCAPSchema.migration, SubscriptionStore.migration,
        ForeignWatchStore.migration,
    ]
}
