import Storage
import XMPPWire

/// One token of a client, without the token itself (XEP-0484).
public struct FastToken: Sendable, Equatable {
    /// §5.1: a client has one token in use and at most one that it was given and has not used.
    public enum Slot: Int64, Sendable { case current = 0, new = 1 }

    public var slot: Slot
    public var mechanism: String
    public var verifier: HashedTokenVerifier
    /// Milliseconds since 1970.
    public var issuedAt: Int64
    public var expiresAt: Int64
    /// The highest `count` that was presented with it; -1 before the first.
    public var count: Int64

    public init(
        slot: Slot, mechanism: String, verifier: HashedTokenVerifier, issuedAt: Int64, expiresAt: Int64,
        count: Int64 = -1
    ) {
        self.slot = slot
        self.mechanism = mechanism
        self.verifier = verifier
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.count = count
    }
}

/// SQL of tokens. A client is the id of its user agent (XEP-0388 §2.3).
public enum FastTokenStore {
    /// Clients of one user that have tokens; one more takes the place of the one whose token ends first.
    public static let clientsPerUser = 50

    /// The tokens of a client, the unused one first; those that ended are included.
    public static func tokens(
        of jid: JID, client: String, in transaction: any Transaction
    ) throws -> [FastToken] {
        try transaction.query(
            """
            SELECT slot, mechanism, proof_hash, sealed_response, issued_ms, expires_ms, used_count FROM fast_tokens
            JOIN users ON users.id = fast_tokens.user_id
            WHERE users.domain = ? AND users.localpart = ? AND client = ? ORDER BY slot DESC
            """,
            [.text(jid.domain), .text(jid.local ?? ""), .text(client)]
        ).compactMap { row in
            FastToken.Slot(rawValue: row.integer(0)).map {
                FastToken(
                    slot: $0, mechanism: row.text(1),
                    verifier: HashedTokenVerifier(proofHash: row.blob(2), sealedResponse: row.blob(3)),
                    issuedAt: row.integer(4), expiresAt: row.integer(5), count: row.integer(6))
            }
        }
    }

    /// Stores a token in its slot, in place of what was there. Does nothing when there is no such account.
    public static func store(
        _ token: FastToken, of jid: JID, client: String, in transaction: any Transaction
    ) throws {
        guard let id = try userID(jid, in: transaction) else { return }
        try transaction.execute(
            """
            INSERT INTO fast_tokens (user_id, client, slot, mechanism, proof_hash, sealed_response, issued_ms,
                expires_ms, used_count)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (user_id, client, slot) DO UPDATE SET mechanism = excluded.mechanism,
                proof_hash = excluded.proof_hash, sealed_response = excluded.sealed_response,
                issued_ms = excluded.issued_ms, expires_ms = excluded.expires_ms, used_count = excluded.used_count
            """,
            [
                .integer(id), .text(client), .integer(token.slot.rawValue), .text(token.mechanism),
                .blob(token.verifier.proofHash), .blob(token.verifier.sealedResponse), .integer(token.issuedAt),
                .integer(token.expiresAt), .integer(token.count),
            ])
        try removeSurplus(id, keeping: client, in: transaction)
    }

    /// Notes the use of a token. One that was new takes the place of the current one, which is void from now on (§3.5).
    /// - Returns: false when the token is void or not there any more, or its count was taken meanwhile.
    public static func use(
        _ token: FastToken, count: Int64?, of jid: JID, client: String, in transaction: any Transaction
    ) throws -> Bool {
        guard let id = try userID(jid, in: transaction),
            let stored = try tokens(of: jid, client: client, in: transaction).first(where: {
                $0.verifier.proofHash == token.verifier.proofHash
            }), stored.expiresAt > 0, count.map({ $0 > stored.count }) ?? true
        else { return false }
        if stored.slot == .new {
            try transaction.execute(
                "DELETE FROM fast_tokens WHERE user_id = ? AND client = ? AND slot = 0", [.integer(id), .text(client)])
        }
        try transaction.execute(
            "UPDATE fast_tokens SET slot = 0, used_count = ? WHERE user_id = ? AND client = ? AND slot = ?",
            [.integer(count ?? stored.count), .integer(id), .text(client), .integer(stored.slot.rawValue)])
        return true
    }

    /// Voids the tokens of one client, or of all clients when it is nil. They stay as expired ones, so that a client that
    /// presents one is told to use its password (§4.2).
    public static func void(of jid: JID, client: String? = nil, in transaction: any Transaction) throws {
        guard let id = try userID(jid, in: transaction) else { return }
        if let client {
            try transaction.execute(
                "UPDATE fast_tokens SET expires_ms = 0 WHERE user_id = ? AND client = ?",
                [.integer(id), .text(client)])
        } else {
            try transaction.execute("UPDATE fast_tokens SET expires_ms = 0 WHERE user_id = ?", [.integer(id)])
        }
    }

    private static func userID(_ jid: JID, in transaction: any Transaction) throws -> Int64? {
        try transaction.query(
            "SELECT id FROM users WHERE domain = ? AND localpart = ?", [.text(jid.domain), .text(jid.local ?? "")]
        ).first?.integer(0)
    }

    private static func removeSurplus(
        _ id: Int64, keeping client: String, in transaction: any Transaction
    ) throws {
        let clients = try transaction.query(
            """
            SELECT client, max(expires_ms) AS ends FROM fast_tokens WHERE user_id = ? AND client <> ?
            GROUP BY client ORDER BY ends DESC
            """, [.integer(id), .text(client)])
        for row in clients.dropFirst(clientsPerUser - 1) {
            try transaction.execute(
                "DELETE FROM fast_tokens WHERE user_id = ? AND client = ?", [.integer(id), .text(row.text(0))])
        }
    }
}
