import Crypto
import IMCore
import XMLWire
import XMPPWire

/// Which events clients want, from their entity capabilities (XEP-0115): each version is asked once, of the first
/// client that shows it, and believed for all when its hash is right.
///
/// Presence without `<c/>` costs a look at its children; a client whose `<c/>` has not changed a comparison of bytes.
final class ClientCapabilities {
    private struct Version: Hashable {
        var hash: String
        var ver: String
    }

    private final class Asker {
        weak var session: C2SSession?
        let node: String

        init(_ session: C2SSession, node: String) {
            self.session = session
            self.node = node
        }
    }

    /// Versions remembered; past it the oldest is forgotten.
    static let limit = 2_000
    /// Clients that wait for another one's answer about the same version.
    static let waitingLimit = 1_000
    /// Questions that one client may leave open.
    static let questionLimit = 4
    static let information = "http://jabber.org/protocol/disco#info"
    private unowned let server: C2SServer
    private var known: [Version: PubSubInterests?] = [:]
    private var order: [Version] = []
    /// Clients that wait for an answer of another one.
    private var waiting: [Version: [Asker]] = [:]

    init(server: C2SServer) { self.server = server }

    /// A client showed capabilities that it had not shown before.
    func shown(_ element: XMLElement, by session: C2SSession) {
        guard let node = element["node"], let ver = element["ver"], !ver.isEmpty, ver.utf8.count <= 256,
            node.utf8.count <= 1_024
        else { return session.learned(nil) }
        guard let hash = element["hash"], EntityCapabilities.hash("", hash) != nil else {
            // The form before version 1.4 cannot be verified: it counts for this client alone.
            return ask(session, node + "#" + ver) { [weak session] query in
                session?.learned(query.map { Self.interests($0) } ?? nil)
            }
        }
        let version = Version(hash: hash, ver: ver)
        if let interests = known[version] { return session.learned(interests) }
        if let others = waiting[version] {
            // Who is too much shows its capabilities again with its next presence.
            guard others.count < Self.waitingLimit, !others.contains(where: { $0.session === session }) else {
                session.capabilities = []
                return
            }
            waiting[version]?.append(Asker(session, node: node))
        } else {
            waiting[version] = []
            ask(version, of: session, node)
        }
    }

    private func ask(_ version: Version, of session: C2SSession, _ node: String) {
        ask(session, node + "#" + version.ver) { [weak self, weak session] query in
            let interests = query.map { Self.interests($0) } ?? nil
            session?.learned(interests)
            self?.answered(version, query, interests)
        }
    }

    private func ask(_ session: C2SSession, _ node: String, _ completion: @escaping (XMLElement?) -> Void) {
        guard let home = session.home else { return completion(nil) }
        guard session.capabilityQuestions < Self.questionLimit else {
            session.capabilities = []
            return completion(nil)
        }
        session.capabilityQuestions += 1
        let query = XMLElement("query", namespace: Self.information, attributes: ["node": node])
        let domain = JID(preparedLocal: nil, domain: home.jid.domain, resource: nil)
        server.ask(query, from: domain, to: session) { [weak session] iq in
            session?.capabilityQuestions -= 1
            // Without an answer the next presence asks again.
            if iq == nil { session?.capabilities = [] }
            guard let iq, iq["type"] == "result" else { return completion(nil) }
            completion(iq.child("query", namespace: Self.information))
        }
    }

    private func answered(_ version: Version, _ query: XMLElement?, _ interests: PubSubInterests?) {
        let others = waiting.removeValue(forKey: version) ?? []
        if let query, EntityCapabilities.verification(of: query, version.hash) == version.ver {
            remember(version, interests)
            for other in others { other.session?.learned(interests) }
            return
        }
        // No answer or a false one: the next client that shows the same version is asked itself.
        var rest = others[...]
        while let next = rest.popFirst() {
            guard let session = next.session, session.home != nil else { continue }
            waiting[version] = Array(rest)
            return ask(version, of: session, next.node)
        }
    }

    private func remember(_ version: Version, _ interests: PubSubInterests?) {
        if known.updateValue(interests, forKey: version) == nil { order.append(version) }
        if order.count > Self.limit { known[order.removeFirst()] = nil }
    }

    /// Nodes that one client may be interested in.
    private static let nodes = 500

