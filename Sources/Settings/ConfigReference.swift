/// Writes the reference page of all options, `docs/OPTIONS.md`.
public enum ConfigReference {
    /// The page as Markdown, one table for each group of keys.
    public static func markdown() -> String {
        let standard = ServerConfig()
        var lines = [
            "# Options of roost.yaml",
            "",
            "Written by `make docs` from the table that the server reads its configuration with.",
            "",
            "`domains` is a list with at least one entry, each with `name`, `certificate` and `key` (PEM files). The first",
            "domain is the default one.",
            "",
            "`components` is a list of external components (XEP-0114), each with `domain` and `secret`, and if need be `title`",
            "(what service discovery calls it) and `conflict` (`refuse`, the default, or `replace`: what happens when a second",
            "one connects for the same domain).",
        ]
        for group in Setting.groups {
            lines += ["", group.key.isEmpty ? "## Top of the file" : "## \(group.key)", ""]
            if !group.summary.isEmpty { lines += [group.summary, ""] }
            lines += ["| Key | Default | Allowed | Meaning |", "|---|---|---|---|"]
            lines += group.options.map { option in
                "| `\(option.dottedPath)` | `\(option.yaml(in: standard))` | \(option.allowed) | \(option.summary) |"
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
