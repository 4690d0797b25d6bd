import Ground
import IMCore
import XMLWire
import XMPPWire

/// Message archive management (XEP-0313) for the user's own archive; the store is in `IMCore/Archive`.
extension XMPPFeature {
    static var archive: XMPPFeature {
        XMPPFeature(
            "archive",
            [
                Standard(
                    "XEP-0313", "Message Archive Management", "1.1.3", .partial("archives of users; rooms to come")),
                Standard("XEP-0059", "Result Set Management", "1.0"),
                Standard("XEP-0297", "Stanza Forwarding", "1.0"),
                Standard("XEP-0334", "Message Processing Hints", "0.4.0"),
                Standard(
                    "XEP-0424", "Message Retraction", "0.4.2",
                    .partial("tombstones in archives of users; clients do the rest")),
                Standard("XEP-0431", "Full Text Search in MAM", "0.2.0"),
                Standard("XEP-0441", "Message Archive Management Preferences", "0.2.0"),
            ],
            requests: [
                Request(name: "query", namespace: ArchiveProtocol.namespace, scopes: [.account, .contact]) {
                    own($0, handle: ArchiveProtocol.query)
                },
                Request(name: "metadata", namespace: ArchiveProtocol.namespace, scopes: [.account, .contact]) {
                    own($0, handle: ArchiveProtocol.metadata)
                },
                Request(name: "prefs", namespace: ArchiveProtocol.namespace, scopes: [.account, .contact]) {
                    own($0, handle: ArchiveProtocol.preferences)
                },
            ],
            // Profanity looks for the archive here and not at the account, where it is announced (XEP-0313 §6).
            serverFeatures: ["urn:xmpp:message-retract:1", ArchiveProtocol.namespace],
            accountFeatures: [
                ArchiveProtocol.namespace, ArchiveProtocol.namespace + "#extended",
                ArchiveProtocol.namespace + "#groupchat-field", ArchiveProtocol.fullText, "urn:xmpp:message-retract:1",
                "urn:xmpp:message-retract:1#tombstone",
            ])
    }

    /// XEP-0313 §7.1: nobody else's archive, whether there is one or not.
    private static func own(_ request: IQRequest, handle: (IQRequest) -> Void) {
        guard request.target == nil || request.target == request.home.jid else {
            return request.refuse(StanzaError(.auth, .forbidden))
        }
        handle(request)
    }
}

/// Requests of the archive, and their answers.
enum ArchiveProtocol {
    static let namespace = "urn:xmpp:mam:2"
    static let fullText = "urn:xmpp:fulltext:0"

    // MARK: Query

    static func query(_ request: IQRequest) {
        guard request.isSet else {
            return request.reply("<query xmlns='\(namespace)'>\(ArchiveForm.definition.xml)</query>")
        }
        guard let session = request.session else { return request.refuse(StanzaError(.auth, .forbidden)) }
        let query: ArchiveQuery
        do {
            query = try ArchiveForm.query(request.payload, request.server.router)
        } catch {
            return request.refuse(error)
        }
        let isFlipped = request.payload.child("flip-page", namespace: namespace) != nil
        let queryID = request.payload["queryid"]
        let queue = session.archiveQueries ?? ArchiveQueries()
        session.archiveQueries = queue
        let isTaken = queue.run { done in
            request.server.router.findArchived(query, of: request.home) { result in
                switch result {
                case .success(let page):
                    // Results that a slow client has not taken yet do not pile up.
                    session.whenDrained {
                        send(page, isFlipped, queryID, request, session)
                        done()
                    }
                case .failure(let error):
                    request.refuse(error)
                    done()
                }
            }
        }
        if !isTaken {
            request.refuse(StanzaError(.wait, .resourceConstraint, "too many queries wait for their results"))
        }
    }

