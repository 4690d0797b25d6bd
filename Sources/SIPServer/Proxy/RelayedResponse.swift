import NIOCore
import SIPWire

/// Writes a response that goes back to where the request came from: without our Via (RFC 3261 §16.7 step 3).
enum RelayedResponse {
    /// - Parameters:
    ///   - challenges: of other branches, which the client has to answer too (§16.7 step 7).
    ///   - status: instead of the response's own.
    ///   - lines: header lines that it has to have, with their ends.
    static func bytes(
        _ response: SIPMessage, challenges: [SIPMessage] = [], status: SIPStatus? = nil, lines: String = ""
    ) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: response.count + 64)
        buffer.writeStaticString("SIP/2.0 ")
        buffer.writeString(String((status ?? response.status).rawValue))
        buffer.writeInteger(UInt8(ascii: " "))
        if let status {
            buffer.writeStaticString(status.reason)
        } else {
            response.reason.withBytes { _ = buffer.writeBytes($0) }
        }
        buffer.writeStaticString("\r\n")
        var isOurs = true
        var hasLength = false
        response.forEachField { header, name, value in
            var value = value
            if header == .via, isOurs {
                isOurs = false
                let end = itemEnd(value)
                guard end < value.count else { return }
                value = value.part(end + 1, value.count).trimmed
            }
            if header == .contentLength { hasLength = true }
            line(name, value, &buffer)
        }
        for other in challenges {
            other.forEachField { header, name, value in
                if header == .wwwAuthenticate || header == .proxyAuthenticate { line(name, value, &buffer) }
            }
        }
        if !lines.isEmpty { buffer.writeString(lines) }
        let body = response.body
        if !hasLength {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(body.count))
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
        body.withBytes { _ = buffer.writeBytes($0) }
        return buffer
    }

    /// Where the first of several values ends: some clients put all Vias into one line.
    private static func itemEnd(_ value: SIPBytes) -> Int {
        var isQuoted = false
        for index in 0..<value.count {
            if value[index] == 0x22 { isQuoted.toggle() }
            if value[index] == 0x2C, !isQuoted { return index }
        }
        return value.count
    }

    private static func line(_ name: SIPBytes, _ value: SIPBytes, _ buffer: inout ByteBuffer) {
        name.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString(": ")
        value.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString("\r\n")
    }
}
