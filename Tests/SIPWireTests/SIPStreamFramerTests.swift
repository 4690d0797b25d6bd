import NIOCore
import Testing

@testable import SIPWire

@Suite("SIP over streams")
struct SIPStreamFramerTests {
    /// Feeds the text in pieces of that size; the events, messages as their first words.
    private func run(_ text: String, step: Int) -> [String] {
        var framer = SIPStreamFramer()
        var buffer: [UInt8] = []
        var events: [String] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            buffer += rest.prefix(step)
            rest = rest.dropFirst(step)
            feeding: while true {
                switch buffer.withUnsafeBytes({ framer.next($0) }) {
                case .needMoreBytes: break feeding
                case .message(let length):
                    events.append(String(decoding: buffer.prefix(3), as: UTF8.self) + "\(length)")
                    buffer.removeFirst(length)
                case .ping(let length):
                    events.append("ping")
                    buffer.removeFirst(length)
                case .pong(let length):
                    events.append("pong")
                    buffer.removeFirst(length)
                case .fault(let status, _):
                    events.append("fault \(status.rawValue)")
                    return events
                }
            }
        }
        return events
    }

    @Test("messages come out whole however they are cut", arguments: [1, 2, 3, 7, 4_000])
    func cuts(step: Int) {
        let one = "OPTIONS sip:a SIP/2.0\r\nl : 4\r\n\r\nabcd"
        let two = "MESSAGE sip:a SIP/2.0\r\nContent-Length:\r\n 0\r\n\r\n"
        #expect(
            run(one + two + one, step: step) == [
                "OPT\(one.utf8.count)", "MES\(two.utf8.count)", "OPT\(one.utf8.count)",
            ])
    }

    @Test("a ping is told from a line end", arguments: [4_000])
    func pings(step: Int) {
        let one = "OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n"
        #expect(
            run("\r\n\r\n" + one + "\r\n" + one, step: step) == [
                "ping", "OPT\(one.utf8.count)", "pong", "OPT\(one.utf8.count)",
            ])
    }

    @Test(
        "where the end is not known the stream ends",
        arguments: [
            ("OPTIONS sip:a SIP/2.0\r\nX: 0\r\n\r\n", "fault 400"),
            ("OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n", "fault 400"),
            ("OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\n", "fault 400"),
            ("OPTIONS sip:a SIP/2.0\r\nl: 99999999999999999999999\r\n\r\n", "fault 400"),
            ("OPTIONS sip:a SIP/2.0\r\nl: 9999999\r\n\r\n", "fault 413"),
            (String(repeating: "x", count: 20_000), "fault 513"),
        ])
    func faults(text: String, expected: String) {
        #expect(run(text, step: 100) == [expected])
        #expect(run(text, step: 100_000) == [expected])
    }

    @Test("the double request of RFC 4475 is two messages on a stream") func doubleRequest() throws {
        let text = String(buffer: try MessageFiles.read("dblreq"))
        let events = run(text, step: 50)
        #expect(events.first?.hasPrefix("REG") == true)
    }
}
