import Testing
import XMLWire

@testable import XMPPWire

@Suite("Data forms (XEP-0004)")
struct DataFormTests {
    private let form = DataForm(
        .form, type: "urn:test", title: "Bot", instructions: ["Fill out", "carefully"],
        fields: [
            FormField("name", .textSingle, label: "Name", isRequired: true),
            FormField("public", label: "Public?", value: true),
            FormField(
                "maxsubs", .listSingle, values: ["20"],
                options: [.init("10", label: "Ten"), .init("20"), .init("none")]),
            FormField("features", .listMulti, options: [.init("news"), .init("search")]),
            FormField("invite", .jidMulti, description: "Tell all your friends"),
            FormField("owner", .jidSingle),
            FormField("seconds", .textSingle, rule: .integer(1...60)),
            FormField("note", .textMulti),
        ])

    static func parse(_ xml: String) throws -> XMLElement {
        try Array(xml.utf8).withUnsafeBytes { bytes throws(XMLFault) in
            try XMLElement(parsing: bytes, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
    }

    private func submit(_ fields: FormField...) -> DataForm { DataForm(.submit, type: "urn:test", fields: fields) }

    @Test("what is written is read back the same")
    func roundTrip() throws {
        let table = DataForm(
            .result, reported: [FormField("jid", .jidSingle, label: "Address")],
            items: [[FormField("jid", value: "a@b")], [FormField("jid", value: "c@d & e")]])
        for form in [form, table] { #expect(DataForm(try Self.parse(form.xml)) == form) }
    }

    @Test("the form type is the hidden first field (XEP-0068)")
    func formType() throws {
        #expect(form.formType == "urn:test")
        #expect(form.xml.contains("<field var='FORM_TYPE' type='hidden'><value>urn:test</value></field>"))
    }

    @Test(
        "what is not a form is not read",
        arguments: [
            "<x xmlns='jabber:x:data'/>", "<x xmlns='jabber:x:data' type='other'/>", "<x xmlns='other' type='form'/>",
            "<x xmlns='jabber:x:data' type='form'><field type='text-single'/></x>",
            "<x xmlns='jabber:x:data' type='result'><item><field/></item></x>",
        ])
    func unreadable(_ xml: String) throws { #expect(DataForm(try Self.parse(xml)) == nil) }

    @Test("fixed fields need no name and unknown types are text")
    func leniency() throws {
        let read = try #require(
            DataForm(
                try Self.parse(
                    "<x xmlns='jabber:x:data' type='form'><field type='fixed'><value>Section</value></field>"
                        + "<field var='a' type='colour'><value>red</value></field></x>")))
        #expect(read.fields.map(\.kind) == [.fixed, .textSingle])
    }

    @Test("answers come prepared")
    func answers() throws {
        let answers = try form.answers(
            in: submit(
                FormField("name", value: "Bill"), FormField("public", value: "false"),
                FormField("maxsubs", value: "10"), FormField("features", values: ["news", "search"]),
                FormField("invite", values: ["Bob@Example.com", "bob@example.com"]),
                FormField("seconds", value: "60"), FormField("unknown", value: "ignored")))
        #expect(answers.text("name") == "Bill")
        #expect(answers.isTrue("public") == false)
        #expect(answers["features"] == ["news", "search"])
        #expect(answers["invite"] == ["bob@example.com"])
        #expect(answers.integer("seconds") == 60)
        #expect(!answers.contains("unknown"))
        #expect(!answers.contains("note"))
    }

    @Test("an optional field may be emptied")
    func emptied() throws {
        let answers = try form.answers(
            in: submit(FormField("name", value: "x"), FormField("owner", value: ""), FormField("seconds", value: "")))
        #expect(answers.contains("owner"))
        #expect(answers.jid("owner") == nil)
        #expect(answers.text("seconds") == nil)
    }

    @Test(
        "bad values are named",
        arguments: [
            (FormField("public", value: "yes"), "public"), (FormField("maxsubs", value: "30"), "maxsubs"),
            (FormField("maxsubs", values: ["10", "20"]), "maxsubs"), (FormField("features", value: "sms"), "features"),
            (FormField("owner", value: "@"), "owner"), (FormField("invite", values: ["a@b", "@"]), "invite"),
            (FormField("seconds", value: "61"), "seconds"), (FormField("seconds", value: "soon"), "seconds"),
        ])
    func invalid(_ field: FormField, _ name: String) throws {
        do {
            _ = try form.answers(in: submit(FormField("name", value: "x"), field))
            Issue.record("\(name) was accepted")
        } catch {
            guard case .invalid(name, _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("submissions that are none, of another type, incomplete or ambiguous are refused")
    func refused() throws {
        #expect(throws: FormProblem.notSubmitted) { try form.answers(in: DataForm(.cancel)) }
        #expect(throws: FormProblem.formType("urn:test")) {
            try form.answers(in: DataForm(.submit, type: "urn:other", fields: [FormField("name", value: "x")]))
        }
        #expect(throws: FormProblem.missing("name")) { try form.answers(in: submit()) }
        #expect(throws: FormProblem.missing("name")) { try form.answers(in: submit(FormField("name", value: ""))) }
        #expect(throws: FormProblem.missing("name")) {
            try form.answers(in: submit(FormField("name", value: "")), isPartial: true)
        }
        #expect(throws: FormProblem.repeated("name")) {
            try form.answers(in: submit(FormField("name", value: "x"), FormField("name", value: "y")))
        }
        #expect(try form.answers(in: submit(), isPartial: true).names.isEmpty)
        let untyped = DataForm(.submit, fields: [FormField("name", value: "x")])
        #expect(try form.answers(in: untyped).text("name") == "x")
    }

    @Test("rules of values are written and read (XEP-0122)")
    func rules() throws {
        let open = FormField("type", .listSingle, options: [.init("a")], rule: FormRule("xs:string", isOpen: true))
        let form = DataForm(.form, fields: [open, FormField("n", .textSingle, rule: .integer(0...9))])
        #expect(form.xml.contains("<range min='0' max='9'/>"))
        #expect(DataForm(try Self.parse(form.xml)) == form)
        let answers = try form.answers(in: DataForm(.submit, fields: [FormField("type", value: "b")]))
        #expect(answers.text("type") == "b")
    }
}
