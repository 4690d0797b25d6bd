import ArgumentParser
import Foundation
import XMPPWire

/// `roost init`: everything a server needs before its first start.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a folder with configuration, certificates, database and an administrator.",
        discussion: """
            The certificates are signed by their own keys: good for a trial, to be replaced before clients from outside \
            are served. A folder that holds a roost.yaml already is left alone.
            """)

    @Option(help: ArgumentHelp("The folder; made when missing.", valueName: "dir"))
    var dir: String
    @Option(help: ArgumentHelp("A domain to serve; may be given several times.", valueName: "domain"))
    var domain: [String]
    @Option(help: ArgumentHelp("Address of the administrator (default: admin at the first domain).", valueName: "jid"))
    var admin: String?
    @OptionGroup var password: PasswordOption
    @Option(help: ArgumentHelp("Added to the ports 2855, 5060, 5061, 5222, 5223, 5280, 5443 and 8443.", valueName: "n"))
    var portOffset = 0
    @Flag(help: "Also make two users, anna and bob, who have each other in their rosters.")
    var demoUsers = false

    func validate() throws {
        guard !dir.isEmpty else { throw ValidationError("--dir is empty") }
        guard !domain.isEmpty else { throw ValidationError("--domain is missing: name at least one domain to serve") }
        // The lowest port must be one at all, and the highest too.
        guard (-2_854...57_092).contains(portOffset) else {
            throw ValidationError("--port-offset: value \(portOffset) is not allowed: expected -2854 … 57092")
        }
    }

    func run() async throws {
        let domains = try domain.map { text in
            do {
                return try JIDPreparation.domainpart(text)
            } catch {
                throw CommandFailure("--domain \(text) is not a domain: \(error)")
            }
        }
        guard Set(domains).count == domains.count else { throw CommandFailure("--domain names a domain twice") }
        let installation = Installation(folder: dir, domains: domains, portOffset: portOffset)
        try installation.refuseExisting()
        let accounts = try accounts(domains)
        try await installation.create(accounts.map(\.account))
        report(installation, accounts)
    }

    private typealias Planned = (account: InitialAccount, showsPassword: Bool)

    private func accounts(_ domains: [String]) throws -> [Planned] {
        let first = domains[0]
        let jid = try address(admin ?? "admin@\(first)", domains)
        let (text, isGenerated) = try password.password(for: jid.description)
        var accounts: [Planned] = [
            (InitialAccount(jid: jid, password: text, name: "Administrator", isAdmin: true), isGenerated)
        ]
        guard demoUsers else { return accounts }
        let anna = try address("anna@\(first)", domains)
        let bob = try address("bob@\(first)", domains)
        for (user, friend, name) in [(anna, bob, "Anna"), (bob, anna, "Bob")] where user != jid {
            let contacts = friend == jid ? [] : [friend]
            accounts.append(
                (InitialAccount(jid: user, password: Password.generate(), name: name, contacts: contacts), true))
        }
        return accounts
    }

    private func address(_ text: String, _ domains: [String]) throws -> JID {
        let jid: JID
        do {
            jid = try JID(parsing: text)
        } catch {
            throw CommandFailure("\(text) is not an address: \(error)")
        }
        guard jid.local != nil, jid.isBare else {
            throw CommandFailure("\(text) is not an account: expected user@domain")
        }
        guard domains.contains(jid.domain) else {
            throw CommandFailure(
                "\(text) is at a domain that is not served: expected \(domains.joined(separator: ", "))")
        }
        return jid
    }

    private func report(_ installation: Installation, _ accounts: [Planned]) {
        Output.line("\(installation.folder) is ready: \(installation.domains.joined(separator: ", "))")
        var table = TextTable([])
        for (account, showsPassword) in accounts {
            table.add([
                account.isAdmin ? "  administrator" : "  user", account.jid.description,
                showsPassword ? "password: \(account.password)" : "",
            ])
        }
        table.write()
        if accounts.contains(where: \.showsPassword) { Output.line("Passwords are shown this once.") }
        Output.line("Start the server: roost serve --config \(installation.configFile)")
    }
}
