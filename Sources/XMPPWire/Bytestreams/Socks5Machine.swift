/// The part of SOCKS5 that bytestreams need (RFC 1928, XEP-0065 §6.3): no authentication, CONNECT to a hash.
///
///     greeting ──▶ request ──▶ done
public struct Socks5Machine: Sendable {
    public enum Step: Equatable, Sendable {
        /// The input is incomplete.
        case wait
        case reply([UInt8])
        /// Asked for the stream with that hash (hexadecimal, lower case); the reply says that it is connected.
        case connect(String, reply: [UInt8])
        /// Say this, then close.
        case refuse([UInt8])
    }

    private enum State { case greeting, request, done }

    private static let version: UInt8 = 5
    /// Hexadecimal digits of SHA-1.
    private static let hashLength = 40
    private var state = State.greeting

    public init() {}

    /// Takes what it understands off the front of `input`; bytes behind the request stay.
    public mutating func step(_ input: inout [UInt8]) -> Step {
        guard let first = input.first, state != .done else { return .wait }
        guard first == Self.version else {
            state = .done
            return .refuse([])
        }
        return state == .greeting ? greet(&input) : connect(&input)
    }

    private mutating func greet(_ input: inout [UInt8]) -> Step {
        guard input.count >= 2, input.count >= 2 + Int(input[1]) else { return .wait }
        let end = 2 + Int(input[1])
        let methods = input[2..<end]
        let acceptsNone = methods.contains(0)
        input.removeFirst(end)
        guard acceptsNone else {
            state = .done
            return .refuse([Self.version, 0xFF])
        }
        state = .request
        return .reply([Self.version, 0])
    }

    private mutating func connect(_ input: inout [UInt8]) -> Step {
        guard input.count >= 5 else { return .wait }
        // Command not supported, address type not supported (§6).
        guard input[1] == 1 else { return refuse(7) }
        guard input[3] == 3 else { return refuse(8) }
        let end = 5 + Int(input[4]) + 2
        guard Int(input[4]) == Self.hashLength else { return refuse(2) }
        guard input.count >= end else { return .wait }
        let hash = input[5..<5 + Self.hashLength].map { (65...70).contains($0) ? $0 | 0x20 : $0 }
        guard hash.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return refuse(2) }
        // The reply repeats address and port of the request (XEP-0065 §6.3).
        let reply = [Self.version, 0, 0] + input[3..<end]
        input.removeFirst(end)
        state = .done
        return .connect(String(decoding: hash, as: UTF8.self), reply: reply)
    }

    /// 1 general failure, 2 not allowed, 7 command and 8 address type not supported.
    public static func failure(_ code: UInt8) -> [UInt8] { [version, code, 0, 1, 0, 0, 0, 0, 0, 0] }

    private mutating func refuse(_ code: UInt8) -> Step {
        state = .done
        return .refuse(Self.failure(code))
    }
}
