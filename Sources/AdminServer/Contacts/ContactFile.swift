import Ground

/// The columns of the files that contacts come and go in, as the vendor's bulk tool has them.
public enum ContactFile {
    /// Current form, with `State`; older files lack the last column.
    public static let contacts = [
        "User ID", "User Domain", "Contact ID", "Contact Domain", "Nickname", "Group Name", "State",
    ]
    public static let plainContacts = [
        "User JID", "Contact JID", "Group Name", "Content Type", "Version", "Info",
    ]
    public static let renames = ["Contact ID", "New Contact ID"]

    /// Whether a first row is the header with these columns, in any case; the last `optional` ones may be missing.
    ///
    /// - Throws: what is wrong with it.
    static func check(_ row: CSVParser.Row, is columns: [String], optional: Int = 0) throws(AdminError) -> Int {
        guard case .success(let fields) = row.fields else {
            throw AdminError(.invalid, "line \(row.line): the header cannot be read, expected \(Self.text(columns))")
        }
        let names = fields.map { $0.filter { $0 != " " && $0 != "_" }.lowercased() }
        let wanted = columns.map { $0.filter { $0 != " " }.lowercased() }
        guard names.count >= wanted.count - optional, names.count <= wanted.count,
            names == Array(wanted.prefix(names.count))
        else {
            throw AdminError(
                .invalid, "line \(row.line): this is not the header, which is \(Self.text(columns))")
        }
        return names.count
    }

    private static func text(_ columns: [String]) -> String { columns.joined(separator: ",") }
}

/// One row of a contact list.
struct ContactRow: Equatable {
    var line: Int
    var userID: String
    var userDomain: String
    var contactID: String
    var contactDomain: String
    var nickname: String
    var group: String
    /// As it came; nil without the column.
    var state: String?

    /// A row that cannot be taken.
    struct Fault: Error, Equatable {
        var line: Int
        var subject: String
        var reason: String
    }

    /// Longest user IDs, domains, and names in characters (the vendor's bulk administration).
    static let idLength = 132
    static let domainLength = 128
    static let nameLength = 255

    init(_ row: CSVParser.Row, columns: Int) throws(Fault) {
        let fields = try Self.fields(row, columns)
        line = row.line
        (userID, userDomain) = (fields[0], fields[1])
        (contactID, contactDomain) = (fields[2], fields[3])
        (nickname, group) = (fields[4], fields[5])
        state = columns > 6 ? fields[6] : nil
        let subject = userID
        func refuse(_ reason: String?) throws(Fault) {
            if let reason { throw Fault(line: row.line, subject: subject, reason: reason) }
        }
        try refuse(Self.fault(ofID: userID, "User ID"))
        try refuse(Self.fault(ofDomain: userDomain, "User Domain"))
        // A contact without an ID is a server of its own, such as a gateway.
        try refuse(contactID.isEmpty && !contactDomain.isEmpty ? nil : Self.fault(ofID: contactID, "Contact ID"))
        try refuse(Self.fault(ofDomain: contactDomain, "Contact Domain"))
        try refuse(Self.fault(ofName: nickname, "Nickname"))
        try refuse(Self.fault(ofName: group, "Group Name"))
        try refuse(state.flatMap { $0.count > 32 ? "State is longer than 32 characters" : nil })
    }

    /// The fields of a row that has as many as the header.
    static func fields(_ row: CSVParser.Row, _ columns: Int) throws(Fault) -> [String] {
        switch row.fields {
        case .failure(let fault): throw Fault(line: row.line, subject: "", reason: fault.description)
        case .success(let fields):
            guard fields.count == columns else {
                throw Fault(
                    line: row.line, subject: String((fields.first ?? "").prefix(idLength)),
                    reason: "\(fields.count) fields where the header has \(columns)")
            }
            return fields.map(trimmed)
        }
    }

    /// Nil when it is in order.
    static func fault(ofID text: String, _ name: String) -> String? {
        if text.isEmpty { return "\(name) is empty" }
        if text.count > idLength { return "\(name) is longer than \(idLength) characters" }
        return nil
    }

    /// An empty one stands for the domain of the deployment.
    static func fault(ofDomain text: String, _ name: String) -> String? {
        guard !text.isEmpty else { return nil }
        guard text.count <= domainLength else { return "\(name) is longer than \(domainLength) characters" }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        for label in labels {
            guard !label.isEmpty, label.count <= 63, label.first != "-", label.last != "-" else {
                return "\(name) \(text) is not a domain: every part has 1 to 63 characters and no hyphen at its ends"
            }
        }
        // One word alone is a host of one's own network, such as localhost.
        guard labels.count == 1 || labels.last.map(isTopLevel) ?? false else {
            return "\(name) \(text) is not a domain: its last part has at least two characters, letters only"
        }
        return nil
    }

    /// Letters of any script, or the ASCII form of such a name.
    private static func isTopLevel(_ label: Substring) -> Bool {
        label.count >= 2 && (label.allSatisfy(\.isLetter) || label.lowercased().hasPrefix("xn--"))
    }

    static func fault(ofName text: String, _ name: String) -> String? {
        if text.count > nameLength { return "\(name) is longer than \(nameLength) characters" }
        let isBad = text.unicodeScalars.contains { $0.value < 32 || $0.value == 127 }
        return isBad ? "\(name) has control characters" : nil
    }

    private static func trimmed(_ text: String) -> String {
        guard text.first == " " || text.last == " " else { return text }
        return String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

/// The rows of one user that stand together: what goes in as a whole.
struct ContactUnit {
    var userID: String
    var userDomain: String
    var rows: [ContactRow]

    /// Rows beyond which a list is cut: what follows is a unit of its own.
    static let rows = 5_000

    func takes(_ row: ContactRow) -> Bool {
        row.userID == userID && row.userDomain == userDomain && rows.count < Self.rows
    }
}
