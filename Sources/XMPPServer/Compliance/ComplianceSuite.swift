/// What XEP-0479 (XMPP Compliance Suites 2023) asks of a server.
enum ComplianceSuite {
    struct Requirement {
        var feature: String
        /// All of these are needed.
        var standards: [String]
        /// Needed for the Core level already.
        var isCore: Bool
    }

    struct Category {
        var name: String
        var requirements: [Requirement]
    }

    static let categories = [
        Category(
            name: "Core",
            requirements: [
                Requirement(feature: "Core features", standards: ["RFC 6120"], isCore: true),
                Requirement(feature: "TLS", standards: ["RFC 7590"], isCore: true),
                Requirement(feature: "Direct TLS", standards: ["XEP-0368"], isCore: false),
                Requirement(feature: "Feature discovery", standards: ["XEP-0030"], isCore: true),
                Requirement(feature: "Feature broadcasts", standards: ["XEP-0115"], isCore: false),
                Requirement(feature: "Server extensibility", standards: ["XEP-0114"], isCore: true),
                Requirement(feature: "Event publishing", standards: ["XEP-0163"], isCore: false),
            ]),
        Category(
            name: "Web",
            requirements: [
                Requirement(
                    feature: "Web connection mechanisms", standards: ["RFC 7395", "XEP-0206", "XEP-0124"], isCore: true)
            ]),
        Category(
            name: "IM",
            requirements: [
                Requirement(feature: "Core features", standards: ["RFC 6121"], isCore: true),
                Requirement(feature: "User avatar compatibility", standards: ["XEP-0398", "XEP-0153"], isCore: false),
                Requirement(feature: "vcard-temp", standards: ["XEP-0054"], isCore: true),
                Requirement(feature: "Outbound message synchronization", standards: ["XEP-0280"], isCore: true),
                Requirement(feature: "User blocking", standards: ["XEP-0191"], isCore: false),
                Requirement(feature: "Group chat", standards: ["XEP-0045", "XEP-0249"], isCore: true),
                Requirement(
                    feature: "Advanced group chat", standards: ["XEP-0048", "XEP-0402", "XEP-0410"], isCore: false),
                Requirement(
                    feature: "Persistent storage of private data via PubSub", standards: ["XEP-0223"], isCore: false),
                Requirement(feature: "Private XML storage", standards: ["XEP-0049"], isCore: false),
                Requirement(feature: "Stream management", standards: ["XEP-0198"], isCore: false),
                Requirement(feature: "History storage and retrieval", standards: ["XEP-0313"], isCore: false),
                Requirement(feature: "File upload", standards: ["XEP-0363"], isCore: true),
            ]),
        Category(
            name: "Mobile",
            requirements: [
                Requirement(feature: "Stream management", standards: ["XEP-0198"], isCore: true),
                Requirement(feature: "Client state indication", standards: ["XEP-0352"], isCore: true),
                Requirement(feature: "Third-party push notifications", standards: ["XEP-0357"], isCore: false),
            ]),
    ]

    /// The level of a category: `Advanced`, `Core`, or what is missing of Core.
    static func level(of category: Category, declared: Set<String>) -> String {
        let missing = category.requirements.filter { !declared.isSuperset(of: $0.standards) }
        if missing.isEmpty { return "Advanced" }
        let names = missing.map { requirement in
            requirement.standards.filter { !declared.contains($0) }.joined(separator: ", ")
        }.joined(separator: ", ")
        return missing.contains(where: \.isCore) ? "not yet: \(names)" : "Core; for Advanced: \(names)"
    }
}
