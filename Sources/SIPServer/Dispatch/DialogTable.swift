import Ground
import SIPWire

/// Names a dialog in 16 bytes (see `DialogTable.key`).
public typealias SIPDialogKey = KeyedHash.Value

/// The dialogs that the server itself is an end of, and who serves them.
public struct DialogTable {
    private var users: [SIPDialogKey: any SIPDialogUser] = [:]
    private let hash = KeyedHash()
    /// Dialogs without a remote tag yet.
    private var halves = 0

    public init() {}

    public var count: Int { users.count }

    /// - Parameter remoteTag: empty while the peer has not answered; requests of any peer with the other two match then.
    public func key(callID: SIPBytes, localTag: SIPBytes, remoteTag: SIPBytes) -> SIPDialogKey {
        var state = hash.stateForPieces()
        callID.withBytes { state.add($0) }
        localTag.withBytes { state.add($0) }
        remoteTag.withBytes { state.add($0) }
        return state.finish()
    }

    public func key(_ id: DialogID) -> SIPDialogKey {
        var state = hash.stateForPieces()
        id.callID.withUnsafeBytes { state.add($0) }
        id.localTag.withUnsafeBytes { state.add($0) }
        id.remoteTag.withUnsafeBytes { state.add($0) }
        return state.finish()
    }

    public subscript(key: SIPDialogKey) -> (any SIPDialogUser)? {
        get { users[key] }
        set { users[key] = newValue }
    }

    public subscript(id: DialogID) -> (any SIPDialogUser)? {
        get { users[key(id)] }
        set { users[key(id)] = newValue }
    }

    /// For a dialog whose remote tag is not known yet (a NOTIFY may come before the answer to SUBSCRIBE, RFC 6665 §4.1.2.4).
    public mutating func addHalf(_ user: any SIPDialogUser, callID: SIPBytes, localTag: SIPBytes) {
        if users.updateValue(user, forKey: key(callID: callID, localTag: localTag, remoteTag: .empty)) == nil {
            halves += 1
        }
    }

    public mutating func removeHalf(callID: SIPBytes, localTag: SIPBytes) {
        if users.removeValue(forKey: key(callID: callID, localTag: localTag, remoteTag: .empty)) != nil { halves -= 1 }
    }

    /// Who serves the dialog of a request that came in.
    func find(_ request: SIPMessage) -> (user: any SIPDialogUser, key: SIPDialogKey)? {
        let localTag = request.toTag
        guard !localTag.isEmpty, !users.isEmpty else { return nil }
        let callID = request.callID
        let whole = key(callID: callID, localTag: localTag, remoteTag: request.fromTag)
        if let user = users[whole] { return (user, whole) }
        guard halves > 0 else { return nil }
        let half = key(callID: callID, localTag: localTag, remoteTag: .empty)
        return users[half].map { ($0, half) }
    }
}
