import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMPPWire

/// SUBSCRIBE (RFC 6665 §4.2.1): new subscriptions and fetches here, the rest in their dialog.
final class SubscribeHandler: SIPMethodHandler {
    let methods: [SIPMethod] = [.subscribe]
    private unowned let engine: EventEngine

    init(_ engine: EventEngine) { self.engine = engine }

    private var server: SIPServer { engine.server }

    func handle(_ request: IncomingRequest) {
        let message = request.message
        guard message.toTag.isEmpty else { return refuse(request, .callDoesNotExist) }
        guard let event = message.event, let package = engine.package(event.package) else {
            return badEvent(request)
        }
        guard let uri = message.requestURI else { return refuse(request, .notFound) }
        if message.requires("recipient-list-subscribe") { return handleGiven(request, uri, package, event) }
        guard let target = user(uri) else { return refuse(request, .notFound) }
        guard let watcher = watcher(of: request) else { return refuse(request, .forbidden) }
        let isList = isListURI(uri) || package === engine.presence && watcher.jid == target && wantsList(message)
        if isList, !(package === engine.presence && understandsLists(message)) {
            // RFC 4662 §4.5.
            return isList && package === engine.presence
                ? request.respond(.extensionRequired) { $0.add(.require, "eventlist") } : badEvent(request)
        }
        guard let contact = message.contact, contact.uri.scheme == .sip || contact.uri.scheme == .sips else {
            return refuse(request, .badRequest, "Contact Missing")
        }
        guard isList || isAcceptable(message, package) else { return refuse(request, .notAcceptable) }
        guard let seconds = seconds(of: request), seconds == 0 || hasRoom(for: watcher, request) else { return }
        let eventID = event.id?.array ?? []
        if isList {
            guard watcher.isLocal, watcher.jid == target else { return refuse(request, .forbidden) }
            return begin(request, watcher, target, package, eventID, seconds, .active, isList: true)
        }
        package.admit(watcher, to: target, mayAsk: seconds > 0) { [self] admission in
            begin(request, watcher, target, package, eventID, seconds, admission, isList: false)
        }
    }

