/// Mappings between stanzas, the core and SIP: tables and pure functions (RFC 7247, 8048, 7572, 7573).
