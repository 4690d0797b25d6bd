import Storage

/// SQL of vCards (XEP-0054) and private XML storage (XEP-0049). Contents are serialised elements.
public enum ProfileStore {
    public static func vcard(_ userID: Int64, in transaction: any Transaction) throws -> [UInt8]? {
        try transaction.query("SELECT vcard FROM vcards WHERE user_id = ?", [.integer(userID)]).first?.blob(0)
    }

    /// - Parameter photoHash: SHA-1 of the photo in it, nil when it has none.
    public static func setVCard(
        _ vcard: [UInt8], photoHash: String?, of userID: Int64, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO vcards (user_id, vcard, photo_hash) VALUES (?, ?, ?)
            ON CONFLICT (user_id) DO UPDATE SET vcard = excluded.vcard, photo_hash = excluded.photo_hash
            """, [.integer(userID), .blob(vcard), .optional(photoHash)])
    }

    /// SHA-1 of the vCard's photo, hexadecimal; nil when there is none.
    static func photoHash(_ userID: Int64, in transaction: any Transaction) throws -> String? {
        try transaction.query("SELECT photo_hash FROM vcards WHERE user_id = ?", [.integer(userID)]).first?
            .optionalText(0)
    }

    public static func privateElement(
        _ name: String, namespace: String, of userID: Int64, in transaction: any Transaction
    ) throws -> [UInt8]? {
        try transaction.query(
            "SELECT content FROM private_storage WHERE user_id = ? AND namespace = ? AND name = ?",
            [.integer(userID), .text(namespace), .text(name)]
        ).first?.blob(0)
    }

    /// Everything in private storage, by namespace and name.
    static func privateElements(_ userID: Int64, in transaction: any Transaction) throws -> [[UInt8]] {
        try transaction.query(
            "SELECT content FROM private_storage WHERE user_id = ? ORDER BY namespace, name", [.integer(userID)]
        ).map { $0.blob(0) }
    }

    /// Stores one element; refuses when the user's storage would pass `limit` bytes.
    /// - Returns: false when refused.
    public static func setPrivateElement(
        _ content: [UInt8], name: String, namespace: String, of userID: Int64, limit: Int,
        in transaction: any Transaction
    ) throws -> Bool {
        let used = try transaction.query(
            """
            SELECT coalesce(sum(length(content)), 0) FROM private_storage
            WHERE user_id = ? AND NOT (namespace = ? AND name = ?)
            """, [.integer(userID), .text(namespace), .text(name)])[0].integer(0)
        guard Int(used) + content.count <= limit else { return false }
        try transaction.execute(
            """
            INSERT INTO private_storage (user_id, namespace, name, content) VALUES (?, ?, ?, ?)
            ON CONFLICT (user_id, namespace, name) DO UPDATE SET content = excluded.content
            """, [.integer(userID), .text(namespace), .text(name), .blob(content)])
        return true
    }
}
