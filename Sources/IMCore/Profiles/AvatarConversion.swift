import Crypto
import Storage
import XMLWire
import XMPPWire

/// The account's photo changed: presence says so (XEP-0153 §3).
public enum AvatarChange: Sendable, Equatable {
    /// SHA-1 of the image, hexadecimal.
    case set(String)
    case removed

    var photoHash: String? {
        if case .set(let hash) = self { return hash }
        return nil
    }
}

/// Names of the avatar nodes (XEP-0084).
enum AvatarNode {
    static let metadata = "urn:xmpp:avatar:metadata"
    static let data = "urn:xmpp:avatar:data"
}

/// An image as vCards and avatar nodes carry it.
struct AvatarImage: Sendable, Equatable {
    /// Media type.
    var type: String
    var bytes: [UInt8]

    /// SHA-1, hexadecimal (XEP-0084 §4.1).
    var hash: String {
        Insecure.SHA1.hash(data: bytes).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// - Parameter base64: with or without line breaks.
    init?(type: String?, base64: String) {
        let digits = base64.utf8.filter { $0 != 9 && $0 != 10 && $0 != 13 && $0 != 32 }
        guard let bytes = Base64.decode(digits), !bytes.isEmpty else { return nil }
        self.bytes = bytes
        if let type, !type.isEmpty { self.type = type } else { self.type = Self.type(of: bytes) }
    }

    /// The media type that the first bytes tell.
    private static func type(of bytes: [UInt8]) -> String {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if bytes.starts(with: Array("GIF8".utf8)) { return "image/gif" }
        if bytes.count > 12, bytes[8..<12].elementsEqual("WEBP".utf8) { return "image/webp" }
        return "image/png"
    }

    /// The photo of a vcard-temp (XEP-0054).
    init?(vcard: XMLElement) {
        guard let photo = vcard.child("PHOTO", namespace: vcard.namespace),
            let value = photo.child("BINVAL", namespace: vcard.namespace)
        else { return nil }
        self.init(type: photo.child("TYPE", namespace: vcard.namespace)?.text, base64: value.text)
    }

    var photo: XMLElement {
        var photo = XMLElement("PHOTO", namespace: VCardNamespace.temporary)
        photo.children = [
            .element(XMLElement("TYPE", namespace: VCardNamespace.temporary, children: [.text(type)])),
            .element(
                XMLElement("BINVAL", namespace: VCardNamespace.temporary, children: [.text(Base64.encode(bytes))])),
        ]
        return photo
    }
}

public enum VCardNamespace {
    public static let temporary = "vcard-temp"
}

/// Avatars of both kinds are one (XEP-0398).
extension PubSubEngine {
    /// Avatar metadata was published: the image becomes the vCard's photo (§3.1).
    mutating func convertAvatar(_ metadata: XMLElement) throws {
        guard let userID = service.userID, metadata.namespace == AvatarNode.metadata else { return }
        let entries = metadata.elements.filter { $0.name == "info" && $0.namespace == AvatarNode.metadata }
        guard !entries.isEmpty else { return try removePhoto(userID) }
        // The one that is stored here, not the one that points elsewhere.
        guard let info = entries.first(where: { $0["url"] == nil }), let id = info["id"],
            let node = try PubSubStore.node(AvatarNode.data, of: address, in: transaction),
            let item = try PubSubStore.item(id, of: node, in: transaction),
            let element = XMLElement(stored: item.payload),
            let image = AvatarImage(type: info["type"], base64: element.text),
            image.hash == id.lowercased()
        else { return }
        guard try ProfileStore.photoHash(userID, in: transaction) != image.hash else { return }
        let old = try ProfileStore.vcard(userID, in: transaction).flatMap { XMLElement(stored: $0) }
        var vcard = old ?? XMLElement("vCard", namespace: VCardNamespace.temporary)
        vcard.removeChildren("PHOTO")
        vcard.children.append(.element(image.photo))
        let bytes = vcard.standaloneBytes
        // A photo too large for a vCard stays what it is.
        guard bytes.count <= vcardBytes else { return }
        try ProfileStore.setVCard(bytes, photoHash: image.hash, of: userID, in: transaction)
        avatar = .set(image.hash)
    }

    private mutating func removePhoto(_ userID: Int64) throws {
        guard let bytes = try ProfileStore.vcard(userID, in: transaction), var vcard = XMLElement(stored: bytes),
            vcard.child("PHOTO", namespace: VCardNamespace.temporary) != nil
        else { return }
        vcard.removeChildren("PHOTO")
        try ProfileStore.setVCard(vcard.standaloneBytes, photoHash: nil, of: userID, in: transaction)
        avatar = .removed
    }

