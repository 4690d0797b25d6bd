import PresenceWire
import Testing
import XMLWire

@Suite("Partial presence documents (RFC 5262)") struct PartialPIDFTests {
    private func document(_ inside: String, entity: String = "pres:anna@example.com") throws -> XMLElement {
        try XMLDocument.parse(
            Array(
                ("<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "
                    + "entity='\(entity)'>\(inside)</presence>").utf8))
    }

    private func tuple(_ id: String, _ basic: String = "open") -> String {
        "<tuple id='\(id)'><status><basic>\(basic)</basic></status></tuple>"
    }

    private func person(_ id: String, _ note: String) -> String {
        "<dm:person id='\(id)'><dm:note>\(note)</dm:note></dm:person>"
    }

    /// Does what a watcher does with a patch (RFC 5261 §4), as far as these have it.
    private func patched(_ old: XMLElement, by patch: [UInt8]) throws -> XMLElement {
        let root = try XMLDocument.parse(patch)
        #expect(root.name == "pidf-diff" && root.namespace == PartialPIDF.namespace && root["version"] == "0")
        var result = old
        result.children = old.elements.map { .element($0) }
        for operation in root.elements {
            #expect(operation.namespace == PartialPIDF.namespace)
            let selector = try #require(operation["sel"])
            let place = result.elements.firstIndex { element in
                let step = element.namespace == PIDF.namespace ? element.name : "dm:\(element.name)"
                return selector == "*/\(step)[@id='\(element["id"] ?? "")']"
            }
            switch (operation.name, operation["pos"]) {
            case ("add", nil):
                #expect(selector == "*")
                result.children.append(.element(operation.elements[0]))
            case ("add", "prepend"): result.children.insert(.element(operation.elements[0]), at: 0)
            case ("add", _): result.children.insert(.element(operation.elements[0]), at: try #require(place) + 1)
            case ("replace", _): result.children[try #require(place)] = .element(operation.elements[0])
            default: result.children.remove(at: try #require(place))
            }
        }
        return result
    }

    @Test("tuples and persons that come, change and go are said, and nothing else")
    func differences() throws {
        let documents = try [
            document(tuple("a")), document(tuple("a", "closed")), document(tuple("a") + tuple("b") + person("p", "x")),
            document(tuple("b") + tuple("c") + "<note>n</note>"), document(person("p", "y")),
            document(tuple("d") + "<note>n</note>" + person("p", "y")), document(""),
        ]
        for old in documents {
            for new in documents {
                guard let patch = PartialPIDF.difference(from: old, to: new) else {
                    let notes = [old, new].map { $0.elements.contains { $0.name == "note" } }
                    #expect(notes[0] != notes[1], "only notes cannot be named")
                    continue
                }
                let result = try patched(old, by: patch)
                func sorted(_ root: XMLElement) -> [XMLElement] {
                    root.elements.sorted { ($0.name, $0["id"] ?? "") < ($1.name, $1["id"] ?? "") }
                }
                #expect(sorted(result) == sorted(new))
                // Tuples first, notes next (RFC 3863 §4.1).
                let order = result.elements.map { ["tuple": 0, "note": 1][$0.name] ?? 2 }
                #expect(order == order.sorted())
            }
        }
    }

    @Test("what cannot be named is told whole: ids that name two, none, another entity")
    func whole() throws {
        let plain = try document(tuple("a"))
        #expect(PartialPIDF.difference(from: plain, to: try document(tuple("a") + tuple("a"))) == nil)
        #expect(PartialPIDF.difference(from: try document("<tuple/>"), to: plain) == nil)
        #expect(
            PartialPIDF.difference(from: plain, to: try document(tuple("a"), entity: "pres:bob@example.com")) == nil)
        let full = try XMLDocument.parse(PartialPIDF.full(plain))
        #expect(full.name == "pidf-full" && full.namespace == PartialPIDF.namespace && full["version"] == "0")
        #expect(full["entity"] == "pres:anna@example.com" && full.elements == plain.elements)
    }
}