    /// False when it was answered.
    private func hasRoom(for watcher: EventWatcher, _ request: IncomingRequest) -> Bool {
        let config = server.config
        guard engine.count < config.subscriptions else {
            request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 60) }
            return false
        }
        guard engine.perWatcher[watcher.jid] ?? 0 < config.subscriptionsPerUser else {
            refuse(request, .forbidden, "Too Many Subscriptions")
            return false
        }
        return true
    }

    // MARK: Lists in requests (RFC 5367)

    /// To the server, or to the own address. Nobody is asked: who has not agreed to be seen shows nothing (RFC 5360).
    private func handleGiven(
        _ request: IncomingRequest, _ uri: SIPURI, _ package: any EventPackage, _ event: SIPEvent
    ) {
        let message = request.message
        guard let watcher = watcher(of: request), watcher.isLocal else { return refuse(request, .forbidden) }
        guard uri.user == nil || user(uri) == watcher.jid else { return refuse(request, .notFound) }
        guard package === engine.presence else { return badEvent(request) }
        guard understandsLists(message) else {
            return request.respond(.extensionRequired) { $0.add(.require, "eventlist") }
        }
        guard let contact = message.contact, contact.uri.scheme == .sip || contact.uri.scheme == .sips else {
            return refuse(request, .badRequest, "Contact Missing")
        }
        guard let members = members(of: request), let seconds = seconds(of: request),
            seconds == 0 || hasRoom(for: watcher, request)
        else { return }
        begin(
            request, watcher, watcher.jid, package, event.id?.array ?? [], seconds, .active, isList: true,
            given: members)
    }

    /// Whom the body names; nil when it was answered.
    func members(of request: IncomingRequest) -> [ResourceListState.Given]? {
        let message = request.message
        guard message.hasBody, message.contentType?.matches("application/resource-lists+xml") ?? false else {
            request.respond(.unsupportedMediaType) { $0.add(.accept, "application/resource-lists+xml") }
            return nil
        }
        guard let root = try? XMLDocument.parse(message.body), (try? ResourceLists.validate(root)) != nil else {
            refuse(request, .badRequest, "Bad List")
            return nil
        }
        let entries = ResourceLists.entries(root)
        guard entries.count <= server.config.listMembers else {
            refuse(request, .requestEntityTooLarge, "Too Many Resources")
            return nil
        }
        var listed: Set<JID> = []
        return entries.compactMap { entry in
            guard let uri = SIPURI(entry.uri), let contact = user(uri), listed.insert(contact).inserted else {
                return nil
            }
            return .init(contact: contact, name: entry.name)
        }
    }

    /// Answers, and tells at once (§4.2.1.2).
    private func begin(
        _ request: IncomingRequest, _ watcher: EventWatcher, _ target: JID, _ package: any EventPackage,
        _ eventID: [UInt8], _ seconds: Int, _ admission: Admission, isList: Bool,
        given: [ResourceListState.Given]? = nil
    ) {
        guard !request.isAnswered else { return }
        if case .refused(let status) = admission, seconds > 0 || status == .notFound {
            return refuse(request, status)
        }
        let message = request.message
        let localTag = request.localTag
        let key = server.dialogs.key(callID: message.callID, localTag: localTag, remoteTag: message.fromTag)
        guard server.dialogs[key] == nil, let (head, lineEnd) = head(of: request, localTag) else {
            return refuse(request, .badRequest)
        }
        let resource = engine.makeResource(target, package)
        let subscription = Subscription(
            engine: engine, resource: resource, watcher: watcher, key: key, eventID: eventID, head: head,
            lineEnd: lineEnd, remoteCSeq: message.cseqNumber, flow: flow(of: request),
            expires: engine.second + Int64(seconds))
        switch admission {
        case .active: subscription.state = .active
        case .pending: subscription.isHidden = true
        case .hidden:
            subscription.state = .active
            subscription.isHidden = true
        // A fetch by somebody who may not see: nothing is there to be seen.
        case .refused: subscription.isHidden = true
        }
        if isList {
            engine.makeList(subscription, given)
        } else {
            subscription.isPartial = wantsPartial(message, package)
        }
        engine.insert(subscription)
        let own = engine.contact(of: request.flow)
        request.respond(.ok) {
            $0.add(.expires, number: seconds)
            $0.add(.contact, own)
            $0.add(.allowEvents, engine.allowEvents)
            if isList { $0.add(.require, "eventlist") }
        }
        guard seconds > 0 else {
            return isList ? engine.fetchList(subscription) : engine.end(subscription, reason: "timeout")
        }
        engine.keep(subscription)
        if package === engine.presence, !isList, let own = engine.resource(target, engine.winfo) {
            own.gaveUp.remove(watcher.jid)
            engine.changed(own)
        }
        engine.tell(subscription, forced: true)
    }

    // MARK: Reading the request

    /// Nil when it was answered.
    func seconds(of request: IncomingRequest) -> Int? {
        let bounds = server.config.subscribe
        guard request.message.has(.expires) else { return bounds.standard }
        guard let given = request.message.expires else {
            refuse(request, .badRequest, "Bad Expires")
            return nil
        }
        if given == 0 { return 0 }
        guard given >= bounds.least else {
            request.respond(.intervalTooBrief) { $0.add(.minExpires, number: bounds.least) }
            return nil
        }
        return min(Int(given), bounds.most)
    }

    private func user(_ uri: SIPURI) -> JID? {
        guard let domain = server.domain(uri) else { return nil }
        guard let jid = AddressMapping.jid(of: uri, keepsResource: false) else { return nil }
        if jid.domain == domain { return jid }
        return jid.local.flatMap { try? JID(local: $0, domain: domain, resource: nil) }
    }

    private func watcher(of request: IncomingRequest) -> EventWatcher? {
        switch request.sender {
        case .user(let jid): return EventWatcher(jid: jid.bare, isLocal: true)
        case .trunk:
            guard let from = request.message.from.flatMap({ AddressMapping.jid(of: $0.uri, keepsResource: false) })
            else { return nil }
            return EventWatcher(jid: from.bare, isLocal: server.router.serves(from.domain))
        case .unknown:
            guard server.config.acceptsForeign,
                let from = request.message.from.flatMap({ AddressMapping.jid(of: $0.uri, keepsResource: false) }),
                !server.router.serves(from.domain)
            else { return nil }
            return EventWatcher(jid: from.bare, isLocal: false)
        }
    }

    /// `sip:anna@example.org;list=contacts`: the contact list of its owner as a resource list.
    private func isListURI(_ uri: SIPURI) -> Bool { uri.parameters["list"]?.matches("contacts") ?? false }

    private func understandsLists(_ message: SIPMessage) -> Bool {
        message.supports("eventlist") || message.requires("eventlist")
    }

    /// To the own address: the list is meant where it is required, or asked for by its media type.
    private func wantsList(_ message: SIPMessage) -> Bool {
        guard understandsLists(message) else { return false }
        return message.requires("eventlist")
            || message.all(.accept).contains { SIPMediaType($0)?.matches("application/rlmi+xml") ?? false }
    }

    private func isAcceptable(_ message: SIPMessage, _ package: any EventPackage) -> Bool {
        guard message.has(.accept) else { return true }
        let wanted = engine.names(of: package).type
        return message.all(.accept).contains { item in
            guard let type = SIPMediaType(item) else { return false }
            let name = type.name
            return name.matches("*/*") || name.matches("application/*") || name.matches(wanted)
        } || wantsPartial(message, package)
    }

    /// Documents may be what has changed (RFC 5263 §4.1): the watcher names the type, wildcards do not count.
    func wantsPartial(_ message: SIPMessage, _ package: any EventPackage) -> Bool {
        guard package === engine.presence, message.has(.accept) else { return false }
        return message.all(.accept).contains { SIPMediaType($0)?.matches("application/pidf-diff+xml") ?? false }
    }

    private func flow(of request: IncomingRequest) -> SIPFlow? {
        let flow = request.flow
        guard !flow.transport.isReliable, !request.message.has(.recordRoute), let uri = request.message.contact?.uri
        else { return flow }
        // Over UDP a client may listen on another port than it sends from.
        let port = uri.port ?? 5_060
        return uri.host == SIPBytes(flow.remote.host) && port != flow.remote.port ? nil : flow
    }

    /// The part of every NOTIFY that stays the same (RFC 3261 §12.1.1, §12.2.1.1).
    private func head(
        of request: IncomingRequest, _ localTag: SIPBytes
    ) -> ([UInt8], Int)? {
        let message = request.message
        guard let contact = message.contact, let from = message.first(.from), let to = message.first(.to) else {
            return nil
        }
        var head: [UInt8] = []
        head.reserveCapacity(480)
        head += Array("NOTIFY ".utf8)
        contact.uri.text.withBytes { head += $0 }
        head += Array(" SIP/2.0\r\n".utf8)
        let lineEnd = head.count
        // The route set: the Record-Route of the request as it stands (§12.1.1).
        if message.has(.recordRoute) {
            for item in message.all(.recordRoute) { head.line("Route: ", item) }
        }
        head += Array("From: ".utf8)
        to.withBytes { head += $0 }
        head += Array(";tag=".utf8)
        localTag.withBytes { head += $0 }
        head += Array("\r\n".utf8)
        head.line("To: ", from)
        head.line("Call-ID: ", message.callID)
        head += Array("Contact: ".utf8)
        head += engine.contact(of: request.flow)
        head += Array("\r\n".utf8)
        guard head.count < 8_192 else { return nil }
        // Kept for as long as the subscription: no byte more than it has.
        let exact = [UInt8](unsafeUninitializedCapacity: head.count) { $1 = $0.initialize(fromContentsOf: head) }
        return (exact, lineEnd)
    }

    // MARK: Answers

    private func badEvent(_ request: IncomingRequest) {
        request.respond(.badEvent) { $0.add(.allowEvents, engine.allowEvents) }
    }

    private func refuse(_ request: IncomingRequest, _ status: SIPStatus, _ reason: StaticString? = nil) {
        request.respond(status, reason: reason)
    }
}

