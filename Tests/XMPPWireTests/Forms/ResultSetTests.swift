import Testing
import XMLWire

@testable import XMPPWire

@Suite("Result set management (XEP-0059)")
struct ResultSetTests {
    private let ids = ["a", "b", "c", "d", "e"]

    private func request(_ content: String) throws -> ResultSetRequest {
        try ResultSetRequest(
            DataFormTests.parse("<set xmlns='http://jabber.org/protocol/rsm'>\(content)</set>"))
    }

    @Test(
        "pages",
        arguments: [
            ("<max>2</max>", ["a", "b"]), ("<max>2</max><after>b</after>", ["c", "d"]),
            ("<max>2</max><after>e</after>", []), ("<max>2</max><before/>", ["d", "e"]),
            ("<max>2</max><before>d</before>", ["b", "c"]), ("<max>2</max><before>b</before>", ["a"]),
            ("<max>2</max><index>3</index>", ["d", "e"]), ("<max>0</max>", []), ("", ["a", "b", "c"]),
            ("<max>100</max>", ["a", "b", "c"]), ("<max>1</max><after/>", ["a"]),
        ])
    func pages(_ content: String, _ expected: [String]) throws {
        #expect(Array(ids[try request(content).page(of: ids, limit: 3)]) == expected)
    }

    @Test("a page next to nothing, or beyond the end, is not found (§2.2, §2.5)")
    func notFound() throws {
        for content in ["<after>x</after>", "<before>x</before>", "<index>5</index>"] {
            let request = try request(content)
            #expect(throws: StanzaError.itemNotFound) { try request.page(of: ids, limit: 3) }
        }
        #expect(try request("<index>0</index>").page(of: [], limit: 3).isEmpty)
    }

    @Test(
        "what cannot be read is a bad request",
        arguments: [
            "<max>many</max>", "<max>-1</max>", "<index>-1</index>", "<max>99999999999999999999</max>",
            "<after>a</after><before>b</before>", "<index>1</index><after>a</after>",
        ])
    func unreadable(_ content: String) throws {
        do {
            _ = try request(content)
            Issue.record("\(content) was accepted")
        } catch let error as StanzaError {
            #expect(error.condition == .badRequest)
        }
    }

    @Test("a page is described by its ends, its place and the size of the whole (§2.2)")
    func description() throws {
        #expect(
            ResultSet(1..<3, of: ids).xml
                == "<set xmlns='http://jabber.org/protocol/rsm'><first index='1'>b</first><last>c</last>"
                + "<count>5</count></set>")
        #expect(
            ResultSet(0..<0, of: ids).xml == "<set xmlns='http://jabber.org/protocol/rsm'><count>5</count></set>")
    }
}