    /// Stores the account's vCard; a photo in it is published as its avatar (§3.2).
    /// - Parameter entries: what the vCard tells whoever searches for people.
    public mutating func setVCard(_ vcard: XMLElement, entries: [SearchStore.Entry]) throws {
        guard let userID = service.userID else { return }
        let old = try ProfileStore.photoHash(userID, in: transaction)
        let image = AvatarImage(vcard: vcard)
        let hash = image?.hash
        try ProfileStore.setVCard(vcard.standaloneBytes, photoHash: hash, of: userID, in: transaction)
        try SearchStore.replace(entries, of: userID, in: transaction)
        guard hash != old else { return }
        avatar = hash.map { .set($0) } ?? .removed
        var metadata = XMLElement("metadata", namespace: AvatarNode.metadata)
        guard let image, let hash else {
            return try publishQuietly(metadata, id: PubSubEngine.makeID(), to: AvatarNode.metadata)
        }
        let data = XMLElement("data", namespace: AvatarNode.data, children: [.text(Base64.encode(image.bytes))])
        guard data.standaloneBytes.count <= limits.itemBytes else { return }
        try publishQuietly(data, id: hash, to: AvatarNode.data)
        metadata.children = [
            .element(
                XMLElement(
                    "info", namespace: AvatarNode.metadata,
                    attributes: ["bytes": String(image.bytes.count), "id": hash, "type": image.type]))
        ]
        try publishQuietly(metadata, id: hash, to: AvatarNode.metadata)
    }

    /// Publishes for the account what follows from something else: nothing follows from this.
    mutating func publishQuietly(_ payload: XMLElement, id: String, to name: String) throws {
        var node: PubSubNode
        if let known = try PubSubStore.node(name, of: address, in: transaction) {
            node = known
        } else {
            node = try insert(name, defaultConfiguration(name))
        }
        let item = PubSubItem(
            id: id, sequence: 0, publisher: address, publishedAt: now, payload: payload.standaloneBytes)
        if node.configuration.persistsItems {
            _ = try PubSubStore.publish(
                item, to: &node, keeping: node.configuration.itemLimit(limits), in: transaction)
        }
        try announce(PubSubEvent.items(name, [item], node.configuration), node)
    }
}

extension Router {
    /// The photo is another one: everyone who hears the account's presence hears it again, with the new hash
    /// (XEP-0398 §4).
    func avatarChanged(_ change: AvatarChange, _ home: UserHome) {
        guard home.photoHash != change.photoHash else { return }
        home.photoHash = change.photoHash
        for endpoint in home.endpoints {
            guard endpoint.isClient, let availability = endpoint.availability,
                let presence = XMLElement(stored: availability.stanza.bytes),
                let stanza = VCardUpdate.stanza(presence, photoHash: home.photoHash)
            else { continue }
            becomeAvailable(
                endpoint, home,
                Availability(priority: availability.priority, show: availability.show, stanza: stanza))
        }
    }
}

/// `<x xmlns='vcard-temp:x:update'/>` in presence (XEP-0153 §5).
public enum VCardUpdate {
    public static let namespace = "vcard-temp:x:update"

    public static func xml(_ photoHash: String) -> String {
        "<x xmlns='\(namespace)'><photo>\(photoHash)</photo></x>"
    }

    /// The presence with that hash; nil when it says itself that it has no photo.
    static func stanza(_ presence: XMLElement, photoHash: String?) -> PresenceStanza? {
        guard let presence = updated(presence, photoHash: photoHash) else { return nil }
        return PresenceStanza(bytes: presence.stanzaBytes, gap: "<presence".utf8.count)
    }

    /// As `stanza`, for presence that goes on as a tree.
    public static func updated(_ presence: XMLElement, photoHash: String?) -> XMLElement? {
        var presence = presence
        if let x = presence.child("x", namespace: namespace), let photo = x.child("photo", namespace: namespace),
            photo.text.isEmpty
        {
            return nil
        }
        presence.children.removeAll {
            if case .element(let child) = $0 { return child.name == "x" && child.namespace == namespace }
            return false
        }
        var x = XMLElement("x", namespace: namespace)
        x.children = [
            .element(XMLElement("photo", namespace: namespace, children: photoHash.map { [.text($0)] } ?? []))
        ]
        presence.children.append(.element(x))
        return presence
    }
}

extension XMLElement {
    /// What `standaloneBytes` or a stanza was written as.
    init?(stored bytes: [UInt8]) {
        let element = bytes.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        guard let element else { return nil }
        self = element
    }

    /// Removes the children of that name in the element's own namespace.
    mutating func removeChildren(_ name: String) {
        let namespace = namespace
        children.removeAll {
            if case .element(let child) = $0 { return child.name == name && child.namespace == namespace }
            return false
        }
    }
}
