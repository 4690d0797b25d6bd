import Crypto
import Foundation
import NIOCore
import Testing

@testable import SIPWire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A client made of a plain socket on loopback: it says exactly what a test writes, and waits for what comes.
final class Phone {
    struct Silence: Error, CustomStringConvertible {
        var description: String
    }

    let name: String
    let domain: String
    let isTCP: Bool
    private let descriptor: Int32
    private let server: UInt16
    private(set) var port: UInt16 = 0
    private var input: [UInt8] = []
    private var sequence: UInt32 = 0
    private var nonceCount = 0
    private var framer = SIPStreamFramer()
    private let id = UUID().uuidString.prefix(8).lowercased()

    /// - Parameters:
    ///   - server: its port on 127.0.0.1.
    ///   - own: the phone's own port; 0 for any.
    init(_ name: String, server: UInt16, domain: String = "example.com", tcp: Bool = false, at own: UInt16 = 0) throws {
        (self.name, self.domain, self.server, isTCP) = (name, domain, server, tcp)
        #if canImport(Glibc)
            let kind = Int32((tcp ? SOCK_STREAM : SOCK_DGRAM).rawValue)
        #else
            let kind = tcp ? SOCK_STREAM : SOCK_DGRAM
        #endif
        descriptor = socket(AF_INET, kind, 0)
        var own = Self.address(own)
        try Self.check(descriptor >= 0 && Self.with(&own, { bind(descriptor, $0, $1) }) == 0, "bind")
        var remote = Self.address(server)
        try Self.check(Self.with(&remote, { connect(descriptor, $0, $1) }) == 0, "connect")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        port = UInt16(bigEndian: own.sin_port)
    }

    deinit { close() }

    private var isClosed = false
    func close() {
        guard !isClosed else { return }
        isClosed = true
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func with(_ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32)
        -> Int32
    {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    private static func check(_ condition: Bool, _ what: String) throws {
        if !condition { throw Silence(description: "\(what) failed: \(errno)") }
    }

    // MARK: Bytes

    var address: String { "sip:\(name)@\(domain)" }
    /// It knows nothing but an address behind address translation.
    var behindTranslation = false
    private var host: String { behindTranslation ? "10.7.7.7" : "127.0.0.1" }
    var contact: String { "sip:\(name)@\(host):\(port)\(isTCP ? ";transport=tcp" : "")" }
    var via: String { "SIP/2.0/\(isTCP ? "TCP" : "UDP") \(host):\(port);rport" }

    func send(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0) } }
    func send(_ text: String) { send(Array(text.utf8)) }
    func send(_ buffer: ByteBuffer) { send(Array(buffer.readableBytesView)) }

