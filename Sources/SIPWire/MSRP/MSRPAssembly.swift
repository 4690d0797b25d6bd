/// Puts the chunks of one message together (RFC 4975 §7.3.1). Chunks may come in any order, and twice.
public struct MSRPAssembly: Sendable {
    public let messageID: SIPBytes
    public let contentType: SIPBytes?
    public let wantsSuccessReport: Bool
    /// Most bytes that a message may have.
    public let bound: Int
    private var bytes: [UInt8] = []
    /// Parts that are there, sorted, not touching each other.
    private var parts: [Range<Int>] = []
    private var total: Int?

    public enum Outcome: Sendable, Equatable {
        case more
        case complete
        /// The sender has given up, or the message is malformed.
        case aborted
        /// Larger than the bound: 413 (§7.3.1).
        case tooLarge
    }

    public init(_ frame: MSRPFrame, bound: Int) {
        messageID = frame.messageID
        contentType = frame.contentType?.detached
        wantsSuccessReport = frame.wantsSuccessReport
        self.bound = bound
    }

    /// The message, when it is complete.
    public var message: [UInt8] { bytes }

    public mutating func add(_ frame: MSRPFrame) -> Outcome {
        if frame.continuation == .aborted { return .aborted }
        let body = frame.body ?? .empty
        let start = (frame.range?.start ?? 1) - 1
        if let known = frame.range?.total {
            guard known <= bound else { return .tooLarge }
            if let total, total != known { return .aborted }
            total = known
        }
        guard start <= bound, start + body.count <= bound else { return .tooLarge }
        if let total, start + body.count > total { return .aborted }
        place(body, start)
        if frame.continuation == .complete, total == nil { total = start + body.count }
        guard let total else { return .more }
        if total == 0 { return .complete }
        return parts.count == 1 && parts[0] == 0..<total ? .complete : .more
    }

    private mutating func place(_ body: SIPBytes, _ start: Int) {
        guard body.count > 0 else { return }
        let end = start + body.count
        if bytes.count < end { bytes.append(contentsOf: repeatElement(0, count: end - bytes.count)) }
        body.withBytes { source in
            bytes.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[start..<end]).copyMemory(from: source)
            }
        }
        // A gap for each chunk at most: what is more is one who sends single bytes.
        guard parts.count < 64 || parts.contains(where: { $0.lowerBound <= end && $0.upperBound >= start }) else {
            return
        }
        var merged = start..<end
        parts.removeAll { part in
            guard part.lowerBound <= merged.upperBound, part.upperBound >= merged.lowerBound else { return false }
            merged = min(part.lowerBound, merged.lowerBound)..<max(part.upperBound, merged.upperBound)
            return true
        }
        let place = parts.firstIndex { $0.lowerBound > merged.lowerBound } ?? parts.count
        parts.insert(merged, at: place)
    }
}
