/// Servers of a domain by NAPTR, SRV and address records (RFC 3263, RFC 2782).
