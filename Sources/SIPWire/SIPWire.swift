/// The Session Initiation Protocol as bytes and pure machines (RFC 3261): messages, transactions, dialogs, digest, SDP, MSRP.
