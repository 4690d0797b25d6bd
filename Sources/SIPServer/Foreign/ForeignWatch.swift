import SIPWire
import XMPPWire

/// One user's subscription to one person of a foreign SIP domain: a dialog of ours as subscriber.
final class ForeignWatch: SIPDialogUser {
    struct Name: Hashable {
        /// Bare, of ours.
        var watcher: JID
        /// Bare, of theirs.
        var target: JID
    }

    let name: Name
    unowned let foreign: ForeignPresence
    var dialog = SubscriberDialog()
    /// SUBSCRIBE was answered with 2xx, and nothing has ended the dialog since.
    var isEstablished = false
    /// A SUBSCRIBE has no answer yet.
    var isAsking = false
    /// The person lets the user see (`active`); until then the request stays open whether the user is there or not.
    var isApproved = false
    /// What is shown is what the person said last.
    var isCurrent = false
    /// Not wanted any more: what still comes ends the dialog.
    var isEnding = false
    var failures = 0
    /// Seconds to be asked for; more after a 423.
    var seconds = ForeignPresence.seconds
    /// When to do something next, and when the dialog began and runs out: monotonic seconds.
    var due: Int64 = 0
    var began: Int64 = 0
    var expires: Int64 = 0
    /// What the user's clients were told, by resource.
    var shown: [Shown] = []
    /// Is in the store, or on its way there.
    var isStored = false
    var isDirty = false

    struct Shown {
        var resource: String
        var stanza: [UInt8]
    }

    init(_ name: Name, _ foreign: ForeignPresence) { (self.name, self.foreign) = (name, foreign) }

    func handle(_ request: IncomingRequest, in dialog: SIPDialogKey) { foreign.handle(request, in: self) }
}