    /// The messages, then the end (§4.2).
    private static func send(
        _ page: ArchivePage, _ isFlipped: Bool, _ queryID: String?, _ request: IQRequest, _ session: C2SSession
    ) {
        let names = request.server.router.journal.names
        let home = request.home
        let attribute = queryID.map { " queryid='\(XMLText.escape($0))'" } ?? ""
        for message in isFlipped ? page.messages.reversed() : page.messages {
            session.deliver(
                ArchivedStanza.result(
                    message, name: names.name(of: message.id), attributes: attribute, archive: home.address,
                    to: session.address))
        }
        let ends = (page.messages.first, page.messages.last)
        let set = ResultSet(
            first: ends.0.map { String(decoding: names.name(of: $0.id), as: UTF8.self) },
            last: ends.1.map { String(decoding: names.name(of: $0.id), as: UTF8.self) }, index: page.index,
            count: page.count)
        request.reply(
            "<fin xmlns='\(namespace)'\(attribute)\(page.isComplete ? " complete='true'" : "")>\(set.xml)</fin>")
    }

    // MARK: Metadata

    static func metadata(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("metadata is asked with get")) }
        let names = request.server.router.journal.names
        request.server.router.archiveBounds(of: request.home) { result in
            switch result {
            case .success(nil): request.reply("<metadata xmlns='\(namespace)'/>")
            case .success((let first, let last)?): request.reply(metadata(first, last, names))
            case .failure(let error): request.refuse(error)
            }
        }
    }

    /// `<metadata/>` of an archive with these ends.
    static func metadata(_ first: MessageID, _ last: MessageID, _ names: OpaqueIDs) -> String {
        let ends = [("start", first), ("end", last)].map { end, id in
            "<\(end) id='\(String(decoding: names.name(of: id), as: UTF8.self))'"
                + " timestamp='\(Timestamp.format(id.acceptedAt))'/>"
        }
        return "<metadata xmlns='\(namespace)'>\(ends.joined())</metadata>"
    }

    // MARK: Preferences (XEP-0441)

    static func preferences(_ request: IQRequest) {
        let router = request.server.router
        guard request.isSet else { return request.reply(xml(router.archivePreferences(of: request.home))) }
        let preferences: ArchivePreferences
        do { preferences = try read(request.payload) } catch { return request.refuse(error) }
        router.setArchivePreferences(preferences, of: request.home) { error in
            if let error { request.refuse(error) } else { request.reply(xml(preferences)) }
        }
    }

    private static func read(_ element: XMLElement) throws(StanzaError) -> ArchivePreferences {
        guard let mode = element["default"].flatMap({ ArchivePreferences.Mode(rawValue: $0) }) else {
            throw .badRequest("default is always, never or roster")
        }
        let preferences = ArchivePreferences(
            mode, always: try addresses("always", element), never: try addresses("never", element))
        guard preferences.always.count + preferences.never.count <= ArchivePreferences.capacity else {
            throw StanzaError(
                .modify, .resourceConstraint, "at most \(ArchivePreferences.capacity) addresses can be named")
        }
        return preferences
    }

    private static func addresses(_ list: String, _ element: XMLElement) throws(StanzaError) -> Set<JID> {
        var addresses: Set<JID> = []
        for child in element.child(list, namespace: namespace)?.elements ?? []
        where child.name == "jid" && child.namespace == namespace {
            guard let jid = try? JID(parsing: child.text) else { throw .jidMalformed("\(list) names no address") }
            addresses.insert(jid)
        }
        return addresses
    }

    private static func xml(_ preferences: ArchivePreferences) -> String {
        let lists = [("always", preferences.always), ("never", preferences.never)].map { name, addresses in
            let items = addresses.map(\.description).sorted().map { "<jid>\(XMLText.escape($0))</jid>" }.joined()
            return items.isEmpty ? "<\(name)/>" : "<\(name)>\(items)</\(name)>"
        }
        return "<prefs xmlns='\(namespace)' default='\(preferences.mode.rawValue)'>\(lists.joined())</prefs>"
    }
}
