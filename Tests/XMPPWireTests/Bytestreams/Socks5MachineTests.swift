import Testing
import XMPPWire

@Suite("SOCKS5 of bytestreams")
struct Socks5MachineTests {
    private static let hash = "0123456789abcdef0123456789abcdef01234567"
    private static let request = [5, 1, 0, 3, 40] + Array(hash.utf8) + [0, 0]

    @Test("greeting, request, connected; what comes behind stays")
    func connects() {
        var machine = Socks5Machine()
        var input: [UInt8] = [5, 2, 1, 0]
        #expect(machine.step(&input) == .reply([5, 0]))
        input += Self.request + [1, 2, 3]
        #expect(machine.step(&input) == .connect(Self.hash, reply: [5, 0, 0, 3, 40] + Array(Self.hash.utf8) + [0, 0]))
        #expect(input == [1, 2, 3])
        #expect(machine.step(&input) == .wait)
    }

    @Test("byte by byte it is the same")
    func drips() {
        var machine = Socks5Machine()
        var input: [UInt8] = []
        var steps: [Socks5Machine.Step] = []
        for byte in [5, 1, 0] + Self.request {
            input.append(byte)
            let step = machine.step(&input)
            if step != .wait { steps.append(step) }
        }
        #expect(steps.count == 2)
        #expect(input.isEmpty)
    }

    @Test(
        "what is not understood is refused",
        arguments: [
            ([4, 1], []), ([5, 1, 2], [5, 0xFF]), ([5, 0], [5, 0xFF]),
        ] as [([UInt8], [UInt8])])
    func badGreeting(_ bytes: [UInt8], _ answer: [UInt8]) {
        var machine = Socks5Machine()
        var input = bytes
        #expect(machine.step(&input) == .refuse(answer))
    }

    @Test(
        "only CONNECT to a hash is allowed",
        arguments: [
            ([5, 2, 0, 3, 40], 7), ([5, 1, 0, 1, 127], 8), ([5, 1, 0, 3, 9], 2),
            ([5, 1, 0, 3, 40] + [UInt8](repeating: 120, count: 42), 2),
        ] as [([UInt8], UInt8)])
    func badRequest(_ bytes: [UInt8], _ code: UInt8) {
        var machine = Socks5Machine()
        var input: [UInt8] = [5, 1, 0]
        _ = machine.step(&input)
        input += bytes
        #expect(machine.step(&input) == .refuse(Socks5Machine.failure(code)))
    }
}
