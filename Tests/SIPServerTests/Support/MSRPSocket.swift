import Foundation
import SIPWire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One end of an MSRP connection on loopback, as a test wants it.
final class MSRPSocket {
    private var descriptor: Int32 = -1
    private let listener: Int32
    private var input: [UInt8] = []
    private var scanner = MSRPScanner()
    private(set) var port: UInt16 = 0

    /// Connects to a port.
    init(to port: UInt16) throws {
        listener = -1
        descriptor = Self.make()
        var address = Self.address(port)
        let isConnected = Self.with(&address) { connect(descriptor, $0, $1) } == 0
        guard isConnected else { throw Phone.Silence(description: "cannot connect to \(port)") }
    }

    /// Waits for a connection.
    init() throws {
        listener = Self.make()
        var address = Self.address(0)
        let isBound = Self.with(&address) { bind(listener, $0, $1) } == 0
        guard isBound, listen(listener, 1) == 0 else { throw Phone.Silence(description: "cannot listen") }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close() }

    func close() {
        for open in [descriptor, listener] where open >= 0 {
            #if canImport(Glibc)
                _ = Glibc.close(open)
            #else
                _ = Darwin.close(open)
            #endif
        }
        descriptor = -1
    }

    private static func make() -> Int32 {
        #if canImport(Glibc)
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            socket(AF_INET, SOCK_STREAM, 0)
        #endif
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func with(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    private func isReady(_ descriptor: Int32, _ milliseconds: Int32) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, milliseconds) > 0
    }

    /// Takes the connection that is being made.
    func accept(within milliseconds: Int32 = 10_000) throws {
        guard isReady(listener, milliseconds) else { throw Phone.Silence(description: "nobody connects") }
        #if canImport(Glibc)
            descriptor = Glibc.accept(listener, nil, nil)
        #else
            descriptor = Darwin.accept(listener, nil, nil)
        #endif
    }

    var isConnected: Bool { descriptor >= 0 }

    /// Some bytes that have come.
    func bytes() throws -> [UInt8] {
        guard isReady(descriptor, 10_000) else { throw Phone.Silence(description: "nothing comes") }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw Phone.Silence(description: "the connection has ended") }
        return Array(buffer[..<count])
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #if canImport(Glibc)
            _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        #else
            _ = bytes.withUnsafeBytes { Darwin.send(descriptor, $0.baseAddress, $0.count, 0) }
        #endif
    }

    /// The next frame; nil when the connection has ended.
    func next() throws -> MSRPFrame? {
        while true {
            switch input.withUnsafeBytes({ scanner.next($0) }) {
            case .frame(let frame, let length):
                input.removeFirst(length)
                return frame
            case .fault: throw Phone.Silence(description: "no MSRP: \(String(decoding: input, as: UTF8.self))")
            case .needMoreBytes:
                guard isReady(descriptor, 10_000) else {
                    throw Phone.Silence(description: "no frame, but \(String(decoding: input, as: UTF8.self))")
                }
                var buffer = [UInt8](repeating: 0, count: 65_536)
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { return nil }
                input += buffer[..<count]
            }
        }
    }

    /// The response to a request of ours.
    func response(_ transaction: String) throws -> Int {
        while let frame = try next() {
            if case .response(let code) = frame.kind, frame.transaction.string == transaction { return code }
        }
        throw Phone.Silence(description: "the connection ended before \(transaction) was answered")
    }

    /// The next SEND with a body, answered with 200.
    func message() throws -> MSRPFrame {
        while let frame = try next() {
            guard frame.kind == .send else { continue }
            send(
                "MSRP \(frame.transaction) 200 OK\r\nTo-Path: \(frame.fromPath[0].text)\r\n"
                    + "From-Path: \(frame.toPath[0].text)\r\n-------\(frame.transaction)$\r\n")
            if frame.body?.isEmpty == false { return frame }
        }
        throw Phone.Silence(description: "the connection ended before a message came")
    }

    /// The next REPORT; nil when a response to `last` comes before.
    func report(before last: String) throws -> MSRPFrame? {
        while let frame = try next() {
            if frame.kind == .report { return frame }
            if case .response = frame.kind, frame.transaction.string == last { return nil }
        }
        throw Phone.Silence(description: "the connection ended before a report came")
    }

    /// A SEND.
    func say(
        _ body: String, _ transaction: String, to: String, from: String, id: String = "id1",
        type: String = "text/plain", lines: [String] = [], range: String? = nil, flag: String = "$"
    ) {
        let head =
            ["MSRP \(transaction) SEND", "To-Path: \(to)", "From-Path: \(from)", "Message-ID: \(id)"] + lines
            + ["Byte-Range: \(range ?? "1-\(body.utf8.count)/\(body.utf8.count)")", "Content-Type: \(type)", "", body]
        send(head.joined(separator: "\r\n") + "\r\n-------\(transaction)\(flag)\r\n")
    }
}
