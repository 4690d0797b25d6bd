import Storage
import XMPPWire

/// Certificates that users have enrolled for their clients (XEP-0257).
enum EnrolmentSchema {
    static let migration = Migration(
        "client-certificates-1",
        [
            """
            CREATE TABLE client_certificates (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, name TEXT NOT NULL,
                fingerprint BLOB NOT NULL, certificate BLOB NOT NULL, manages INTEGER NOT NULL,
                added_ms BIGINT NOT NULL, PRIMARY KEY (user_id, name))
            """,
            "CREATE INDEX client_certificates_by_fingerprint ON client_certificates (fingerprint)",
        ])
}

/// A certificate that a user has enrolled.
public struct EnrolledCertificate: Sendable, Equatable {
    /// Chosen by the user, once.
    public var name: String
    /// SHA-256 of the certificate; what logins are compared with.
    public var fingerprint: [UInt8]
    /// For the list that the user sees.
    public var der: [UInt8]
    /// Whether a client logged in with it may change the list (XEP-0257 §2.1).
    public var manages: Bool

    public init(name: String, fingerprint: [UInt8], der: [UInt8], manages: Bool) {
        self.name = name
        self.fingerprint = fingerprint
        self.der = der
        self.manages = manages
    }
}

/// SQL of enrolled certificates.
public enum EnrolmentStore {
    /// Certificates of one user.
    public static let capacity = 25
    private static let columns = "name, fingerprint, certificate, manages"

    private static func certificate(_ row: Row) -> EnrolledCertificate {
        EnrolledCertificate(
            name: row.text(0), fingerprint: row.blob(1), der: row.blob(2), manages: row.bool(3))
    }

    /// In the order of their names.
    public static func all(of userID: Int64, in transaction: any Transaction) throws -> [EnrolledCertificate] {
        try transaction.query(
            "SELECT \(columns) FROM client_certificates WHERE user_id = ? ORDER BY name", [.integer(userID)]
        ).map(certificate)
    }

    /// Accounts of a domain that have enrolled the certificate, with whether it may manage.
    public static func owners(
        of fingerprint: [UInt8], domain: String, in transaction: any Transaction
    ) throws -> [(jid: JID, manages: Bool)] {
        try transaction.query(
            """
            SELECT u.localpart, c.manages FROM client_certificates c JOIN users u ON u.id = c.user_id
            WHERE c.fingerprint = ? AND u.domain = ? LIMIT 16
            """, [.blob(fingerprint), .text(domain)]
        ).map { (JID(preparedLocal: $0.text(0), domain: domain, resource: nil), $0.bool(1)) }
    }

    /// - Throws: `conflict` for a name or certificate that is there already, `resource-constraint` for one too many.
    public static func add(
        _ certificate: EnrolledCertificate, of userID: Int64, now: Int64, in transaction: any Transaction
    ) throws {
        let known = try all(of: userID, in: transaction)
        guard !known.contains(where: { $0.name == certificate.name }) else {
            throw StanzaError(.cancel, .conflict, "a certificate has that name already")
        }
        guard !known.contains(where: { $0.fingerprint == certificate.fingerprint }) else {
            throw StanzaError(.cancel, .conflict, "the certificate is there already, under another name")
        }
        guard known.count < capacity else {
            throw StanzaError(.wait, .resourceConstraint, "an account has at most \(capacity) certificates")
        }
        try transaction.execute(
            """
            INSERT INTO client_certificates (user_id, name, fingerprint, certificate, manages, added_ms)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(userID), .text(certificate.name), .blob(certificate.fingerprint), .blob(certificate.der),
                .bool(certificate.manages), .integer(now),
            ])
    }

    /// - Returns: the fingerprint; nil when there is no certificate of that name.
    public static func remove(
        _ name: String, of userID: Int64, in transaction: any Transaction
    ) throws -> [UInt8]? {
        try transaction.query(
            "DELETE FROM client_certificates WHERE user_id = ? AND name = ? RETURNING fingerprint",
            [.integer(userID), .text(name)]
        ).first?.blob(0)
    }
}
