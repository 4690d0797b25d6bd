@testable import XMLWire

/// Stream header in front of every input; both parsers read it first.
let streamHeader = Array(
    ("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        + " xmlns:db='jabber:server:dialback' to='example.com' version='1.0'>").utf8)
let streamPrefixes = [
    (prefix: "stream", uri: "http://etherx.jabber.org/streams"), (prefix: "db", uri: "jabber:server:dialback"),
]
let streamDefaultNamespace = "jabber:client"

/// What one parser makes of one input. Offsets count from the first byte after the stream header.
struct Verdict: Equatable {
    enum Refusal: Equatable {
        case notWellFormed
        case badNamespacePrefix
        case restricted
    }

    /// Each complete top-level element as a flat list of its parse events.
    var elements: [[UInt8]] = []
    var isClosed = false
    var refusal: Refusal?
    /// Where the parser stands: the byte it refuses, or the start of what it still waits to complete.
    var position = 0
    /// The parser's own words, for the report.
    var reason = ""
}

/// Bytes that separate the parts of an element trace; none can occur in XML.
enum Mark {
    static let start: UInt8 = 1
    static let attribute: UInt8 = 2
    static let value: UInt8 = 3
    static let text: UInt8 = 4
    static let end: UInt8 = 5
    static let namespace: UInt8 = 6
}