    private func receive(_ milliseconds: Int32) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, milliseconds) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        input += buffer[..<count]
        return true
    }

    /// One whole message out of what has come.
    private func take() -> SIPMessage? {
        while input.starts(with: [13, 10]) { input.removeFirst(2) }
        guard !input.isEmpty else { return nil }
        guard isTCP else {
            defer { input = [] }
            return try? SIPParser.parse(ByteBuffer(bytes: input))
        }
        guard case .message(let length) = input.withUnsafeBytes({ framer.next($0) }) else { return nil }
        defer { input.removeFirst(length) }
        return try? SIPParser.parse(ByteBuffer(bytes: input[..<length]), isStream: true)
    }

    /// The next message that is wanted; others are dropped (repetitions, 100).
    func wait(_ what: String, _ isWanted: (SIPMessage) -> Bool) throws -> SIPMessage {
        let deadline = Date().addingTimeInterval(10)
        var seen: [String] = []
        while Date() < deadline {
            if let message = take() {
                if isWanted(message) { return message }
                seen.append(message.isRequest ? message.method.description : "\(message.statusCode)")
                continue
            }
            _ = receive(Int32(max(1, deadline.timeIntervalSinceNow * 1_000)))
        }
        throw Silence(description: "\(name) waited for \(what), and saw \(seen)")
    }

    func request(_ method: SIPMethod) throws -> SIPMessage {
        try wait("\(method)") { $0.isRequest && $0.method == method }
    }

    /// The next response that is not 100; `method` is of its CSeq.
    func response(_ method: SIPMethod) throws -> SIPMessage {
        try wait("a response to \(method)") { !$0.isRequest && $0.statusCode > 100 && $0.method == method }
    }

    func final(_ method: SIPMethod) throws -> SIPMessage {
        try wait("a final response to \(method)") { !$0.isRequest && $0.statusCode >= 200 && $0.method == method }
    }

    /// Nothing but repetitions of what was there is waiting now.
    func isSilent(_ milliseconds: Int32 = 200) -> Bool { input.isEmpty && !receive(milliseconds) }

    // MARK: Requests

    func branch() -> String { "z9hG4bK\(UUID().uuidString.prefix(12))" }

    /// - Parameter lines: further header lines without line ends.
    func make(
        _ method: String, _ uri: String, to: String? = nil, callID: String? = nil, cseq: UInt32? = nil,
        branch: String? = nil, from: String? = nil, lines: [String] = [], body: String = ""
    ) -> String {
        sequence += 1
        let all =
            [
                "\(method) \(uri) SIP/2.0", "Via: \(via);branch=\(branch ?? self.branch())", "Max-Forwards: 70",
                "From: \(from ?? "<\(address)>;tag=\(id)")", "To: \(to ?? "<\(uri)>")",
                "Call-ID: \(callID ?? "\(id)-calls")", "CSeq: \(cseq ?? sequence) \(method)",
            ] + lines + ["Content-Length: \(body.utf8.count)", "", body]
        return all.joined(separator: "\r\n")
    }

    @discardableResult
    func register(
        _ contact: String? = nil, expires: Int? = 600, callID: String? = nil, cseq: UInt32? = nil, lines: [String] = []
    ) throws -> SIPMessage {
        var lines = lines
        if let expires { lines.append("Expires: \(expires)") }
        if contact != "" { lines.append("Contact: \(contact ?? "<\(self.contact)>")") }
        send(
            make(
                "REGISTER", "sip:\(domain)", to: "<\(address)>", callID: callID ?? "\(id)-registers", cseq: cseq,
                lines: lines))
        return try final(.register)
    }

    /// The line that answers a challenge, MD5 with qop.
    func authorization(
        _ challenge: SIPMessage, _ method: String, _ uri: String, password: String, user: String? = nil
    ) throws -> String {
        var chosen: String?
        var header = "Authorization"
        challenge.forEachField { name, _, value in
            guard name == .wwwAuthenticate || name == .proxyAuthenticate, value.string.contains("MD5") else { return }
            chosen = value.string
            if name == .proxyAuthenticate { header = "Proxy-Authorization" }
        }
        func parameter(_ name: String) -> String {
            guard let text = chosen, let range = text.range(of: "\(name)=\"") else { return "" }
            return String(text[range.upperBound...].prefix { $0 != "\"" })
        }
        func md5(_ text: String) -> String {
            Insecure.MD5.hash(data: Array(text.utf8)).map { String(format: "%02x", $0) }.joined()
        }
        let (user, realm, nonce) = (user ?? name, parameter("realm"), parameter("nonce"))
        nonceCount += 1
        let count = String(format: "%08x", nonceCount)
        let response = md5(
            "\(md5("\(user):\(realm):\(password)")):\(nonce):\(count):c0ffee:auth:\(md5("\(method):\(uri)"))")
        return "\(header): Digest username=\"\(user)\", realm=\"\(realm)\", nonce=\"\(nonce)\", uri=\"\(uri)\", "
            + "response=\"\(response)\", algorithm=MD5, qop=auth, nc=\(count), cnonce=\"c0ffee\""
    }

    /// Answers with a tag and a contact of its own.
    func answer(_ request: SIPMessage, _ status: Int, lines: [String] = [], body: String = "") {
        var builder = SIPResponseBuilder(to: request, status: SIPStatus(status), toTag: SIPBytes("tag-\(id)"))
        if status < 300 { builder.add(.contact, text: "<\(contact)>") }
        for line in lines { builder.add(lines: SIPBytes(line + "\r\n")) }
        send(builder.finish(body: SIPBytes(body), type: body.isEmpty ? nil : SIPBytes("application/sdp")))
    }
}

extension SIPMessage {
    func values(_ header: SIPHeader) -> [String] { all(header).map(\.string) }
    var contactURI: String { contact?.uri.text.string ?? "" }
}
