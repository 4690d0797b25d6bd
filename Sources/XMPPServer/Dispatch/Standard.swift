/// A specification that a feature implements, as docs/PROTOCOLS.md shows it.
struct Standard {
    enum Completeness: Equatable {
        case complete
        /// For clients: the server brings it from one to the other as it is.
        case passedOn
        /// What is missing, in a few words.
        case partial(String)
    }

    /// `RFC 6120`, `XEP-0060`.
    var number: String
    var title: String
    /// Version of the XEP that was followed; empty for an RFC.
    var version: String
    var completeness: Completeness

    init(_ number: String, _ title: String, _ version: String = "", _ completeness: Completeness = .complete) {
        self.number = number
        self.title = title
        self.version = version
        self.completeness = completeness
    }
}
