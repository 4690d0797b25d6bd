import Ground
import Testing
import XMPPWire

@testable import IMCore

@Suite("Queries of an archive (XEP-0313 §4)")
struct ArchiveQueryTests {
    @Test("pages forwards and backwards cover ten thousand messages once, in order") func paging() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<10_001)
        var forwards: [Int] = []
        var position = ArchiveQuery.Position.first
        while true {
            let page = try await bench.find(bench.alice) { $0.position = position }
            forwards += page.numbers
            #expect(page.count == 10_000)
            guard !page.isComplete, let last = page.messages.last else { break }
            position = .after(last.id)
        }
        #expect(forwards == Array(1..<10_001))
        var backwards: [Int] = []
        position = .last
        while true {
            let page = try await bench.find(bench.bob) { $0.position = position }
            backwards = page.numbers + backwards
            guard !page.isComplete, let first = page.messages.first else { break }
            position = .before(first.id)
        }
        #expect(backwards == (1..<10_001).filter { $0 % 10 != 0 })
    }

    @Test("messages that come meanwhile do not disturb the pages") func concurrent() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<151)
        let first = try await bench.find(bench.alice)
        try await bench.fill(151..<200)
        let second = try await bench.find(bench.alice) { $0.position = .after(ArchiveBench.id(100)) }
        #expect(first.numbers + second.numbers == Array(1..<200))
        #expect(!first.isComplete && second.isComplete)
    }

    @Test("the page size is the asker's within bounds, and zero counts alone") func sizes() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<301)
        #expect(try await bench.find(bench.alice) { $0.limit = 7 }.numbers == Array(1..<8))
        let exact = try await bench.find(bench.alice) {
            $0.limit = 50
            $0.position = .after(ArchiveBench.id(250))
        }
        #expect(exact.numbers == Array(251..<301) && exact.isComplete)
        let none = try await bench.find(bench.alice) { $0.limit = 0 }
        #expect(none.messages.isEmpty && none.count == 300 && !none.isComplete)
    }

    @Test("the filters: peer, resource, time, ids before and after, named ids") func filters() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<61)
        let alice = bench.alice
        let carol = try JID(parsing: "carol@example.com")
        #expect(try await bench.find(alice) { $0.with = carol }.numbers == [10, 20, 30, 40, 50, 60])
        let phone = try JID(parsing: "alice@example.com/phone")
        #expect(
            try await bench.find(bench.bob) { $0.with = phone }.numbers
                == (1..<61).filter { $0 % 3 == 0 && $0 % 10 != 0 })
        #expect(try await bench.find(bench.bob) { $0.with = carol }.messages.isEmpty)
        let timed = try await bench.find(alice) {
            $0.start = 5_000
            $0.end = 8_000
        }
        #expect(timed.numbers == [5, 6, 7, 8])
        let between = try await bench.find(alice) {
            $0.afterID = ArchiveBench.id(5)
            $0.beforeID = ArchiveBench.id(9)
        }
        #expect(between.numbers == [6, 7, 8] && between.isComplete && between.count == 3)
        let named = try await bench.find(alice) { $0.ids = [20, 3, 50, 3].map(ArchiveBench.id) }
        #expect(named.numbers == [3, 20, 50] && named.isComplete)
        let paged = try await bench.find(alice) {
            $0.ids = [20, 3, 50].map(ArchiveBench.id)
            $0.with = carol
            $0.limit = 1
            $0.position = .last
        }
        #expect(paged.numbers == [50] && !paged.isComplete && paged.count == 2)
    }

    @Test("ids that are not in the archive are an error, also those of other archives") func unknown() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<21)
        let changes: [(inout ArchiveQuery) -> Void] = [
            { $0.afterID = ArchiveBench.id(99) }, { $0.beforeID = ArchiveBench.id(99) },
            { $0.ids = [ArchiveBench.id(1), ArchiveBench.id(99)] }, { $0.position = .after(ArchiveBench.id(99)) },
            { $0.position = .before(ArchiveBench.id(99)) }, { $0.position = .after(ArchiveBench.id(10)) },
        ]
        for change in changes {
            await #expect(throws: (any Error).self) { try await bench.find(bench.bob, change) }
        }
    }

    @Test("a search finds every word in any case, across many messages, in pages") func search() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<2_001)
        let one = try await bench.find(bench.alice) { $0.words = ["number", "1999"] }
        #expect(one.numbers == [1_999] && one.isComplete)
        let page = try await bench.find(bench.alice) {
            $0.words = ["9"]
            $0.limit = 3
            $0.position = .last
        }
        #expect(page.numbers == [1_997, 1_998, 1_999] && !page.isComplete)
        #expect(try await bench.find(bench.alice) { $0.words = ["desk"] }.messages.isEmpty)
    }

    @Test("letters beyond ASCII and references are compared as characters") func searchCharacters() {
        let stanza = Array("<message><body>Grüße an M&#252;ller &amp; Söhne</body></message>".utf8)
        #expect(BodySearch.matches(stanza, ["grüsse"]) == false)
        for words in [["grüße"], ["müller"], ["&", "söhne"], ["an"]] { #expect(BodySearch.matches(stanza, words)) }
        #expect(!BodySearch.matches(stanza, ["amp;"]))
    }
}
