/// client-first-message (RFC 5802 §7).
struct ScramClientFirst: Equatable {
    enum BindingFlag: Equatable {
        /// `n`: the client does not support channel binding.
        case unsupported
        /// `y`: the client supports it and believes that the server does not.
        case unoffered
        /// `p`: the client requires it, with this type.
        case required(String)
    }

    var flag: BindingFlag
    var authzid: String?
    var username: String
    var nonce: [UInt8]
    /// gs2-header with its closing comma, to be found again in client-final-message.
    var header: [UInt8]
    /// client-first-message-bare, the first part of AuthMessage.
    var bare: [UInt8]

    /// Room for a localpart of 1023 bytes with every character escaped, an authzid, and a long nonce.
    static let maximumBytes = 8192

    init(parsing message: [UInt8]) throws(SASLFailure) {
        guard message.count <= Self.maximumBytes else { throw .malformedRequest }
        let fields = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        // Flag, authzid, username, nonce; then extensions, which need not be understood.
        guard fields.count >= 4 else { throw .malformedRequest }
        flag = try Self.bindingFlag(fields[0])
        authzid = try Self.authzid(fields[1])
        header = Array(message[..<fields[2].startIndex])
        bare = Array(message[fields[2].startIndex...])
        // A mandatory extension, `m=`, stands where the username is expected: not understood, hence refused.
        guard let name = ScramAttribute.value(of: fields[2], key: "n"),
            let nonce = ScramAttribute.value(of: fields[3], key: "r")
        else { throw .malformedRequest }
        username = try ScramAttribute.saslname(name)
        guard ScramAttribute.isNonce(nonce), fields[4...].allSatisfy(ScramAttribute.isExtension) else {
            throw .malformedRequest
        }
        self.nonce = Array(nonce)
    }

    private static func bindingFlag(_ field: ArraySlice<UInt8>) throws(SASLFailure) -> BindingFlag {
        if field.elementsEqual("n".utf8) { return .unsupported }
        if field.elementsEqual("y".utf8) { return .unoffered }
        guard let name = ScramAttribute.value(of: field, key: "p"), !name.isEmpty, name.allSatisfy(isBindingName) else {
            throw .malformedRequest
        }
        return .required(String(decoding: name, as: UTF8.self))
    }

    /// cb-name: letters, digits, dot and hyphen.
    private static func isBindingName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "-"): true
        default: false
        }
    }

    private static func authzid(_ field: ArraySlice<UInt8>) throws(SASLFailure) -> String? {
        if field.isEmpty { return nil }
        guard let name = ScramAttribute.value(of: field, key: "a") else { throw .malformedRequest }
        return try ScramAttribute.saslname(name)
    }
}

/// client-final-message (RFC 5802 §7).
struct ScramClientFinal: Equatable {
    /// Decoded value of `c=`: gs2-header and binding data.
    var binding: [UInt8]
    var nonce: [UInt8]
    /// Decoded value of `p=`.
    var proof: [UInt8]
    /// client-final-message-without-proof, the last part of AuthMessage.
    var withoutProof: [UInt8]

    static let maximumBytes = 32_768

    init(parsing message: [UInt8]) throws(SASLFailure) {
        guard message.count <= Self.maximumBytes else { throw .malformedRequest }
        let fields = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 3, let last = fields.last,
            let binding = ScramAttribute.value(of: fields[0], key: "c").flatMap({ Base64.decode($0) }),
            !binding.isEmpty,
            let nonce = ScramAttribute.value(of: fields[1], key: "r"), ScramAttribute.isNonce(nonce),
            fields[2..<(fields.count - 1)].allSatisfy(ScramAttribute.isExtension),
            let proof = ScramAttribute.value(of: last, key: "p").flatMap({ Base64.decode($0) }), !proof.isEmpty
        else { throw .malformedRequest }
        self.binding = binding
        self.nonce = Array(nonce)
        self.proof = proof
        self.withoutProof = Array(message[..<(last.startIndex - 1)])
    }
}

/// Attributes `letter=value` between commas (RFC 5802 §5.1).
enum ScramAttribute {
    /// The value when the field has this key, else nil. The value may be empty.
    static func value(of field: ArraySlice<UInt8>, key: Unicode.Scalar) -> ArraySlice<UInt8>? {
        guard field.count >= 2, field[field.startIndex] == UInt8(ascii: key),
            field[field.startIndex + 1] == UInt8(ascii: "=")
        else { return nil }
        return field.dropFirst(2)
    }

    /// printable, without comma: 0x21 … 0x7E.
    static func isNonce(_ value: some Collection<UInt8>) -> Bool {
        !value.isEmpty && value.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") }
    }

    /// An optional extension: any letter but `m`, and a value of UTF-8 without NUL. It is ignored.
    static func isExtension(_ field: ArraySlice<UInt8>) -> Bool {
        guard field.count >= 3, let key = field.first, key != UInt8(ascii: "m"),
            (0x41...0x5A).contains(key) || (0x61...0x7A).contains(key),
            field[field.startIndex + 1] == UInt8(ascii: "=")
        else { return false }
        let value = field.dropFirst(2)
        return !value.contains(0) && String(validating: value, as: UTF8.self) != nil
    }

    /// Decodes `=2C` and `=3D`. Any other `=`, NUL, and what is not UTF-8 are malformed, as is an empty name.
    static func saslname(_ encoded: ArraySlice<UInt8>) throws(SASLFailure) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(encoded.count)
        var rest = encoded
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "=") else {
                guard byte != 0 else { throw .malformedRequest }
                decoded.append(byte)
                continue
            }
            if rest.starts(with: "2C".utf8) {
                decoded.append(UInt8(ascii: ","))
            } else if rest.starts(with: "3D".utf8) {
                decoded.append(UInt8(ascii: "="))
            } else {
                throw .malformedRequest
            }
            rest = rest.dropFirst(2)
        }
        guard !decoded.isEmpty, let name = String(validating: decoded, as: UTF8.self) else { throw .malformedRequest }
        return name
    }
}