    private static func interests(_ query: XMLElement) -> PubSubInterests? {
        let suffix = "+notify"
        var nodes: Set<String> = []
        for feature in query.elements where feature.name == "feature" {
            guard let name = feature["var"], name.hasSuffix(suffix), nodes.count < Self.nodes else { continue }
            nodes.insert(String(name.dropLast(suffix.count)))
        }
        return nodes.isEmpty ? nil : PubSubInterests(nodes: nodes)
    }
}

extension C2SSession {
    /// Looks for `<c/>` in presence that has been broadcast.
    func noteCapabilities(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) {
        for child in frame.children where child.namespace(equals: "http://jabber.org/protocol/caps", in: bytes) {
            guard child.localName(equals: "c", in: bytes) else { continue }
            let shown = child.whole.slice(of: bytes)
            if capabilities.count == shown.count, capabilities.elementsEqual(shown) { return }
            capabilities = Array(shown)
            let element = try? XMLElement(
                parsing: shown, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
            if let element { server.clientCapabilities.shown(element, by: self) }
            return
        }
    }

    /// Unavailable: whatever was known is shown again with the next available presence.
    func forgetCapabilities() {
        capabilities = []
        interests = nil
    }

    /// What the client wants is known; it gets the last items of what it did not want before.
    func learned(_ interests: PubSubInterests?) {
        // Who has become unavailable meanwhile shows its capabilities again.
        guard phase == .bound, let home, availability != nil else { return }
        let before = self.interests?.nodes ?? []
        self.interests = interests
        guard let interests, interests.nodes != before else { return }
        server.router.sendLastItems(of: interests.nodes.subtracting(before), to: self, home)
    }
}

extension EntityCapabilities {
    /// The verification string of an answer (XEP-0115 §5.1), hashed; nil when it is ill-formed (§5.4) or the function
    /// is not known.
    static func verification(of query: XMLElement, _ function: String) -> String? {
        var identities: [String] = []
        var features: [String] = []
        var forms: [(type: String, text: String)] = []
        for child in query.elements {
            switch (child.namespace, child.name) {
            case (query.namespace, "identity"):
                let parts = [child["category"], child["type"], child["xml:lang"], child["name"]].map { $0 ?? "" }
                identities.append(parts.joined(separator: "/"))
            case (query.namespace, "feature"): features.append(child["var"] ?? "")
            case (DataForm.namespace, "x"):
                guard let form = DataForm(child) else { return nil }
                // A form without FORM_TYPE, or whose FORM_TYPE is not hidden, does not count.
                guard let type = form[DataForm.formTypeField], type.kind == .hidden || type.kind == nil else {
                    continue
                }
                guard Set(type.values).count == 1, let name = type.value else { return nil }
                forms.append((name, Self.text(form, name)))
            default: break
            }
        }
        guard Set(identities).count == identities.count, Set(features).count == features.count,
            Set(forms.map(\.type)).count == forms.count
        else { return nil }
        var text = sorted(identities).map { $0 + "<" }.joined() + sorted(features).map { $0 + "<" }.joined()
        for form in forms.sorted(by: { $0.type.utf8.lexicographicallyPrecedes($1.type.utf8) }) { text += form.text }
        return hash(text, function)
    }

    private static func text(_ form: DataForm, _ type: String) -> String {
        var text = type + "<"
        let fields = form.fields.filter { $0.name != DataForm.formTypeField }
        for field in fields.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            text += field.name + "<"
            for value in sorted(field.values) { text += value + "<" }
        }
        return text
    }

    private static func sorted(_ texts: [String]) -> [String] {
        texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Base 64 of the hash; nil for a function that is not known.
    static func hash(_ text: String, _ function: String) -> String? {
        let bytes = Array(text.utf8)
        switch function {
        case "sha-1": return Base64.encode(Array(Insecure.SHA1.hash(data: bytes)))
        case "sha-256": return Base64.encode(Array(SHA256.hash(data: bytes)))
        case "sha-384": return Base64.encode(Array(SHA384.hash(data: bytes)))
        case "sha-512": return Base64.encode(Array(SHA512.hash(data: bytes)))
        case "md5": return Base64.encode(Array(Insecure.MD5.hash(data: bytes)))
        default: return nil
        }
    }
}
