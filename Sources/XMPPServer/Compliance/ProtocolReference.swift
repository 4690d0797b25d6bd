/// Writes `docs/PROTOCOLS.md` from what the features declare.
public enum ProtocolReference {
    public static func markdown() -> String {
        var standards: [String: Standard] = [:]
        var homes: [String: Set<String>] = [:]
        for feature in XMPPFeatures.all {
            for standard in feature.standards {
                // Where two features share one, what is missing counts.
                if standards[standard.number]?.completeness ?? .complete == .complete {
                    standards[standard.number] = standard
                }
                homes[standard.number, default: []].insert(feature.name)
            }
        }
        var text = """
            # Protocols

            Written from the program by `make docs`. *Features* are the names in `XMPPFeatures.all`.

            ## Compliance suites (XEP-0479, 2023), server

            | category | level |
            | --- | --- |

            """
        let declared = Set(standards.keys)
        for category in ComplianceSuite.categories {
            text += "| \(category.name) | \(ComplianceSuite.level(of: category, declared: declared)) |\n"
        }
        text += "\n| category | feature | asked for | |\n| --- | --- | --- | --- |\n"
        for category in ComplianceSuite.categories {
            for requirement in category.requirements {
                let isMet = declared.isSuperset(of: requirement.standards)
                text +=
                    "| \(category.name) | \(requirement.feature) | \(requirement.standards.joined(separator: ", "))"
                    + " | \(isMet ? "yes" : "no") |\n"
            }
        }
        text += "\n## Standards\n\n| | title | version | | features |\n| --- | --- | --- | --- | --- |\n"
        for number in standards.keys.sorted() {
            guard let standard = standards[number] else { continue }
            let completeness =
                switch standard.completeness {
                case .complete: "complete"
                case .passedOn: "passed on between clients"
                case .partial(let missing): "partial: \(missing)"
                }
            text +=
                "| \(number) | \(standard.title) | \(standard.version) | \(completeness)"
                + " | \(homes[number, default: []].sorted().joined(separator: ", ")) |\n"
        }
        return text
    }
}
