import Ground
import NIOCore
import Testing

@testable import SIPServer

@Suite("Answers that are kept for repetitions")
struct AnsweredRequestsTests {
    private func key(_ number: Int) -> KeyedHash.Value {
        .init(high: 7, low: UInt64(bitPattern: Int64(number)) &+ 1_000)
    }
    private func text(_ number: Int, _ length: Int = 300) -> ByteBuffer {
        ByteBuffer(string: "answer \(number) " + String(repeating: "x", count: length))
    }

    private func found(_ kept: AnsweredRequests, _ number: Int, at uptime: Int64 = 0) -> String? {
        kept.response(to: key(number), uptime: uptime).map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test("an answer is found until its time is over")
    func expires() {
        let kept = AnsweredRequests(limit: 1 << 20)
        kept.add(key(1), origin: nil, response: text(1), expires: 100, uptime: 0)
        #expect(found(kept, 1) == String(buffer: text(1)))
        #expect(found(kept, 2) == nil)
        #expect(found(kept, 1, at: 100) == nil)
    }

    @Test("memory stays within the limit: the oldest answers go first, the latest are whole")
    func bounded() {
        let kept = AnsweredRequests(limit: 1 << 18)
        for number in 0..<20_000 {
            kept.add(
                key(number), origin: key(-number - 2), response: text(number, number % 700), expires: 1_000, uptime: 0)
        }
        #expect(kept.bytes <= 1 << 18)
        #expect(kept.count < 2_000)
        #expect(found(kept, 0) == nil)
        for number in 19_800..<20_000 { #expect(found(kept, number) == String(buffer: text(number, number % 700))) }
    }

    @Test("growing loses nothing")
    func grows() {
        let kept = AnsweredRequests(limit: 1 << 22)
        for number in 0..<5_000 {
            kept.add(key(number), origin: nil, response: text(number), expires: 1_000, uptime: 0)
        }
        #expect(kept.count == 5_000)
        for number in 0..<5_000 { #expect(found(kept, number) == String(buffer: text(number))) }
    }

    @Test("what is out of date makes room before the ring grows, and gives memory back")
    func shrinks() {
        let kept = AnsweredRequests(limit: 1 << 22)
        for number in 0..<5_000 {
            kept.add(
                key(number), origin: nil, response: text(number), expires: Int64(number) + 10, uptime: Int64(number))
        }
        #expect(kept.bytes == 65_536)
        for number in 5_000..<9_000 {
            kept.add(key(number), origin: nil, response: text(number), expires: 20_000, uptime: 9_000)
        }
        #expect(kept.bytes > 1 << 20)
        for _ in 0..<8 { kept.shrink(uptime: 20_000) }
        #expect(kept.bytes == 65_536)
        #expect(kept.count == 0)
        kept.add(key(1), origin: nil, response: text(1), expires: 30_000, uptime: 20_000)
        #expect(found(kept, 1, at: 20_000) == String(buffer: text(1)))
    }

    @Test("of an answer that is made of its request only the rest is kept, with its status")
    func rest() {
        let kept = AnsweredRequests(limit: 1 << 20)
        kept.add(key(1), origin: nil, response: text(1, 3), status: 200, from: 7, expires: 50, uptime: 0)
        #expect(kept.response(to: key(1), uptime: 0)?.status == 200)
        #expect(found(kept, 1) == "1 xxx")
    }

    @Test("the same request over another way is known as merged, its repetition is not")
    func merged() {
        let kept = AnsweredRequests(limit: 1 << 20)
        kept.add(key(1), origin: key(100), response: text(1), expires: 50, uptime: 0)
        #expect(kept.isMerged(key(100), key: key(2), uptime: 0))
        #expect(!kept.isMerged(key(100), key: key(1), uptime: 0))
        #expect(!kept.isMerged(key(100), key: key(2), uptime: 50))
    }
}
