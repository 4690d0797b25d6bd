import Foundation
import Testing

@testable import AdminServer

extension AdminFixture {
    /// The job once it is over.
    func finished(_ id: Int) async throws -> AdminJob {
        while true {
            let job = try await admin.jobs.job(id)
            if job.isOver { return job }
            await Task.yield()
        }
    }
}

@Suite("Jobs")
struct JobEngineTests {
    private let rows = "User ID,User Domain,Contact ID,Contact Domain,Nickname,Group Name\nalice,,bob,,,General\n"

    private func submit(_ fixture: AdminFixture) async throws -> AdminJob {
        try await fixture.admin.jobs.submit(
            "contacts.import", ContactJobParameters(), csv: rows, actor: "alice")
    }

    @Test("run one after the other, in their order; the latest stands first")
    func order() async throws {
        let fixture = try await AdminFixture()
        let gate = Gate()
        await fixture.backend.close(gate)
        try await fixture.admin.jobs.start()
        let first = try await submit(fixture)
        let second = try await submit(fixture)
        await gate.arrived()
        #expect(try await fixture.admin.jobs.job(first.id).state == "running")
        #expect(try await fixture.admin.jobs.job(second.id).state == "queued")
        await gate.open()
        #expect(try await fixture.finished(second.id).state == "done")
        #expect(try await fixture.admin.jobs.job(first.id).state == "done")
        let page = try await fixture.admin.jobs.list(before: nil, limit: 1)
        #expect(page.items.map(\.id) == [second.id] && page.next == String(second.id))
    }

    @Test("a job that waits or runs is cancelled, one that is over is not")
    func cancelling() async throws {
        let fixture = try await AdminFixture()
        let gate = Gate()
        await fixture.backend.close(gate)
        try await fixture.admin.jobs.start()
        let running = try await submit(fixture)
        let waiting = try await submit(fixture)
        await gate.arrived()
        #expect(try await fixture.admin.jobs.cancel(waiting.id).state == "cancelled")
        await gate.open()
        _ = try await fixture.finished(running.id)
        await #expect(throws: AdminError.self) { try await fixture.admin.jobs.cancel(running.id) }
        await #expect(throws: AdminError.self) { try await fixture.admin.jobs.cancel(999) }
    }

    @Test("only so many wait")
    func bounded() async throws {
        let fixture = try await AdminFixture()
        for _ in 0..<JobLimits.queued { _ = try await submit(fixture) }
        await #expect(throws: AdminError.self) { try await submit(fixture) }
    }

    @Test("what ran when the server ended is interrupted, what waited runs")
    func restart() async throws {
        let fixture = try await AdminFixture()
        let first = try await submit(fixture)
        let second = try await submit(fixture)
        try await fixture.admin.database.write { try JobStore.began(first.id, now: 1, in: $0) }
        try await fixture.admin.jobs.start()
        #expect(try await fixture.admin.jobs.job(first.id).state == "interrupted")
        #expect(try await fixture.finished(second.id).state == "done")
    }

    @Test("an upload comes in parts that follow each other; one that does not is refused with where to go on")
    func uploads() async throws {
        let fixture = try await AdminFixture()
        try await fixture.admin.jobs.start()
        let begun = try await fixture.admin.jobs.receive(.init(upload: nil, offset: 0, text: "User"))
        await #expect(throws: AdminError.self) {
            try await fixture.admin.jobs.receive(.init(upload: begun.upload, offset: 2, text: " ID"))
        }
        let rest = String(rows.dropFirst(4))
        let done = try await fixture.admin.jobs.receive(.init(upload: begun.upload, offset: 4, text: rest))
        #expect(done.bytes == rows.utf8.count)
        let job = try await fixture.admin.jobs.submit(
            "contacts.import", ContactJobParameters(), upload: done.upload, actor: "alice")
        #expect(try await fixture.finished(job.id).counts["added"] == 1)
        await #expect(throws: AdminError.self) {
            try await fixture.admin.jobs.submit(
                "contacts.import", ContactJobParameters(), upload: done.upload, actor: "alice")
        }
    }

    @Test("long results come in parts that end with a line")
    func results() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/roost-part-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let line = "日本語,alice@example.com,bob@example.com\r\n"
        let whole = String(repeating: line, count: 60_000)
        try whole.write(toFile: path, atomically: true, encoding: .utf8)
        let files = JobFiles(folder: "")
        var (text, offset, parts) = ("", Int?(0), 0)
        while let place = offset {
            let part = try files.part(of: path, from: place)
            #expect(part.text.hasSuffix("\r\n"))
            text += part.text
            offset = part.next
            parts += 1
        }
        #expect(text == whole && parts > 1)
    }
}
