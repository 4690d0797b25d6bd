import Crypto
import XMPPWire

/// What digest authentication needs in place of a password: the hash of `user:realm:password` (RFC 7616 §3.4.2, A1), where
/// the realm is the domain of the account. Whoever reads it can log in: as secret as the password itself.
public struct PasswordDigests: Sendable, Equatable {
    /// MD5, then SHA-256.
    let bytes: [UInt8]
    static let length = 48

    /// 16 bytes.
    public var md5: ArraySlice<UInt8> { bytes[..<16] }
    /// 32 bytes.
    public var sha256: ArraySlice<UInt8> { bytes[16...] }

    /// The user name is what SIP addresses have: without the escapes of XEP-0106.
    ///
    /// - Parameter preparedPassword: result of `JIDPreparation.password`; the same as what was typed for ASCII.
    public init(preparedPassword: String, of jid: JID) {
        let text = JIDEscaping.plain(jid.local ?? "") + Array(":\(jid.domain):\(preparedPassword)".utf8)
        bytes = Array(Insecure.MD5.hash(data: text)) + Array(SHA256.hash(data: text))
    }

    /// Nil for bytes of another length: nothing matches what is damaged.
    init?(md5: [UInt8], sha256: [UInt8]) {
        guard md5.count == 16, sha256.count == 32 else { return nil }
        bytes = md5 + sha256
    }
}
