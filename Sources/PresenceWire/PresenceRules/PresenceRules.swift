import XMLWire

/// Who may see a user's presence: a ruleset (RFC 4745) with the actions of RFC 5025.
public enum PresenceRules {
    public static let application = "pres-rules"
    /// The same documents under the name that the Open Mobile Alliance gave them.
    public static let openMobileApplication = "org.openmobilealliance.pres-rules"
    public static let namespace = "urn:ietf:params:xml:ns:pres-rules"
    public static let rulesetNamespace = "urn:ietf:params:xml:ns:common-policy"
    public static let openMobileNamespace = "urn:oma:xml:xdm:common-policy"
    public static let contentType = "application/auth-policy+xml"

    /// What becomes of a watcher (RFC 5025 §3.2.1). The higher one counts when several rules fit.
    public enum Handling: Int, Sendable, Comparable, CaseIterable {
        case block = 0
        case confirm = 10
        case politeBlock = 20
        case allow = 30

        public static func < (left: Handling, right: Handling) -> Bool { left.rawValue < right.rawValue }

        public init?(word: String) {
            switch word {
            case "block": self = .block
            case "confirm": self = .confirm
            case "polite-block": self = .politeBlock
            case "allow": self = .allow
            default: return nil
            }
        }

        public var word: String {
            switch self {
            case .block: "block"
            case .confirm: "confirm"
            case .politeBlock: "polite-block"
            case .allow: "allow"
            }
        }

        /// The watcher sees nothing, whether he is told or not.
        public var keepsOut: Bool { self == .block || self == .politeBlock }
    }

    /// Whom a rule is about (RFC 4745 §7.1). Any of a rule's identities is enough.
    public enum Identity: Sendable, Equatable {
        /// One address, as it stands there.
        case one(String)
        /// Everybody, or everybody of a domain, without some.
        case many(domain: String?, except: [Exception])
    }

    public enum Exception: Sendable, Equatable {
        case one(String)
        case domain(String)
    }

    public struct Rule: Sendable, Equatable {
        public var id: String
        /// Nil when the rule has no such condition.
        public var identities: [Identity]?
        /// Names of further conditions: spheres, times, lists kept elsewhere.
        public var otherConditions: [String]
        /// Nil when the rule says nothing of it.
        public var handling: Handling?

        public init(
            id: String, identities: [Identity]? = nil, otherConditions: [String] = [], handling: Handling? = nil
        ) {
            self.id = id
            self.identities = identities
            self.otherConditions = otherConditions
            self.handling = handling
        }
    }

    // MARK: Reading

    /// Reads the rules of a document.
    /// - Throws: `schema-validation-error`, `uniqueness-failure`.
    public static func rules(_ root: XMLElement) throws(XCAPFailure) -> [Rule] {
        guard root.name == "ruleset", root.namespace == rulesetNamespace else {
            throw .schema("the root of the document is ruleset of \(rulesetNamespace)")
        }
        var rules: [Rule] = []
        var ids: Set<String> = []
        for child in root.elements where child.namespace == rulesetNamespace {
            guard child.name == "rule" else { throw .schema("\(child.name) cannot stand in ruleset") }
            let rule = try self.rule(child)
            guard ids.insert(rule.id).inserted else {
                throw XCAPFailure(
                    .uniquenessFailure(fields: ["ruleset/rule[@id=\"\(rule.id)\"]/@id"]),
                    "there is a rule with that id already")
            }
            rules.append(rule)
        }
        return rules
    }

    /// Reads one rule.
    public static func rule(_ element: XMLElement) throws(XCAPFailure) -> Rule {
        guard let id = element["id"], isName(id) else { throw .schema("a rule has an id that is a name") }
        var rule = Rule(id: id, identities: nil, otherConditions: [], handling: nil)
        for child in element.elements where child.namespace == rulesetNamespace {
            switch child.name {
            case "conditions": try read(conditions: child, into: &rule)
            case "actions":
                for action in child.elements where action.name == "sub-handling" && action.namespace == namespace {
                    guard let handling = Handling(word: ResourceLists.trimmed(action.text)) else {
                        throw .schema("sub-handling is block, confirm, polite-block or allow")
                    }
                    rule.handling = max(rule.handling ?? handling, handling)
                }
            case "transformations": break
            default: throw .schema("\(child.name) cannot stand in a rule")
            }
        }
        return rule
    }