extension [UInt8] {
    fileprivate mutating func line(_ name: StaticString, _ value: SIPBytes) {
        append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        value.withBytes { self += $0 }
        append(13)
        append(10)
    }
}

// In the dialog of a subscription.
extension EventEngine {
    func handle(_ request: IncomingRequest, in subscription: Subscription) {
        let message = request.message
        switch request.method {
        case .subscribe: break
        case .ack: return
        case .options: return server.answerOptions(request)
        default: return request.respond(.methodNotAllowed) { $0.add(.allow, "SUBSCRIBE, OPTIONS") }
        }
        guard let event = message.event, event.package == names(of: subscription.resource.package).name,
            (event.id?.array ?? []) == subscription.eventID
        else { return request.respond(.callDoesNotExist) }
        // Whoever refreshes must be who subscribed.
        if case .user(let jid) = request.sender, jid.bare != subscription.watcher {
            return request.respond(.forbidden)
        }
        // RFC 3261 §12.2.2.
        guard message.cseqNumber > subscription.remoteCSeq else { return request.respond(.serverInternalError) }
        guard let seconds = subscribe.seconds(of: request) else { return }
        if let list = subscription.list, list.given != nil, message.hasBody {
            // Others from now on (RFC 5367 §4).
            guard let members = subscribe.members(of: request) else { return }
            list.given = members
        }
        subscription.remoteCSeq = message.cseqNumber
        if let contact = message.contact { subscription.setRemoteTarget(contact.uri.text) }
        if request.flow.transport.isReliable || subscription.flow != nil {
            subscription.flow = request.flow
            subscription.usesAddress = false
        }
        if message.has(.accept), subscription.list == nil {
            subscription.isPartial = subscribe.wantsPartial(message, subscription.resource.package)
        }
        let own = contact(of: request.flow)
        request.respond(.ok) {
            $0.add(.expires, number: seconds)
            $0.add(.contact, own)
            if subscription.list != nil { $0.add(.require, "eventlist") }
        }
        guard seconds > 0 else { return end(subscription, reason: "timeout") }
        subscription.expires = second + Int64(seconds)
        wheel.insert(subscription)
        keep(subscription)
        tell(subscription, forced: true)
    }
}
