/// What names a dialog: Call-ID and both tags, as this end sees them (RFC 3261 §12).
public struct DialogID: Hashable, Sendable {
    public let callID: [UInt8]
    public let localTag: [UInt8]
    public let remoteTag: [UInt8]

    public init(callID: [UInt8], localTag: [UInt8], remoteTag: [UInt8]) {
        self.callID = callID
        self.localTag = localTag
        self.remoteTag = remoteTag
    }

    /// Of a request that came in: its To is ours. nil outside a dialog.
    public init?(incoming request: SIPMessage) {
        guard !request.toTag.isEmpty else { return nil }
        self.init(callID: request.callID.array, localTag: request.toTag.array, remoteTag: request.fromTag.array)
    }

    /// Of a response to a request of ours: its From is ours. nil before the peer has given a tag.
    public init?(response: SIPMessage) {
        guard !response.toTag.isEmpty else { return nil }
        self.init(callID: response.callID.array, localTag: response.fromTag.array, remoteTag: response.toTag.array)
    }
}
