import Ground
import IMCore
import XMLWire
import XMPPWire

/// The form that filters a query (XEP-0313 §4.1).
enum ArchiveForm {
    private static let fullText = "{\(ArchiveProtocol.fullText)}fulltext"
    /// The name that other servers had for it before XEP-0431.
    private static let withText = "withtext"

    /// What can be asked, and what answers are checked against.
    static let definition = DataForm(
        .form, type: ArchiveProtocol.namespace,
        fields: [
            FormField("with", .jidSingle),
            FormField("start", .textSingle),
            FormField("end", .textSingle),
            FormField("before-id", .textSingle),
            FormField("after-id", .textSingle),
            FormField("ids", .listMulti, rule: FormRule("xs:string", isOpen: true)),
            FormField("include-groupchat", .boolean),
            FormField(fullText, .textSingle),
            FormField(withText, .textSingle),
        ])

    /// Bytes of a text to search for.
    private static let longestText = 1_024

    /// Reads `<query/>`.
    /// - Throws: `feature-not-implemented` for fields that are not offered, `bad-request` for values that cannot be read,
    ///   `item-not-found` for ids that no archive has, and for nodes.
    static func query(_ element: XMLElement, _ router: Router) throws(StanzaError) -> ArchiveQuery {
        // Archives of nodes are those of XEP-0442.
        guard element["node"] == nil else { throw .itemNotFound }
        var query = ArchiveQuery()
        if let wrapper = element.child("x", namespace: DataForm.namespace) {
            guard let form = DataForm(wrapper), form.formType == definition.formType else {
                throw .badRequest("the form is not of FORM_TYPE \(ArchiveProtocol.namespace)")
            }
            try filter(&query, form, router)
        }
        try limit(&query, element, router)
        return query
    }

    private static func filter(_ query: inout ArchiveQuery, _ form: DataForm, _ router: Router) throws(StanzaError) {
        for field in form.fields where definition[field.name] == nil {
            throw StanzaError(.cancel, .featureNotImplemented, "the field \(field.name) is not offered")
        }
        let answers: FormAnswers
        do { answers = try definition.answers(in: form) } catch { throw .badRequest(error.description) }
        query.with = answers.jid("with")
        query.start = try instant("start", answers)?.ceiling
        query.end = try instant("end", answers)?.floor
        if let name = answers.text("after-id") { query.afterID = try id(name, router) }
        if let name = answers.text("before-id") { query.beforeID = try id(name, router) }
        let ids = answers["ids"].filter { !$0.isEmpty }
        guard ids.count <= ArchiveQuery.largestSelection else {
            throw StanzaError(
                .modify, .policyViolation, "at most \(ArchiveQuery.largestSelection) messages can be named")
        }
        if !ids.isEmpty {
            var named: [MessageID] = []
            for name in ids { named.append(try id(name, router)) }
            query.ids = named
        }
        let text = [fullText, withText].compactMap { answers.text($0) }.joined(separator: " ")
        guard text.utf8.count <= longestText else {
            throw StanzaError(.modify, .policyViolation, "a text to search for has at most \(longestText) bytes")
        }
        query.words = text.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static func instant(_ field: String, _ answers: FormAnswers) throws(StanzaError) -> Timestamp.Instant? {
        guard let text = answers.text(field) else { return nil }
        guard let instant = Timestamp.parse(text) else {
            throw .badRequest("the field \(field) is not a DateTime of XEP-0082")
        }
        return instant
    }

    private static func limit(
        _ query: inout ArchiveQuery, _ element: XMLElement, _ router: Router
    ) throws(StanzaError) {
        guard let set = try ResultSetRequest(in: element) else { return }
        query.limit = min(set.maximum ?? ArchiveQuery.largestPage, ArchiveQuery.largestPage)
        switch set.position {
        case .first: query.position = .first
        case .last: query.position = .last
        case .after(let name): query.position = .after(try id(name, router))
        case .before(let name): query.position = .before(try id(name, router))
        case .index: throw StanzaError(.cancel, .featureNotImplemented, "pages are asked for by id")
        }
    }

    private static func id(_ name: String, _ router: Router) throws(StanzaError) -> MessageID {
        guard let id = router.journal.names.id(named: name) else { throw .itemNotFound }
        return id
    }
}
