import NIOCore
import SIPWire

/// What a NOTIFY carries, made once for all watchers of the same right. The same object means the same content.
final class EventBody {
    let type: String
    let content: [UInt8]
    /// From Content-Type to the last byte.
    let tail: [UInt8]

    init(type: String, content: [UInt8]) {
        self.type = type
        self.content = content
        var tail = Array("Content-Type: \(type)\r\nContent-Length: \(content.count)\r\n\r\n".utf8)
        tail.reserveCapacity(tail.count + content.count)
        tail += content
        self.tail = tail
    }

    /// With the number of a subscription's document in place of 0.
    func numbered(_ version: UInt32) -> EventBody {
        guard version > 0, let at = place else { return self }
        let number = Array(String(version).utf8)
        return EventBody(type: type, content: content[..<at] + number + content[(at + 1)...])
    }

    /// Where the 0 of `version="0"` is, in the first element.
    private var place: Int? {
        let mark = Array("version=\"0\"".utf8)
        guard content.count > mark.count else { return nil }
        for start in 0..<min(512, content.count - mark.count)
        where content[start] == mark[0] && content[start..<(start + mark.count)].elementsEqual(mark) {
            // The declaration has a version too, which is never 0.
            return start + mark.count - 2
        }
        return nil
    }

    /// No body at all.
    static func empty() -> EventBody { EventBody() }

    private init() {
        type = ""
        content = []
        tail = Array("Content-Length: 0\r\n\r\n".utf8)
    }
}
