import IMCore
import XMLWire
import XMPPWire

/// What the server does for avatars and bookmarks beyond keeping nodes (`IMCore/Profiles`).
extension XMPPFeature {
    static var avatars: XMPPFeature {
        XMPPFeature(
            "avatars",
            [
                Standard("XEP-0153", "vCard-Based Avatars", "1.1"),
                Standard("XEP-0398", "User Avatar to vCard-Based Avatars Conversion", "1.0.1"),
            ], accountFeatures: ["urn:xmpp:pep-vcard-conversion:0"])
    }

    static var bookmarks: XMPPFeature {
        XMPPFeature(
            "bookmarks",
            [
                Standard("XEP-0048", "Bookmarks", "1.2"),
                Standard("XEP-0402", "PEP Native Bookmarks", "1.2.0"),
            ],
            accountFeatures: [BookmarkNode.items + "#compat", BookmarkNode.items + "#compat-pep"])
    }
}

extension C2SSession {
    /// Where the hash of the photo goes into available presence, and what has to make room for it (XEP-0398 §4).
    /// Nil when presence stays as it is: there is no photo, or the client says that it shows none.
    func photoUpdate(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ home: UserHome
    ) -> (cuts: [Span], xml: String)? {
        guard let hash = home.photoHash else { return nil }
        var cuts: [Span] = []
        for child in frame.children where child.namespace(equals: "vcard-temp:x:update", in: bytes) {
            guard child.localName(equals: "x", in: bytes) else { continue }
            let x = try? XMLElement(
                parsing: child.whole.slice(of: bytes), streamDefaultNamespace: XMPPNamespace.client,
                streamPrefixes: [])
            if let photo = x?.child("photo", namespace: VCardUpdate.namespace), photo.text.isEmpty { return nil }
            cuts.append(child.whole)
        }
        return (cuts, VCardUpdate.xml(hash))
    }
}
