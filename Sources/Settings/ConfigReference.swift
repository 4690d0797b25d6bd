/// Writes the reference page of all options, `docs/OPTIONS.md`.
public enum ConfigReference {
    /// The page as Markdown, one table for each group of keys.
    public static func markdown() -> String {
        let standard = ServerConfig()
        var lines = [
            "# Settings",
            "",
            "Written by `make docs` from the table that the server works with. Every setting can stand in `roost.yaml`, and can",
            "be changed while the server runs: in the console, with `roost settings set KEY VALUE`, or through the HTTP API. A",
            "change takes effect within seconds and ends no session, also one in the file. *For* tells whether domains and users",
            "may have values of their own, and whether users may choose for themselves.",
            "",
            "`domains` is a list with at least one entry, each with `name`, `certificate` and `key` (PEM files). The first",
            "domain is the default one.",
            "",
            "`components` is a list of external components (XEP-0114), each with `domain` and `secret`, and if need be `title`",
            "(what service discovery calls it) and `conflict` (`refuse`, the default, or `replace`: what happens when a second",
            "one connects for the same domain).",
            "",
            "`sip.trunks` is a list of SIP servers that are trusted without a password (docs/sip.md), each with `name` and",
            "`destinations` (up to 16 of `host`, `host:port`, with `;transport=udp`, `tcp` or `tls`), and if need be `addresses`",
            "(networks its requests come from), `certificates` (names in what it shows on TLS), `publishes_line_state` (on or off),",
            "`presence_gateway` (on or off), `domains` (whose people are behind it), `prefix` (put before numbers) and",
            "`keep_alive_seconds` (60). `sip.routes` is a list of what goes to which trunk, each with `trunk`, and `domain` or",
            "`prefix` or both.",
        ]
        for group in Setting.groups {
            lines += ["", group.key.isEmpty ? "## \(Self.heading(group))" : "## \(group.key)", ""]
            if !group.summary.isEmpty { lines += [group.summary, ""] }
            lines += ["| Key | Name | Default | Allowed | For | Meaning |", "|---|---|---|---|---|---|"]
            lines += group.options.map { option in
                "| `\(option.dottedPath)` | \(option.title) | `\(option.yaml(in: standard))` | \(option.allowed) |"
                    + " \(scope(option)) | \(option.summary) |"
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func heading(_ group: Setting.Group) -> String {
        group.options.first?.form == .domains ? "Domains" : "Top of the file"
    }

    private static func scope(_ option: Setting) -> String {
        if option.isFileOnly { return "the file only, read at the start" }
        let scopes = Setting.Scope.allCases.filter { option.scopes.contains($0) }.map(\.rawValue)
        return scopes.joined(separator: ", ") + (option.isOwnedByUser ? " (the user may choose)" : "")
    }
}
