import XMLWire

/// What a submission said, checked against the form that asked for it.
public struct FormAnswers: Sendable, Equatable {
    fileprivate var values: [String: [String]] = [:]

    /// The fields that were answered; those left out of the submission are missing.
    public var names: Set<String> { Set(values.keys) }

    public func contains(_ name: String) -> Bool { values[name] != nil }

    public subscript(name: String) -> [String] { values[name] ?? [] }

    /// The first value; nil when the field was left out or is empty.
    public func text(_ name: String) -> String? {
        guard let value = values[name]?.first, !value.isEmpty else { return nil }
        return value
    }

    public func isTrue(_ name: String) -> Bool? {
        guard let value = values[name]?.first else { return nil }
        return FormField(name, value: value).isTrue
    }

    public func integer(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

    public func jid(_ name: String) -> JID? { text(name).flatMap { try? JID(parsing: $0) } }
}

/// Why a submission is refused. `description` is fit for the text of an error.
public enum FormProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not of type `submit`.
    case notSubmitted
    /// Its FORM_TYPE is another one.
    case formType(String)
    case missing(String)
    /// The value of a field is not of its type, not among its options, or out of range.
    case invalid(String, String)
    /// The same field twice.
    case repeated(String)

    public var description: String {
        switch self {
        case .notSubmitted: "the form is not of type submit"
        case .formType(let type): "the form is not of FORM_TYPE \(type)"
        case .missing(let field): "the field \(field) is required"
        case .invalid(let field, let reason): "the field \(field) \(reason)"
        case .repeated(let field): "the field \(field) is there twice"
        }
    }
}

extension DataForm {
    /// Checks a submission against this form (XEP-0004 §3.3, XEP-0122 §3).
    ///
    /// Fields that this form does not have are ignored (§3.1). A submission without FORM_TYPE is accepted, one with
    /// another is not.
    ///
    /// - Parameter isPartial: required fields may be left out: the others of a configuration stay as they are.
    public func answers(in submission: DataForm, isPartial: Bool = false) throws(FormProblem) -> FormAnswers {
        guard submission.kind == .submit else { throw .notSubmitted }
        if let formType, let other = submission.formType, other != formType { throw .formType(formType) }
        var answers = FormAnswers()
        for field in submission.fields {
            guard !field.name.isEmpty, field.name != Self.formTypeField,
                let asked = self[field.name], asked.kind != .fixed
            else { continue }
            guard answers.values[field.name] == nil else { throw .repeated(field.name) }
            answers.values[field.name] = try asked.accept(field.values)
        }
        for field in fields where field.isRequired && field.kind != .fixed {
            guard let values = answers.values[field.name] else {
                if isPartial { continue }
                throw .missing(field.name)
            }
            guard values.contains(where: { !$0.isEmpty }) else { throw .missing(field.name) }
        }
        return answers
    }
}

extension FormField {
    /// The values as they are to be used: booleans as `1` and `0`, addresses prepared and each once.
    func accept(_ submitted: [String]) throws(FormProblem) -> [String] {
        let kind = kind ?? .textSingle
        guard kind.isMultiple || submitted.count <= 1 else { throw .invalid(name, "has one value only") }
        // An empty value of a field that may be empty says that there is none.
        if submitted.allSatisfy(\.isEmpty), kind != .textMulti {
            return submitted.isEmpty || kind.isMultiple ? [] : [""]
        }
        var accepted: [String] = []
        for value in submitted {
            switch kind {
            case .boolean:
                guard let isTrue = FormField(name, value: value).isTrue else {
                    throw .invalid(name, "is neither true nor false")
                }
                accepted.append(isTrue ? "1" : "0")
            case .jidSingle, .jidMulti:
                guard let jid = try? JID(parsing: value) else { throw .invalid(name, "is not an address") }
                let text = jid.description
                if !accepted.contains(text) { accepted.append(text) }
            case .listSingle, .listMulti:
                guard rule?.isOpen == true || options.contains(where: { $0.value == value }) else {
                    throw .invalid(name, "has a value that is not among its options")
                }
                accepted.append(value)
            case .fixed, .hidden, .textMulti, .textPrivate, .textSingle:
                accepted.append(value)
            }
            if let rule, !rule.allows(value) { throw .invalid(name, rule.expectation) }
        }
        return accepted
    }
}
