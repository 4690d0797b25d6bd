import IMCore
import XMLWire
import XMPPWire

/// One search: what was asked, by the four old fields or by a form, and the answer in the same shape.
struct SearchQuery {
    /// A field of the form. The first four are the old fields (XEP-0055 §2.1).
    private struct Question {
        var name: String
        var label: String
        var field: SearchStore.Field?
        /// What is searched for it; names are often there as a whole only.
        var searched: [SearchStore.Field]
        var includesLocalpart = false
    }

    private static let questions = [
        Question(name: "first", label: "First name", field: .first, searched: [.first, .name]),
        Question(name: "last", label: "Family name", field: .last, searched: [.last, .name]),
        Question(name: "nick", label: "Nickname", field: .nick, searched: [.nick], includesLocalpart: true),
        Question(name: "email", label: "Email address", field: .email, searched: [.email]),
        Question(name: "name", label: "Full name", field: .name, searched: [.name, .first, .last]),
    ]
    private static let oldFields = 4

    private static let definition = DataForm(
        .form, type: SearchService.namespace, title: "People search",
        instructions: ["Fill in one or more fields. Parts of words are enough; * stands for anything."],
        fields: questions.map { FormField($0.name, .textSingle, label: $0.label) })

    /// The answer to a get: the old fields, and the form.
    static var form: XMLElement {
        var query = XMLElement("query", namespace: SearchService.namespace)
        query.children.append(
            .element(
                XMLElement(
                    "instructions", namespace: SearchService.namespace,
                    children: [.text("Fill in one or more fields. Parts of words are enough; * stands for anything.")]
                )))
        for question in questions.prefix(oldFields) {
            query.children.append(.element(XMLElement(question.name, namespace: SearchService.namespace)))
        }
        query.children.append(.element(definition.element))
        return query
    }

    let terms: [SearchStore.Term]
    private let isForm: Bool
    private let page: ResultSetRequest?

    /// Reads a set.
    /// - Throws: `bad-request` for a form that cannot be read, `not-acceptable` when nothing is asked.
    init(_ payload: XMLElement) throws(StanzaError) {
        page = try ResultSetRequest(in: payload)
        var values: [String: String] = [:]
        if let element = payload.child("x", namespace: DataForm.namespace) {
            isForm = true
            guard let form = DataForm(element) else { throw .badRequest("the form cannot be read") }
            do throws(FormProblem) {
                let answers = try Self.definition.answers(in: form)
                for question in Self.questions { values[question.name] = answers.text(question.name) }
            } catch {
                throw .badRequest(error.description)
            }
        } else {
            isForm = false
            for question in Self.questions.prefix(Self.oldFields) {
                values[question.name] = payload.child(question.name, namespace: SearchService.namespace)?.text
            }
        }
        var terms: [SearchStore.Term] = []
        var isAsked = false
        for question in Self.questions {
            guard let text = values[question.name]?.trimmed, !text.isEmpty else { continue }
            isAsked = true
            guard text.utf8.count <= 255 else { throw .badRequest("the field \(question.name) is too long") }
            // Nothing but asterisks: anybody, also those of whom nothing is known.
            if text.allSatisfy({ $0 == "*" }) { continue }
            terms.append(.init(question.searched, includesLocalpart: question.includesLocalpart, text))
        }
        guard isAsked else { throw StanzaError(.modify, .notAcceptable, "fill in at least one field") }
        self.terms = terms
    }

    /// - Parameter limit: people at most, of which a page may take fewer.
    func answer(_ hits: [SearchStore.Hit], limit: Int) throws(StanzaError) -> XMLElement {
        let ids = hits.map(\.jid.description)
        let range = try page?.page(of: ids, limit: limit) ?? 0..<hits.count
        var query = XMLElement("query", namespace: SearchService.namespace)
        // Nobody: an empty query (§2.1).
        guard !hits.isEmpty else { return query }
        if isForm {
            query.children.append(.element(table(hits[range]).element))
        } else {
            for hit in hits[range] { query.children.append(.element(Self.item(hit))) }
        }
        if page != nil { query.children.append(.element(ResultSet(range, of: ids).element)) }
        return query
    }

    private static func item(_ hit: SearchStore.Hit) -> XMLElement {
        var item = XMLElement("item", namespace: SearchService.namespace, attributes: ["jid": hit.jid.description])
        for question in questions.prefix(oldFields) {
            let value = question.field.flatMap { hit.value($0) }
            item.children.append(
                .element(
                    XMLElement(
                        question.name, namespace: SearchService.namespace, children: value.map { [.text($0)] } ?? [])))
        }
        return item
    }

    private func table(_ hits: ArraySlice<SearchStore.Hit>) -> DataForm {
        var form = DataForm(.result, type: SearchService.namespace)
        form.reported = [FormField("jid", .jidSingle, label: "Address")]
        form.reported += Self.questions.map { FormField($0.name, .textSingle, label: $0.label) }
        form.items = hits.map { hit in
            [FormField("jid", value: hit.jid.description)]
                + Self.questions.map { question in
                    FormField(question.name, value: question.field.flatMap { hit.value($0) } ?? "")
                }
        }
        return form
    }
}
