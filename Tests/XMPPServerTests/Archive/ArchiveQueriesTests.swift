import Testing

@testable import XMPPServer

@Suite("Archive queries of one client")
struct ArchiveQueriesTests {
    /// Queries that were begun, and how each is ended.
    private final class Log {
        var begun: [Int] = []
        var ends: [() -> Void] = []
    }

    private func ask(_ number: Int, _ queries: ArchiveQueries, _ log: Log) -> Bool {
        queries.run { done in
            log.begun.append(number)
            log.ends.append(done)
        }
    }

    @Test("one after the other, in the order in which they came")
    func order() {
        let (queries, log) = (ArchiveQueries(), Log())
        for number in 0..<3 { #expect(ask(number, queries, log)) }
        #expect(log.begun == [0])
        log.ends[0]()
        #expect(log.begun == [0, 1])
        log.ends[1]()
        log.ends[2]()
        #expect(log.begun == [0, 1, 2])
        #expect(ask(3, queries, log))
        #expect(log.begun == [0, 1, 2, 3])
    }

    @Test("too many are refused, and taken again once one is through")
    func bound() {
        let (queries, log) = (ArchiveQueries(), Log())
        for number in 0...ArchiveQueries.limit { #expect(ask(number, queries, log)) }
        #expect(!ask(-1, queries, log))
        log.ends[0]()
        #expect(ask(-2, queries, log))
        #expect(!ask(-3, queries, log))
        #expect(log.begun == [0, 1])
    }

    @Test("what waits is dropped with the client")
    func dropped() {
        let log = Log()
        var queries: ArchiveQueries? = ArchiveQueries()
        if let queries { for number in 0..<3 { #expect(ask(number, queries, log)) } }
        weak let left = queries
        queries = nil
        #expect(left == nil)
        log.ends[0]()
        #expect(log.begun == [0])
    }

    @Test("fewer wait than would keep the client's input from being read")
    func belowTheLimitOfRequests() {
        #expect(ArchiveQueries.limit + 1 < C2SSession.openRequestLimit)
    }
}