    private static func read(conditions: XMLElement, into rule: inout Rule) throws(XCAPFailure) {
        for condition in conditions.elements {
            guard condition.name == "identity", condition.namespace == rulesetNamespace else {
                rule.otherConditions.append(condition.name)
                continue
            }
            var identities = rule.identities ?? []
            for child in condition.elements where child.namespace == rulesetNamespace {
                switch child.name {
                case "one":
                    guard let id = child["id"], !id.isEmpty else { throw .schema("one has an id") }
                    identities.append(.one(id))
                case "many":
                    identities.append(.many(domain: child["domain"], except: try exceptions(child)))
                default: throw .schema("\(child.name) cannot stand in identity")
                }
            }
            rule.identities = identities
        }
    }

    private static func exceptions(_ many: XMLElement) throws(XCAPFailure) -> [Exception] {
        var result: [Exception] = []
        for child in many.elements where child.namespace == rulesetNamespace {
            guard child.name == "except" else { throw .schema("\(child.name) cannot stand in many") }
            if let id = child["id"] {
                result.append(.one(id))
            } else if let domain = child["domain"] {
                result.append(.domain(domain))
            } else {
                throw .schema("except has an id or a domain")
            }
        }
        return result
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, text.utf8.count <= 255 else { return false }
        guard first.properties.isAlphabetic || first == "_" else { return false }
        return text.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" || $0 == "-" || $0 == "."
        }
    }

    /// Puts the names of both specifications into the namespaces that are theirs: clients that send a part of a document
    /// count on prefixes and defaults of their own copy of it.
    public static func settled(_ element: XMLElement) -> XMLElement {
        var result = element
        if element.namespace == namespace || element.namespace == rulesetNamespace || element.namespace.isEmpty {
            result.namespace = rulesetNames.contains(element.name) ? rulesetNamespace : namespace
        }
        result.children = element.children.map { node in
            if case .element(let child) = node { .element(settled(child)) } else { node }
        }
        return result
    }

    private static let rulesetNames: Set<String> = [
        "ruleset", "rule", "conditions", "identity", "one", "many", "except", "sphere", "validity", "from", "until",
        "actions", "transformations",
    ]

    // MARK: Writing

    public static func element(_ rule: Rule) -> XMLElement {
        func made(_ name: String, _ children: [XMLElement.Node] = []) -> XMLElement {
            XMLElement(name, namespace: rulesetNamespace, children: children)
        }
        var conditions: [XMLElement.Node] = []
        if let identities = rule.identities {
            conditions = [.element(made("identity", identities.map { .element(Self.element($0)) }))]
        }
        var element = made("rule", [.element(made("conditions", conditions))])
        element["id"] = rule.id
        guard let handling = rule.handling else { return element }
        let action = XMLElement("sub-handling", namespace: namespace, children: [.text(handling.word)])
        element.children.append(.element(made("actions", [.element(action)])))
        guard handling == .allow else { return element }
        // RFC 5025 §3.3: whoever is let in sees everything.
        let everything = [
            ("provide-services", "all-services"), ("provide-persons", "all-persons"),
            ("provide-devices", "all-devices"),
        ].map { name, all in
            XMLElement.Node.element(
                XMLElement(name, namespace: namespace, children: [.element(XMLElement(all, namespace: namespace))]))
        }
        let attributes = XMLElement("provide-all-attributes", namespace: namespace)
        element.children.append(.element(made("transformations", everything + [.element(attributes)])))
        return element
    }

    /// The rule with other identities, and with all else that it has.
    public static func replaceIdentities(of rule: XMLElement, by identities: [Identity]) -> XMLElement {
        var rule = rule
        for (place, node) in rule.children.enumerated() {
            guard case .element(var conditions) = node, conditions.name == "conditions",
                conditions.namespace == rulesetNamespace
            else { continue }
            conditions.children.removeAll { node in
                if case .element(let child) = node {
                    child.name == "identity" && child.namespace == rulesetNamespace
                } else {
                    false
                }
            }
            let children = identities.map { XMLElement.Node.element(element($0)) }
            conditions.children.insert(
                .element(XMLElement("identity", namespace: rulesetNamespace, children: children)), at: 0)
            rule.children[place] = .element(conditions)
        }
        return rule
    }

    public static func element(_ identity: Identity) -> XMLElement {
        switch identity {
        case .one(let id): return XMLElement("one", namespace: rulesetNamespace, attributes: ["id": id])
        case .many(let domain, let exceptions):
            var many = XMLElement("many", namespace: rulesetNamespace)
            if let domain { many["domain"] = domain }
            many.children = exceptions.map { .element(Self.element($0)) }
            return many
        }
    }

    public static func element(_ exception: Exception) -> XMLElement {
        switch exception {
        case .one(let id): XMLElement("except", namespace: rulesetNamespace, attributes: ["id": id])
        case .domain(let domain): XMLElement("except", namespace: rulesetNamespace, attributes: ["domain": domain])
        }
    }
}
