import PresenceWire
import XMLWire

/// Documents for watchers that understand `application/pidf-diff+xml` (RFC 5263): the whole state first and after each
/// refresh, then what has changed.
final class PartialPresence {
    /// What was made last: mostly for one watcher after the other of the same user.
    private var full: (of: EventBody, body: EventBody)?
    private var difference: (from: EventBody, to: EventBody, body: EventBody)?

    /// - Parameters:
    ///   - last: what the watcher knows; nil for nothing.
    ///   - body: what is told now.
    func body(from last: EventBody?, to body: EventBody) -> EventBody {
        if let last, let known = difference, known.from === last, known.to === body { return known.body }
        if last == nil, let known = full, known.of === body { return known.body }
        // What was published may be anything that the parser takes; it has taken it before.
        guard let new = try? XMLDocument.parse(body.content) else { return body }
        if let last, let old = try? XMLDocument.parse(last.content),
            let content = PartialPIDF.difference(from: old, to: new), content.count < body.content.count
        {
            let made = EventBody(type: PartialPIDF.mediaType, content: content)
            difference = (last, body, made)
            return made
        }
        let made = EventBody(type: PartialPIDF.mediaType, content: PartialPIDF.full(new))
        if let last { difference = (last, body, made) } else { full = (body, made) }
        return made
    }
}
