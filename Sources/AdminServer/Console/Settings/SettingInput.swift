import Settings

/// Values of settings as people type them in a form: text to value and back.
enum SettingInput {
    /// What a text field shows: a list has one entry a line, a listener is `address:port`, a domain is name, certificate
    /// and key with commas between, a SIP trunk or route is JSON.
    static func text(_ value: SettingValue, of form: Setting.Form) -> String {
        if [.trunks, .routes].contains(form), case .group = value { return value.json }
        return switch value {
        case .boolean(let isOn): isOn ? "on" : "off"
        case .integer(let number): String(number)
        case .text(let text): text
        case .list(let values): values.map { text($0, of: form) }.joined(separator: "\n")
        case .group(let fields): group(fields, of: form)
        }
    }

    private static func group(_ fields: [String: SettingValue], of form: Setting.Form) -> String {
        func text(_ name: String) -> String { fields[name]?.shown ?? "" }
        switch form {
        case .listener:
            let address = text("address")
            return (address.contains(":") ? "[\(address)]" : address) + ":" + text("port")
        case .domains: return [text("name"), text("certificate"), text("key")].joined(separator: ", ")
        case .components:
            let cells = [text("domain"), text("secret"), text("title"), text("conflict")]
            return cells.map { $0.contains(",") ? "\"\($0)\"" : $0 }.joined(separator: ", ")
        default: return SettingValue.group(fields).shown
        }
    }

    /// - Returns: nil for what cannot be a value of the form at all; whether it is allowed is for the registry to say.
    static func value(_ text: String, of form: Setting.Form) -> SettingValue? {
        switch form {
        case .toggle: return ["on": .boolean(true), "off": .boolean(false)][text]
        case .integer: return number(text).map { .integer($0) }
        case .choice, .text, .paragraph: return .text(text)
        case .list: return .list(lines(text).map { .text($0) })
        case .listener: return listener(text)
        case .domains: return .list(lines(text).map(domain))
        case .components: return .list(lines(text).map(component))
        // What is not JSON a line may be YAML, as in the file.
        case .trunks, .routes:
            let entries = lines(text).map { SettingValue(json: $0) }
            return entries.contains(nil) ? .text(text) : .list(entries.compactMap(\.self))
        }
    }

    /// A whole number, perhaps with separators between the thousands.
    private static func number(_ text: String) -> Int? {
        Int(text.filter { !$0.isWhitespace && $0 != "," && $0 != "_" })
    }

    private static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map(trimmed).filter { !$0.isEmpty }
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    private static func listener(_ text: String) -> SettingValue? {
        let text = trimmed(text[...])
        if text.isEmpty || text == "off" { return .text("off") }
        guard let colon = text.lastIndex(of: ":"), let port = number(String(text[text.index(after: colon)...])) else {
            return nil
        }
        var address = String(text[..<colon])
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        return .group(["address": .text(address), "port": .integer(port)])
    }

    private static func domain(_ line: String) -> SettingValue {
        let cells = UserRows.cells(line[...])
        var fields: [String: SettingValue] = ["name": .text(cells[0])]
        if cells.count > 1 { fields["certificate"] = .text(cells[1]) }
        if cells.count > 2 { fields["key"] = .text(cells[2]) }
        return .group(fields)
    }

    private static func component(_ line: String) -> SettingValue {
        let cells = UserRows.cells(line[...])
        var fields: [String: SettingValue] = ["domain": .text(cells[0])]
        for (index, name) in ["secret", "title", "conflict"].enumerated()
        where cells.count > index + 1 && !cells[index + 1].isEmpty {
            fields[name] = .text(cells[index + 1])
        }
        return .group(fields)
    }
}
