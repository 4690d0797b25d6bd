/// Writes `roost.yaml` with every key, its meaning, its range and its default.
public enum ConfigTemplate {
    /// Widest line of a comment, in characters.
    private static let width = 100

    /// Renders a configuration file that reads back as `config`.
    ///
    /// A value that differs from the default is written out; a default stands behind `#`, ready to be changed. Paths
    /// are written as they are.
    public static func render(_ config: ServerConfig) -> String {
        var lines = [
            "# Configuration of Roost.",
            "#",
            "# A key behind # shows the default: remove the # to change it. Relative file names start in the",
            "# folder of this file. Test a change with `roost check --config FILE`; a running server takes it",
            "# up within seconds. What is set in the console or with `roost settings set` wins over this file.",
            "",
            "# Hosted domains; the first is the default one. Certificate (with its chain) and key are PEM files.",
        ]
        lines += config.domains.isEmpty ? ["domains: []"] : ["domains:"]
        for domain in config.domains {
            lines.append("  - name: \(YAMLText.scalar(domain.name))")
            lines.append("    certificate: \(YAMLText.scalar(domain.certificate))")
            lines.append("    key: \(YAMLText.scalar(domain.key))")
        }
        lines += components(config)
        let standard = ServerConfig()
        for group in Setting.groups where group.options.first?.form != .domains {
            lines.append("")
            if !group.summary.isEmpty { lines.append("# \(group.summary)") }
            if !group.key.isEmpty { lines.append("\(group.key):") }
            let indent = group.key.isEmpty ? "" : "  "
            for (index, option) in group.options.enumerated() {
                if index > 0 { lines.append("") }
                lines += comment(option, standard: standard).map { "\(indent)# \($0)" }
                let value = option.yaml(in: config)
                let mark = value == option.yaml(in: standard) ? "#" : ""
                lines.append("\(indent)\(mark)\(option.path.last ?? ""): \(value)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func components(_ config: ServerConfig) -> [String] {
        var lines = [
            "",
            "# External components (XEP-0114), each with domain and secret, and if need be title (its name in service",
            "# discovery) and conflict (refuse or replace: what happens when a second one connects). See listen.component.",
        ]
        if config.components.isEmpty { return lines + ["#components: []"] }
        lines.append("components:")
        for component in config.components {
            lines.append("  - domain: \(YAMLText.scalar(component.domain))")
            lines.append("    secret: \(YAMLText.quoted(component.secret))")
            if let title = component.title { lines.append("    title: \(YAMLText.quoted(title))") }
            if component.conflict != .refuse { lines.append("    conflict: \(component.conflict.rawValue)") }
        }
        return lines
    }

    private static func comment(_ option: Setting, standard: ServerConfig) -> [String] {
        let text = "\(option.summary) Allowed: \(option.allowed). Default: \(option.yaml(in: standard))."
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + [line]
    }
}
