import IMCore
import NIOHTTP1
import Storage
import Testing
import XMLWire
import XMPPWire

@testable import XMPPServer

@Suite("Uploads")
struct UploadTests {
    private func file(_ filename: String = "photo.jpg", _ type: String = "image/jpeg") -> FileRecord {
        FileRecord(name: "abc", filename: filename, type: type, size: 1_000, storedAt: 0x1234)
    }

    @Test(
        "one range is understood, everything odd is as if it were not there (RFC 9110 §14.2)",
        arguments: [
            ("bytes=0-0", ByteRange.part(0..<1)), ("bytes=0-", .part(0..<1_000)), ("bytes=999-", .part(999..<1_000)),
            ("bytes=-1", .part(999..<1_000)), ("bytes=-5000", .part(0..<1_000)), ("bytes=10-19", .part(10..<20)),
            ("Bytes=10-99999999999999999999999", .part(10..<1_000)), ("bytes=1000-", .unsatisfiable),
            ("bytes=99999999999999999999999-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=5-4", .whole),
            ("bytes=", .whole), ("bytes=-", .whole), ("bytes", .whole), ("bytes=0-1,3-4", .whole),
            ("lines=1-2", .whole),
            ("bytes=a-b", .whole), ("bytes=1-b", .whole), ("bytes=--1", .whole), ("", .whole),
        ])
    func ranges(_ text: String, _ expected: ByteRange) { #expect(ByteRange(text, of: 1_000) == expected) }

    @Test("a file is answered with its part, or not at all when the client has it (RFC 9110 §13)")
    func answers() {
        let tag = FileAnswer.tag(file())
        func answer(_ headers: HTTPHeaders) -> FileAnswer { FileAnswer(file(), to: headers) }
        #expect(answer([:]).status == .ok && answer([:]).range == 0..<1_000)
        #expect(answer(["if-none-match": "\"x\", \(tag)"]).status == .notModified)
        #expect(answer(["if-none-match": "*"]).range == nil && answer(["if-none-match": "\"x\""]).status == .ok)
        let part = answer(["range": "bytes=100-199"])
        #expect(part.status == .partialContent && part.range == 100..<200)
        #expect(part.headers["content-range"] == ["bytes 100-199/1000"])
        #expect(answer(["range": "bytes=0-1", "if-range": tag]).status == .partialContent)
        #expect(answer(["range": "bytes=0-1", "if-range": "\"other\""]).status == .ok)
        let beyond = answer(["range": "bytes=1000-"])
        #expect(beyond.status == .rangeNotSatisfiable && beyond.headers["content-range"] == ["bytes */1000"])
    }

    @Test("what could run in a browser is plain bytes to save; pictures, sound and films are shown")
    func types() {
        for type in [
            "text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "application/xml", "x/y",
        ] {
            #expect(MediaType.served(type) == "application/octet-stream")
            #expect(FileAnswer.disposition(file("a", type)).hasPrefix("attachment;"))
        }
        #expect(MediaType.served("text/plain") == "text/plain; charset=utf-8")
        #expect(MediaType.served("application/pdf") == "application/pdf" && !MediaType.isShown("application/pdf"))
        #expect(FileAnswer.disposition(file()) == "inline; filename=\"photo.jpg\"; filename*=UTF-8''photo.jpg")
        #expect(
            FileAnswer.disposition(file("né\"; x=\u{1F600}%.png"))
                == "inline; filename=\"n__; x=__.png\"; filename*=UTF-8''n%C3%A9%22%3B%20x%3D%F0%9F%98%80%25.png")
        let headers = FileAnswer(file(), to: [:]).headers
        #expect(headers["content-security-policy"][0].hasPrefix("default-src 'none'; sandbox"))
    }

    @Test("media types are read without their parameters")
    func essences() {
        #expect(MediaType.essence("Image/PNG") == "image/png")
        #expect(MediaType.essence("text/plain; charset=utf-8") == "text/plain")
        for text in ["", "text", "/", "a/", "/b", "a/b/c", "a b/c", "text/\u{E9}", "a/b\r\nx: y", "a/<b>"] {
            #expect(MediaType.essence(text) == nil, "\(text)")
        }
    }

    @Test("addresses are read as they were written, and nothing else is one")
    func addresses() {
        let address = UploadAddress(token: "abc", filename: "né %2e/x.jpg")
        #expect(address.path == "/upload/abc/n%C3%A9%20%252e%2Fx.jpg")
        #expect(UploadAddress(path: address.path) == address)
        for path in [
            "/upload", "/upload/", "/upload/abc", "/upload/abc/", "/upload/abc/x/y", "/upload/abc/%FF",
            "/uploadx/abc/x",
            "//upload/abc/x", "/upload/abc/%2",
        ] {
            #expect(UploadAddress(path: path) == nil, "\(path)")
        }
        // A name of the server's own is all that is ever looked for on the disk.
        #expect(!FileFolder.isName(UploadAddress(path: "/upload/../passwd")?.token ?? ".."))
    }

    @Test(
        "names that are no names are refused",
        arguments: ["", ".", "..", "a/b", "a\\b", "a\nb", "a\u{2028}b", String(repeating: "x", count: 256)])
    func filenames(_ text: String) { #expect(!UploadRequest.isFilename(text)) }

    @Test("the headers of an upload have to fit its slot (XEP-0363 §7)")
    func uploadHeaders() {
        func status(_ headers: HTTPHeaders, type: String? = "image/png") -> UInt? {
            UploadMount.refusal(of: headers, FileRequest(filename: "a", size: 10, type: type))?.status.code
        }
        #expect(status(["content-length": "10", "content-type": "image/PNG; q=1"]) == nil)
        #expect(status(["content-length": "10"]) == nil)
        #expect(status(["content-length": "10", "content-type": "x/y"], type: nil) == nil)
        #expect(status(["transfer-encoding": "chunked"]) == 411)
        #expect(status(["content-length": "11"]) == 413 && status(["content-length": "9"]) == 400)
        #expect(status(["content-length": "10", "content-type": "text/html"]) == 415)
        #expect(status(["content-length": "10", "content-encoding": "gzip"]) == 400)
        #expect(status(["content-length": "10", "content-range": "bytes 0-9/10"]) == 400)
    }

    @Test("what goes wrong has its status")
    func statuses() {
        #expect(UploadMount.answer(FileFailure.full).status.code == 507)
        #expect(UploadMount.answer(FileFailure.failed("x")).status.code == 500)
        #expect(UploadMount.answer(FileFailure.missing).status.code == 410)
        #expect(UploadMount.answer(SlotProblem.unknown).status.code == 404)
        #expect(UploadMount.answer(SlotProblem.ended).status.code == 410)
        #expect(UploadMount.answer(SlotProblem.taken).status.code == 409)
        #expect(UploadMount.answer(SlotProblem.busy).status.code == 503)
    }
}
