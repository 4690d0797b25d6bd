import NIOCore
import SIPWire

/// Listens on TCP where a phone is on UDP (`Phone(at:)`): what comes there.
final class StreamPhone {
    private let socket: MSRPSocket
    private var input: [UInt8] = []
    private var framer: SIPStreamFramer
    private let limits: SIPLimits

    var port: UInt16 { socket.port }

    init() throws {
        var limits = SIPLimits()
        (limits.messageBytes, limits.bodyBytes) = (200_000, 200_000)
        self.limits = limits
        framer = SIPStreamFramer(limits: limits)
        socket = try MSRPSocket()
    }

    /// The next request; the connection is taken when it is made.
    func request() throws -> SIPMessage {
        if !socket.isConnected { try socket.accept() }
        while true {
            if case .message(let length) = input.withUnsafeBytes({ framer.next($0) }) {
                defer { input.removeFirst(length) }
                let message = try SIPParser.parse(ByteBuffer(bytes: input[..<length]), limits: limits, isStream: true)
                if message.isRequest { return message }
                continue
            }
            input += try socket.bytes()
        }
    }

    func answer(_ request: SIPMessage, _ status: Int) {
        let answer = SIPResponseBuilder(to: request, status: SIPStatus(status), toTag: SIPBytes("t")).finish()
        socket.send(String(buffer: answer))
    }
}
