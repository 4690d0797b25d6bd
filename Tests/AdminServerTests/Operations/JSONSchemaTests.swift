import Foundation
import Testing

@testable import AdminServer

private struct Inner: Codable { var count: Int }
private enum Kind: String, Codable, CaseIterable {
    case one
    case two = "second"
}
private struct Sample: Codable, FieldDescribed {
    var text: String
    var number: Int?
    var flag: Bool
    var kinds: [Kind]
    var kind: Kind
    var inner: Inner
    var inners: [Inner]
    var byName: [String: Inner]
    var real: Double
    static var fields: [String: FieldNote] { ["number": FieldNote("A number.", range: 1...9)] }
}

/// A valid value with one member put in, in place of another.
private func valid(_ member: String) -> String {
    var members = [
        "text": #""""#, "flag": "true", "kinds": #"["one"]"#, "kind": #""one""#, "inner": #"{"count": 1}"#,
        "inners": "[]", "byName": "{}", "real": "1.5",
    ]
    let parts = member.split(separator: ": ", maxSplits: 1)
    members[String(parts[0].dropFirst().dropLast())] = String(parts[1])
    return "{" + members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ",") + "}"
}

@Suite("Schemas of types")
struct JSONSchemaTests {
    private func property(_ name: String) throws -> JSONSchema.Property {
        guard case .object(let properties, nil) = JSONSchema.of(Sample.self).kind else {
            throw AdminError(.invalid, "")
        }
        return try #require(properties.first { $0.name == name })
    }

    @Test("every property is found with its kind, and whether it may be left out")
    func properties() throws {
        #expect(try property("text").schema == .string && property("text").isRequired)
        let number = try property("number")
        #expect(!number.isRequired && number.schema.isNullable && number.schema.minimum == 1)
        #expect(number.schema.summary == "A number.")
        #expect(try property("kind").schema.allowed == ["one", "second"])
        #expect(try property("kinds").schema.kind == .array(.words(["one", "second"])))
        #expect(try property("real").schema.kind == .number)
        guard case .array(let element) = try property("inners").schema.kind,
            case .object([], let additional?) = try property("byName").schema.kind
        else { return #expect(Bool(false)) }
        #expect(element == additional && element.name?.hasSuffix("Inner") == true)
        #expect(try property("inner").schema == element)
    }

    @Test(
        "faults point at the place and never show what was there",
        arguments: [
            (#"[]"#, "", "expected an object"),
            (#"{}"#, "/byName", "is missing"),
            (valid(#""number": 10"#), "/number", "expected a whole number from 1 to 9"),
            (valid(#""kind": "secret""#), "/kind", "expected one of one, second"),
            (valid(#""inners": [{"count": 1}, {"count": "secret"}]"#), "/inners/1/count", "expected a whole number"),
            (valid(#""byName": {"a/b": 5}"#), "/byName/a~1b", "expected an object"),
            (valid(#""other": 5"#), "/other", "is not known here"),
        ])
    func faults(json: String, pointer: String, detail: String) throws {
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
        let faults = JSONSchema.of(Sample.self).faults(of: value)
        #expect(faults.contains(SchemaFault(pointer: pointer, detail: detail)), "\(faults)")
        #expect(!"\(faults)".contains("secret"))
    }

    @Test("what fits has no fault")
    func fits() throws {
        for more in [#""number": null"#, #""number": 9"#, #""kind": "second""#] {
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(valid(more).utf8))
            #expect(JSONSchema.of(Sample.self).faults(of: value) == [])
        }
    }

    @Test("names of components are plain")
    func names() {
        #expect(JSONSchema.of(AdminPage<AdminUser>.self).name == "PageOfUser")
        #expect(JSONSchema.of(AdminPortableBatch.User.self).name == "PortableBatch.User")
    }
}
