import NIOCore
import Testing

@testable import SIPWire

/// A generator whose numbers follow from its seed alone.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite("Mutated messages")
struct MutationTests {
    /// Pieces that grammars break on.
    static let pieces: [[UInt8]] = [
        "\r\n", "\r\n ", "\r\n\r\n", "\0", "\"", "\\", "<", ">", ";", ",", "=", "?", "%", "%0", "[", "]", ":::", "@",
        ";tag=", "sip:", "Via: ", "Content-Length: 99999999999999999999", "\u{FEFF}", "4294967296", "-1", "*",
    ].map { Array($0.utf8) }

    static func mutate(_ bytes: [UInt8], _ numbers: inout SeededNumbers) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            let place = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &numbers)
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0 where !bytes.isEmpty: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
            case 1 where !bytes.isEmpty: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: pieces.randomElement(using: &numbers)!, at: place)
            case 3 where !bytes.isEmpty: bytes.removeLast(bytes.count - place)
            case 4 where !bytes.isEmpty:
                let end = min(bytes.count, place + Int.random(in: 1...40, using: &numbers))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            default:
                if !bytes.isEmpty { bytes[place] ^= 0x20 }
            }
        }
        return bytes
    }

    /// Asks for everything that is parsed when asked for.
    static func touch(_ message: SIPMessage) -> Int {
        var sum = message.vias.count + message.routes.count + message.paths.count + message.recordRoutes.count
        sum += message.contacts?.list.map { $0.q + Int($0.expires ?? 0) + ($0.instance?.count ?? 0) }.count ?? 0
        sum += [message.from, message.to].compactMap { $0?.displayName?.count ?? $0?.uri.decodedUser?.count }.count
        sum += message.event?.package.count ?? 0
        sum += message.subscriptionState.map { $0.state.count + Int($0.expires ?? 0) } ?? 0
        sum += message.contentType?.name.count ?? 0
        sum += message.accept.accepts("text/plain") ? 1 : 0
        sum += message.supports("path") ? 1 : 0
        sum += message.requestURI.map { $0.matches($0) ? 1 : 0 } ?? 0
        sum += (message.first(.authorization).flatMap { DigestCredentials($0) }).map(\.nonce.count) ?? 0
        sum += Int(message.retryAfter ?? 0) & 1
        message.forEachField { _, name, value in sum += name.count + value.count }
        return sum
    }

    @Test("nothing that a peer sends breaks the parser, and what it accepts is read the same again")
    func mutations() throws {
        var numbers = SeededNumbers(seed: 20_260_101)
        var accepted = 0
        var refused = 0
        for name in try MessageFiles.names() {
            let seed = Array(try MessageFiles.read(name).readableBytesView)
            for _ in 0..<120 {
                let bytes = Self.mutate(seed, &numbers)
                var framer = SIPStreamFramer()
                _ = bytes.withUnsafeBytes { framer.next($0) }
                do throws(SIPParseError) {
                    let message = try SIPParser.parse(ByteBuffer(bytes: bytes))
                    accepted += 1
                    #expect(Self.touch(message) >= 0)
                    try Self.expectStable(message)
                } catch {
                    refused += 1
                    if let message = error.message {
                        _ = Self.touch(message)
                        _ = SIPResponseBuilder(
                            to: message, status: error.status, toTag: SIPBytes("x" as StaticString)
                        ).finish()
                    }
                }
            }
        }
        // Both sides of every check are reached.
        #expect(accepted > 500)
        #expect(refused > 500)
    }

    /// What was accepted, written line by line, is accepted again, with the same lines.
    private static func expectStable(_ message: SIPMessage) throws(SIPParseError) {
        let again = try SIPParser.parse(message.bytes.withBytes { ByteBuffer(bytes: $0) })
        #expect(again.bytes == message.bytes)
        #expect(again.fieldCount == message.fieldCount)
        guard message.isRequest else { return }
        var builder = SIPRequestBuilder(message.method, message.requestURIText)
        builder.copyAll(from: message, except: [.contentLength])
        let written = builder.finish(body: message.body, type: nil)
        let copy = try SIPParser.parse(written)
        #expect(copy.method == message.method)
        #expect(copy.requestURIText == message.requestURIText)
        #expect(copy.body == message.body)
        #expect(copy.toTag == message.toTag && copy.fromTag == message.fromTag)
        #expect(copy.callID == message.callID)
        #expect(copy.fieldCount == message.fieldCount + (message.has(.contentLength) ? 0 : 1))
        let twice = try SIPParser.parse(
            copy.bytes.withBytes { ByteBuffer(bytes: $0) })
        #expect(twice.bytes == copy.bytes)
    }

    @Test("work grows with the bytes, not with their square") func boundedWork() throws {
        func seconds(_ count: Int) throws -> Double {
            let value = String(repeating: ";a=\"\\\"\"", count: count / 7)
            let text = SIPMessageTests.register.replacing("X-Own: yes", with: "X-Own: y\r\nRoute: <sip:a>" + value)
            var limits = SIPLimits()
            limits.headerBytes = 1 << 22
            limits.messageBytes = 1 << 22
            let clock = ContinuousClock()
            return try clock.measure { _ = try SIPParser.parse(text, limits: limits) } / .seconds(1)
        }
        _ = try seconds(1_000)
        let small = try seconds(20_000)
        let large = try seconds(160_000)
        // Eight times the bytes; a square would be sixty-four times the work.
        #expect(large < max(small, 0.001) * 32)
    }
}
