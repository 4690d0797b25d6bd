import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMLWire
import XMPPWire

// NOTIFY from foreign people (RFC 6665 §4.1.3, RFC 8048 §5.2 and §6).

extension ForeignPresence {
    func handle(_ request: IncomingRequest, in watch: ForeignWatch) {
        let message = request.message
        guard request.method == .notify else {
            return request.respond(.methodNotAllowed) { $0.add(.allow, "NOTIFY") }
        }
        guard message.event?.package.matches("presence") ?? false else {
            return request.respond(.badEvent) { $0.add(.allowEvents, "presence") }
        }
        guard let state = message.subscriptionState else { return request.respond(.badRequest) }
        if message.hasBody, !(message.contentType?.matches("application/pidf+xml") ?? false) {
            return request.respond(.unsupportedMediaType) { $0.add(.accept, "application/pidf+xml") }
        }
        if let refusal = watch.dialog.took(message) { return request.respond(refusal) }
        request.respond(.ok)
        if watch.isEnding {
            if state.isTerminated {
                server.dialogs.removeHalf(callID: watch.dialog.callID, localTag: watch.dialog.localTag)
            }
            return
        }
        if state.isTerminated { return terminated(watch, state) }
        if let expires = state.expires {
            watch.expires = now + Int64(expires)
            // Also the answer to the first SUBSCRIBE waited for this.
            schedule(watch, now + Self.refresh(Int64(expires)))
        }
        guard state.isActive else {
            // Asked, or asked again.
            if watch.isApproved {
                watch.isApproved = false
                gone(watch)
                keep(watch)
            }
            return
        }
        if !watch.isApproved {
            watch.isApproved = true
            keep(watch)
            tell(watch.name, "subscribed")
        }
        watch.isCurrent = true
        guard message.hasBody else { return }
        guard let document = try? PIDF(parsing: message.body) else { return }
        let language = message.first(.contentLanguage)?.string ?? ""
        show(document, language: language, watch)
    }

    private func terminated(_ watch: ForeignWatch, _ state: SIPSubscriptionState) {
        watch.isEstablished = false
        let after = state.retryAfter.map { min(Int64($0), 86_400) }
        let reason = state.reason?.string.lowercased() ?? ""
        switch reason {
        case "rejected", "noresource": denied(watch)
        case "deactivated", "timeout":
            // At once, unless it ends as soon as it begins.
            let wait: Int64 = now - watch.began < 10 ? 60 : 1
            again(watch, after: wait)
        case "invariant":
            // It stays as it is; another day it may be another.
            again(watch, after: 86_400)
        default:
            gone(watch)
            again(watch, after: max(1, after ?? (reason == "probation" ? 60 : 300)))
        }
    }

    /// One stanza for each tuple that is open; `unavailable` for those that were shown and are not any more.
    private func show(_ document: PIDF, language: String, _ watch: ForeignWatch) {
        var shown: [ForeignWatch.Shown] = []
        var farewells: [XMLElement] = []
        for var stanza in PresenceStanzaMapping.stanzas(
            of: document, from: watch.name.target, language: Self.isTag(language) ? language : "")
        {
            stanza["to"] = watch.name.watcher.description
            guard let from = stanza["from"].flatMap({ try? JID(parsing: $0) }), let resource = from.resource else {
                continue
            }
            if stanza["type"] == nil {
                guard !shown.contains(where: { $0.resource == resource }) else { continue }
                shown.append(.init(resource: resource, stanza: stanza.stanzaBytes))
            } else if watch.shown.contains(where: { $0.resource == resource }) {
                farewells.append(stanza)
            }
        }
        let before = watch.shown
        watch.shown = shown
        for one in before where !shown.contains(where: { $0.resource == one.resource }) {
            if let farewell = farewells.first(where: { $0["from"] == "\(watch.name.target)/\(one.resource)" }) {
                send(farewell)
            } else {
                tell(watch.name, "unavailable", resource: one.resource)
            }
        }
        for one in shown where !before.contains(where: { $0.resource == one.resource && $0.stanza == one.stanza }) {
            send(one)
        }
    }

    private func send(_ shown: ForeignWatch.Shown) {
        let element = shown.stanza.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        if let element { send(element) }
    }

    /// A language tag (RFC 5646), as far as it is worth while to look.
    private static func isTag(_ text: String) -> Bool {
        text.utf8.count <= 35 && !text.isEmpty
            && text.utf8.allSatisfy { $0 == 45 || ($0 | 0x20) &- 0x61 < 26 || $0 &- 0x30 < 10 }
    }
}
