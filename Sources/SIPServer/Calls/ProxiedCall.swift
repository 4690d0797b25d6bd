import PresenceWire
import SIPWire
import XMPPWire

/// A call that passes through the proxy, as far as the requests and responses on their way tell (RFC 4235 §3.7): forks of
/// an INVITE are one call, for the one who calls and for the one who is called. Confined to the server's loop.
final class ProxiedCall {
    let key: SIPDialogKey
    let callID: SIPBytes
    let callerTag: SIPBytes
    /// Of the answer that counts; nil while nobody has answered.
    private(set) var calleeTag: SIPBytes?
    /// Users of ours; nil for somebody else. Bare.
    let caller: JID?
    var callee: JID?
    /// Who the two are to each other.
    let callerURI: SIPBytes
    let calleeURI: SIPBytes
    private(set) var state = DialogInfo.State.trying
    /// When it was answered, milliseconds since 1970.
    private(set) var answeredAt: Int64 = 0
    /// Names it in documents.
    let id: String
    /// Monotonic second in which it is over, if nothing is heard of it until then.
    var due: Int64
    private unowned let table: CallTable

    init(
        key: SIPDialogKey, invite: SIPMessage, caller: JID?, callee: JID?, id: String, due: Int64, table: CallTable
    ) {
        self.key = key
        callID = invite.callID.detached
        callerTag = invite.fromTag.detached
        callerURI = invite.from?.uri.text.detached ?? .empty
        calleeURI = invite.to?.uri.text.detached ?? .empty
        (self.caller, self.callee, self.id, self.due, self.table) = (caller, callee, id, due, table)
    }

    var isOver: Bool { state == .terminated }

    /// 1xx of any branch.
    func provisional(_ response: SIPMessage) {
        guard response.statusCode > 100 else { return }
        let heard: DialogInfo.State = response.toTag.isEmpty ? .proceeding : .early
        guard state == .trying || (state == .proceeding && heard == .early) else { return }
        set(heard)
    }

    /// 2xx: of the first phone that answers. Others are told to stop.
    func answered(_ response: SIPMessage, now: Int64) {
        guard !isOver, calleeTag == nil else { return }
        calleeTag = response.toTag.detached
        answeredAt = now
        table.confirmed(self, response)
        set(.confirmed)
    }

    /// No answer that is one: refused, given up, nobody there.
    func failed() {
        guard calleeTag == nil else { return }
        end()
    }

    func end() {
        guard !isOver else { return }
        table.over(self)
        set(.terminated)
    }

    /// Whether a request inside of the dialog is of this call and of the branch that was answered.
    func covers(_ request: SIPMessage) -> Bool {
        guard let calleeTag else { return false }
        let (from, to) = (request.fromTag, request.toTag)
        return (from == callerTag && to == calleeTag) || (from == calleeTag && to == callerTag)
    }

    private func set(_ new: DialogInfo.State) {
        state = new
        table.changed(self)
    }

    /// As one of its users sees it.
    ///
    /// - Parameter isOwn: with what only the user's own devices are to know: with whom, and how to take part.
    func dialog(isInitiator: Bool, isOwn: Bool) -> DialogInfo.Dialog {
        var dialog = DialogInfo.Dialog(id: isInitiator ? id : id + "r", state: state)
        dialog.isInitiator = isInitiator
        guard isOwn else { return dialog }
        dialog.callID = callID.string
        dialog.localTag = (isInitiator ? callerTag : calleeTag ?? .empty).string
        dialog.remoteTag = (isInitiator ? calleeTag ?? .empty : callerTag).string
        dialog.remote = (isInitiator ? calleeURI : callerURI).string
        return dialog
    }
}
