/// What stands below a list: how much of it is shown, and the ways on.
struct ConsolePager: Sendable {
    var range: String
    /// Back to the beginning; nil when this is the beginning.
    var first: String?
    var next: String?

    /// Entries of one page.
    static let size = 50

    /// - Parameters:
    ///   - path: of the list.
    ///   - filter: fields of the query that stay.
    init<Item>(_ page: AdminPage<Item>, path: String, filter: KeyValuePairs<String, String>, _ request: ConsoleRequest)
    {
        let language = request.language
        let shown = ConsoleNumbers.grouped(page.items.count)
        if let total = page.total {
            range = language("frame.shown_of", ["count": shown, "total": ConsoleNumbers.grouped(total)])
        } else {
            range = language("frame.shown", ["count": shown])
        }
        let kept = filter.filter { !$0.value.isEmpty }.map { "\($0.key)=\(ConsoleForm.encoded($0.value))" }
        func link(_ parts: [String]) -> String {
            parts.isEmpty ? path : path + "?" + parts.joined(separator: "&")
        }
        if request.query["cursor"] != nil { first = link(kept) }
        if let cursor = page.next { next = link(kept + ["cursor=" + ConsoleForm.encoded(cursor)]) }
    }
}

/// A form that is not a list of settings: a few fields and a button.
struct FormModel: Sendable {
    /// One control; exactly one of the four is there.
    struct Field: Sendable {
        var checkbox: Checkbox?
        var choice: Choice?
        var area: Text?
        var input: Text?

        static func checkbox(_ name: String, _ label: String, isChecked: Bool = false, hint: String? = nil) -> Field {
            Field(checkbox: Checkbox(name: name, label: label, isChecked: isChecked, hint: hint))
        }

        static func choice(
            _ name: String, _ label: String, _ options: [(value: String, title: String)], chosen: String,
            hint: String? = nil
        ) -> Field {
            let options = options.map { Option(value: $0.value, title: $0.title, isChosen: $0.value == chosen) }
            return Field(choice: Choice(name: name, label: label, options: options, hint: hint))
        }

        static func area(
            _ name: String, _ label: String, value: String = "", placeholder: String = "", hint: String? = nil,
            problem: String? = nil, file: String? = nil
        ) -> Field {
            var text = Text(name, label, value: value, placeholder: placeholder, hint: hint, problem: problem)
            text.file = file
            return Field(area: text)
        }

        static func input(
            _ name: String, _ label: String, type: String = "text", value: String = "", isRequired: Bool = true,
            autocomplete: String = "off", hint: String? = nil, problem: String? = nil
        ) -> Field {
            var text = Text(name, label, value: value, placeholder: "", hint: hint, problem: problem)
            (text.type, text.isRequired, text.autocomplete) = (type, isRequired, autocomplete)
            return Field(input: text)
        }
    }

    struct Checkbox: Sendable {
        var name: String
        var label: String
        var isChecked: Bool
        var hint: String?
    }

    struct Choice: Sendable {
        var name: String
        var label: String
        var options: [Option]
        var hint: String?
    }

    struct Option: Sendable {
        var value: String
        var title: String
        var isChosen: Bool
    }

    struct Text: Sendable {
        var name: String
        var label: String
        var value: String
        var placeholder: String
        var hint: String?
        var problem: String?
        /// Ids of what explains the control.
        var describedBy: String?
        var type = "text"
        var isRequired = false
        var autocomplete = "off"
        /// Name of a button that fills the field from a file; needs the script.
        var file: String?

        init(_ name: String, _ label: String, value: String, placeholder: String, hint: String?, problem: String?) {
            (self.name, self.label, self.value, self.placeholder) = (name, label, value, placeholder)
            (self.hint, self.problem) = (hint, problem)
            let ids = [hint.map { _ in name + "-hint" }, problem.map { _ in name + "-problem" }].compactMap { $0 }
            describedBy = ids.isEmpty ? nil : ids.joined(separator: " ")
        }
    }

    /// Something that is shown once, below the form.
    struct Secret: Sendable {
        var title: String
        var text: String
        var value: String
    }

    var action: String
    var fields: [Field]
    var button: String
    var back: String
    /// What is wrong with the form as a whole.
    var problem: String?
    var secret: Secret?
    /// `primary`, or `dangerous` for what cannot be undone.
    var buttonClass = "primary"

    static let dangerous = "danger solid"
}

/// A name and what it stands at, in a list of such pairs.
struct ConsoleFact: Sendable {
    var name: String
    var value: String
    /// The value as an instant, ISO 8601.
    var at: String?
}
