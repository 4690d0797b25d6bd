import IMCore
import XMLWire
import XMPPWire

/// What service discovery tells of the service, of rooms and of who is in them (XEP-0045 §6).
enum RoomDiscovery {
    /// Items of one answer at most.
    private static let pageSize = 200
    /// The node that asks for one's reserved nickname (§7.12).
    private static let nickNode = "x-roomuser-item"
    private static let always = [
        RoomsService.information, RoomsService.items, RoomsService.ping, RoomNamespace.muc,
        RoomNamespace.muc + "#stable_id", RoomNamespace.muc + "#self-ping-optimization", "urn:xmpp:sid:0",
    ]

    static var service: XMLElement {
        var query = XMLElement("query", namespace: RoomsService.information)
        query.add(identity("Chat rooms"))
        for feature in (always + [ResultSet.namespace]).sorted() { query.add(Self.feature(feature)) }
        return query
    }

    private static func identity(_ name: String) -> XMLElement {
        var identity = XMLElement(
            "identity", namespace: RoomsService.information, attributes: ["category": "conference", "type": "text"])
        if !name.isEmpty { identity["name"] = name }
        return identity
    }

    private static func feature(_ name: String) -> XMLElement {
        XMLElement("feature", namespace: RoomsService.information, attributes: ["var": name])
    }

    /// §6.4, §7.12
    static func information(_ room: Room, _ node: String, _ asker: JID) throws(StanzaError) -> XMLElement {
        var query = XMLElement("query", namespace: RoomsService.information)
        guard node.isEmpty else {
            guard node == nickNode else { throw .itemNotFound }
            query["node"] = node
            if let nick = room.reservedNick(of: asker) { query.add(identity(nick)) }
            return query
        }
        let configuration = room.configuration
        query.add(identity(configuration.name.isEmpty ? room.jid.local ?? "" : configuration.name))
        let traits = [
            configuration.isPublic ? "muc_public" : "muc_hidden",
            configuration.isMembersOnly ? "muc_membersonly" : "muc_open",
            configuration.isModerated ? "muc_moderated" : "muc_unmoderated",
            configuration.isNonAnonymous ? "muc_nonanonymous" : "muc_semianonymous",
            configuration.isPasswordProtected ? "muc_passwordprotected" : "muc_unsecured",
            configuration.isPersistent ? "muc_persistent" : "muc_temporary",
        ]
        for name in (always + [RoomNamespace.request, Room.moderation] + traits).sorted() { query.add(feature(name)) }
        query.add(form(room).element)
        return query
    }

    /// §15.5.4
    private static func form(_ room: Room) -> DataForm {
        let configuration = room.configuration
        let prefix = "muc#roominfo_"
        var fields = [
            FormField(prefix + "description", .textSingle, label: "Description", value: configuration.description),
            FormField(prefix + "occupants", .textSingle, label: "Occupants", value: String(room.occupants.count)),
            FormField(prefix + "subject", .textSingle, label: "Subject", value: room.subject.text),
            FormField(
                prefix + "subjectmod", label: "Participants may change the subject",
                value: configuration.allowsSubjectChange),
            FormField(
                "muc#roomconfig_changesubject", label: "Participants may change the subject",
                value: configuration.allowsSubjectChange),
            FormField("muc#roomconfig_roomname", .textSingle, label: "Name", value: configuration.name),
            FormField(
                "muc#maxhistoryfetch", .textSingle, label: "Messages shown to who enters",
                value: String(room.shownHistory)),
        ]
        if !configuration.language.isEmpty {
            fields.append(FormField(prefix + "lang", .textSingle, label: "Language", value: configuration.language))
        }
        // Whom to ask: addresses only where everybody sees them anyway.
        if configuration.isNonAnonymous {
            let owners = room.members.filter { $0.value.affiliation == .owner }.map(\.key.description).sorted()
            fields.append(FormField(prefix + "contactjid", .jidMulti, label: "Owners", values: owners))
        }
        return DataForm(.result, type: RoomNamespace.information, fields: fields)
    }

    // MARK: Items

    /// §6.3: rooms that are public, in pages (XEP-0059).
    static func rooms(_ rooms: [Room], _ payload: XMLElement) throws(StanzaError) -> XMLElement {
        let listed = rooms.filter { $0.configuration.isPublic && !$0.isLocked }
            .map {
                (
                    id: $0.jid.description,
                    name: $0.configuration.name.isEmpty ? $0.jid.local ?? "" : $0.configuration.name
                )
            }
            .sorted { $0.id < $1.id }
        return try page(listed.map { ($0.id, $0.name) }, payload)
    }

    /// §6.5: who is there, for who is there too, and for everybody where the room is public.
    static func occupants(_ room: Room, _ payload: XMLElement, _ asker: JID) throws(StanzaError) -> XMLElement {
        let isInside = room.occupant(asker) != nil
        let mayLook = isInside || (room.configuration.isPublic && !room.configuration.isMembersOnly)
        let nicks = mayLook && !room.isLocked ? room.occupants.map(\.nick).sorted() : []
        return try page(nicks.map { (JID(room.jid, nick: $0).description, $0) }, payload)
    }

    private static func page(_ listed: [(String, String)], _ payload: XMLElement) throws(StanzaError) -> XMLElement {
        let request = try ResultSetRequest(in: payload)
        let ids = listed.map { $0.0 }
        var range = 0..<min(ids.count, pageSize)
        if let request { range = try request.page(of: ids, limit: pageSize) }
        var query = XMLElement("query", namespace: RoomsService.items)
        for (jid, name) in listed[range] {
            query.add(XMLElement("item", namespace: RoomsService.items, attributes: ["jid": jid, "name": name]))
        }
        // Whoever did not ask for a page learns all the same that there is more.
        if request != nil || range.count < ids.count { query.add(ResultSet(range, of: ids).element) }
        return query
    }
}
