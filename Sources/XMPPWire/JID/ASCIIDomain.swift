extension JID {
    /// The domain as the DNS and SIP write it: U-labels as A-labels (RFC 5891 §4.4). IP literals stay as they are.
    public static func asciiDomain(_ domain: String) -> String {
        guard !domain.utf8.allSatisfy({ $0 < 0x80 }) else { return domain }
        return domain.split(separator: ".", omittingEmptySubsequences: false).map { label in
            guard !label.utf8.allSatisfy({ $0 < 0x80 }), let encoded = Punycode.encode(Array(label.unicodeScalars))
            else { return String(label) }
            var written = "xn--"
            written.unicodeScalars.append(contentsOf: encoded)
            return written
        }.joined(separator: ".")
    }
}
