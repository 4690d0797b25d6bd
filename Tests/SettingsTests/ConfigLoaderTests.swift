import Foundation
import Testing

@testable import Settings

@Suite("Configuration loader")
struct ConfigLoaderTests {
    static let domain = "domains:\n  - { name: example.com, certificate: example.crt, key: example.key }\n"

    static func parse(_ yaml: String) throws(ConfigProblems) -> ServerConfig {
        try ConfigLoader.parse(yaml, file: "roost.yaml", folder: "/srv/roost", checksFiles: false)
    }

    static func problems(_ yaml: String) -> [String] {
        do {
            _ = try parse(yaml)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("a file with one domain gives every default")
    func defaults() throws {
        let config = try Self.parse(Self.domain)
        var expected = ServerConfig()
        expected.domains = [
            .init(name: "example.com", certificate: "/srv/roost/example.crt", key: "/srv/roost/example.key")
        ]
        expected.adminSocket = "/srv/roost/admin.sock"
        expected.database = "/srv/roost/roost.db"
        #expect(config == expected)
    }

    @Test("absolute paths stay, relative ones start in the folder of the file")
    func paths() throws {
        let config = try Self.parse(
            Self.domain + "admin_socket: ../run/admin.sock\nstorage:\n  database: /var/lib/roost/im.db\n")
        #expect(config.adminSocket == "/srv/run/admin.sock")
        #expect(config.database == "/var/lib/roost/im.db")
        #expect(config.filesFolder == "/var/lib/roost/files")
        let elsewhere = try Self.parse(Self.domain + "files: { path: /srv/files }\n")
        #expect(elsewhere.filesFolder == "/srv/files")
    }

    @Test("a group with only comments inside keeps its defaults")
    func emptyGroup() throws {
        #expect(try Self.parse(Self.domain + "limits:\n  #stanza_bytes: 10000\n").limits == .init())
    }

    @Test("off switches a listener off, and both off is refused")
    func listenersOff() throws {
        #expect(try Self.parse(Self.domain + "listen: { c2s: off }\n").c2s == nil)
        #expect(
            Self.problems(Self.domain + "listen: { c2s: off, c2s_tls: off }\n")
                == ["roost.yaml:3: listen: every listener is off: expected c2s or c2s_tls to be on"])
    }

    @Test("a listener may name only its port")
    func listenerPort() throws {
        let config = try Self.parse(Self.domain + "listen:\n  c2s: { port: 15222 }\n")
        #expect(config.c2s == .init(address: "::", port: 15_222))
    }

    @Test("every problem of a file is reported at once, in the order of its lines")
    func allAtOnce() {
        let yaml = """
            domains:
              - name: example.com
                certificate: a.crt
                key: a.key
              - name: EXAMPLE.com
                certificate: b.crt
            listen:
              c2s: { address: nowhere, port: 70000 }
            limits:
              stanza_bytes: 12
              stanza_dept: 3
            authentication:
              scram_iterations: many
            """
        #expect(
            Self.problems(yaml) == [
                "roost.yaml:5: domains[1]: key is missing: expected name, certificate and key",
                "roost.yaml:5: domains[1].name: domain example.com is given twice: domains[0] has it already",
                "roost.yaml:8: listen.c2s.address: value nowhere is not allowed: expected an IP address, for example ::,"
                    + " 0.0.0.0 or 127.0.0.1",
                "roost.yaml:8: listen.c2s.port: value 70000 is not allowed: expected 1 … 65535",
                "roost.yaml:10: limits.stanza_bytes: value 12 is not allowed: expected 10000 … 16777216",
                "roost.yaml:11: limits.stanza_dept: is not a known key: did you mean stanza_depth?",
                "roost.yaml:13: authentication.scram_iterations: value many is not allowed: expected 4096 … 10000000",
            ])
    }

    @Test(
        "a component that could not work is refused, without showing its secret",
        arguments: [
            ("components: [{ domain: p.example.com, secret: s }]", "listen.component is off"),
            ("components: [{ domain: p.example.com }]\nlisten: { component: {} }", "secret is missing"),
            ("components: [{ secret: s }]\nlisten: { component: {} }", "domain is missing"),
            ("components: [{ domain: example.com, secret: s }]\nlisten: { component: {} }", "is a domain of accounts"),
            (
                "components: [{ domain: p.a, secret: s }, { domain: p.a, secret: s }]\nlisten: { component: {} }",
                "components[1].domain: domain p.a is given twice: components[0] has it already"
            ),
            (
                "components: [{ domain: 'p a', secret: s }]\nlisten: { component: {} }",
                "components[0].domain: value p a"
            ),
            (
                "components: [{ domain: p.a, secret: [hush] }]\nlisten: { component: {} }",
                "components[0].secret: is not"
            ),
            ("components: [{ domain: p.a, secret: s, conflict: fight }]\nlisten: { component: {} }", "refuse, replace"),
            ("components: [{ domain: p.a, secret: s, sercet: t }]\nlisten: { component: {} }", "did you mean secret?"),
            ("components: all", "components: value all is not allowed: expected a list"),
            ("listen: { component: { port: 5222 } }", "listen.component.port: value 5222 is not allowed"),
        ])
    func components(text: String, expected: String) {
        let problems = Self.problems(Self.domain + text + "\n")
        #expect(problems.count == 1 && problems[0].contains(expected), "\(problems)")
        #expect(!problems.joined().contains("hush"))
    }

    @Test(
        "a SIP trunk or route that could not work is refused",
        arguments: [
            ("trunks: [{ name: a }]", "sip.trunks[0]: destinations is missing"),
            ("trunks: [{ destinations: [x] }]", "sip.trunks[0]: name is missing"),
            ("trunks: [{ name: a b, destinations: [x] }]", "sip.trunks[0].name: value a b is not allowed"),
            ("trunks: [{ name: a, destinations: [] }]", "expected 1 … 16 destinations"),
            ("trunks: [{ name: a, destinations: [x, 'x:0'] }]", "destinations: value x:0 is not allowed"),
            ("trunks: [{ name: a, destinations: ['x;transport=sctp'] }]", "value x;transport=sctp is not allowed"),
            ("trunks: [{ name: a, destinations: [x], addresses: [y] }]", "addresses: value y is not allowed"),
            ("trunks: [{ name: a, destinations: [x], certificates: ['*'] }]", "certificates: value * is not allowed"),
            ("trunks: [{ name: a, destinations: [x], keep_alive_seconds: 1 }]", "expected 0 (never) or 5 … 3600"),
            ("trunks: [{ name: a, destinations: [x], presence_gateway: 7 }]", "expected one of on, off"),
            ("trunks: [{ name: a, destinations: [x], destination: [y] }]", "did you mean destinations?"),
            ("trunks: [{ name: a, destinations: [x] }, { name: a, destinations: [y] }]", "trunk a is given twice"),
            ("routes: [{ trunk: a }]", "matches nothing: expected domain or prefix"),
            ("routes: [{ domain: x }]", "trunk is missing"),
            ("routes: [{ trunk: a, prefix: '' }]", "routes[0].prefix: value"),
            ("routes: [{ trunk: a, domain: 'x*' }]", "routes[0].domain: value x* is not allowed"),
            ("domain_aliases: [sip.example.net=example.net]", "example.net is not a domain of this server"),
        ])
    func trunks(text: String, expected: String) {
        let problems = Self.problems(Self.domain + "sip: { \(text) }\n")
        #expect(problems.count == 1 && problems[0].contains(expected), "\(problems)")
    }

    @Test("SIP over UDP and TCP may share a port, TCP and TLS may not")
    func sharedPort() {
        #expect(Self.problems(Self.domain + "listen: { sip_udp: { port: 5061 } }\n") == [])
        #expect(
            Self.problems(Self.domain + "listen: { sip_tcp: { port: 5061 } }\n") == [
                "roost.yaml: listen.sip_tls.port: value 5061 is not allowed: expected a port other than the one of"
                    + " listen.sip_tcp"
            ])
    }

    @Test(
        "a value of the wrong shape is refused with what was found",
        arguments: [
            ("limits: 5", "roost.yaml:3: limits: value 5 is not allowed: expected the keys stanza_bytes, "),
            ("limits: { stanza_depth: [8] }", "value (a list) is not allowed: expected 8 … 250"),
            ("limits: { stanza_depth: }", "value (empty) is not allowed"),
            ("limits: { stanza_depth: 8.5 }", "value 8.5 is not allowed"),
            ("limits: { stanza_depth: 99999999999999999999 }", "value 99999999999999999999 is not allowed"),
            ("limits: { stanza_depth: -9223372036854775808 }", "value -9223372036854775808 is not allowed"),
            ("tls: { a: b }", "value (a group of keys) is not allowed: expected one of required, optional"),
            ("tls: REQUIRED", "value REQUIRED is not allowed: expected one of required, optional"),
            ("admin_socket: ''", "admin_socket: value  is not allowed: expected a file name"),
            ("admin_socket: \"a\\0b\"", "admin_socket: value a\u{FFFD}b is not allowed: expected a file name"),
            ("listen: { c2s: 5222 }", "value 5222 is not allowed: expected off, or a group of address"),
            ("stanza_bytes: 5", "stanza_bytes: is not a known key: did you mean limits.stanza_bytes?"),
            ("[1, 2]: 5", "(a list): is not a known key: known here: admin, admin_socket, "),
        ])
    func wrongShape(line: String, expected: String) {
        let problems = Self.problems(Self.domain + line + "\n")
        #expect(problems.count == 1 && problems[0].contains(expected), "\(problems)")
    }

    @Test(
        "a file without domains is refused",
        arguments: ["", "# nothing\n", "tls: required\n", "domains: []\n", "domains:\n", "domains: example.com\n"])
    func noDomains(yaml: String) {
        let problems = Self.problems(yaml)
        #expect(
            problems.count == 1 && problems[0].contains("expected") && problems[0].contains("domain"), "\(problems)")
    }

    @Test(
        "a syntax error is reported with its line",
        arguments: [
            ("domains: [\n", "roost.yaml:2: is not YAML: "),
            ("tls: required\n  limits: 5\n", "roost.yaml:2: is not YAML: "),
            ("tls: \"unclosed\n", "is not YAML: "),
            ("tls: required\ntls: optional\n", "roost.yaml:1: key \"tls\" is given more than once"),
            ("- just\n- a list\n", "expected keys such as domains and listen, found (a list)"),
        ])
    func syntax(yaml: String, expected: String) {
        let problems = Self.problems(yaml)
        #expect(problems.count == 1 && problems[0].contains(expected), "\(problems)")
    }

    @Test("a hundred thousand open brackets are one syntax error, not a crash")
    func deepNesting() {
        let problems = Self.problems(String(repeating: "[", count: 100_000))
        #expect(problems.count == 1 && problems[0].contains("is not YAML: "))
    }

    @Test("equal ports on overlapping addresses are refused, on two addresses they are not")
    func equalPorts() throws {
        #expect(
            Self.problems(Self.domain + "listen:\n  c2s: { port: 5223 }\n")
                == [
                    "roost.yaml: listen.c2s_tls.port: value 5223 is not allowed: expected a port other than the one of"
                        + " listen.c2s"
                ])
        let config = try Self.parse(
            Self.domain
                + "listen: { c2s: { address: 127.0.0.1, port: 5223 }, c2s_tls: { address: 127.0.0.2, port: 5223 } }\n")
        #expect(config.c2s?.port == config.c2sTLS?.port)
    }

    @Test("a socket path longer than the operating system allows is refused")
    func longSocket() {
        let problems = Self.problems(Self.domain + "admin_socket: /\(String(repeating: "a", count: 107))\n")
        #expect(problems.count == 1 && problems[0].contains("has 108 bytes: expected at most"), "\(problems)")
    }

    @Test(
        "a domain that cannot be one is refused",
        arguments: ["a b", "a@b", "a/b", "a..b", "-a.example", "a-.example", ".", "a_b", "[::x]", "a\u{202E}b"])
    func badDomain(name: String) {
        let problems = Self.problems("domains: [{ name: \"\(name)\", certificate: a, key: b }]\n")
        #expect(problems.count == 1 && problems[0].contains("expected a domain name"), "\(problems)")
    }

    @Test(
        "a domain is brought to lower case without a dot at its end",
        arguments: [
            ("Example.COM.", "example.com"), ("BÜCHER.example", "bücher.example"), ("[2001:DB8::1]", "[2001:db8::1]"),
            ("bu\u{308}cher.example", "b\u{FC}cher.example"),
        ])
    func preparedDomain(name: String, expected: String) throws {
        let config = try Self.parse("domains: [{ name: \"\(name)\", certificate: a, key: b }]\n")
        #expect(config.domains[0].name == expected)
    }
}

@Suite("Configuration files")
struct ConfigFileTests {
    static func problems(_ path: String) -> [String] {
        do {
            _ = try ConfigLoader.load(path: path)
            return []
        } catch {
            return error.problems.map(\.text)
        }
    }

    @Test("certificate and key must exist and be PEM of their kind")
    func certificates() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try folder.writeCertificate("good")
        try folder.write("text.pem", "hello\n")
        try folder.write("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n")
        let file = try folder.write(
            "roost.yaml",
            """
            domains:
              - { name: a.example, certificate: good.crt, key: good.key }
              - { name: b.example, certificate: good.key, key: good.crt }
              - { name: c.example, certificate: absent.crt, key: locked.key }
              - { name: d.example, certificate: text.pem, key: . }
            """)
        let path = folder.path
        #expect(
            Self.problems(file) == [
                "\(path)/good.key is not in PEM form: expected a line -----BEGIN CERTIFICATE-----",
                "\(path)/good.crt is not in PEM form: expected a line -----BEGIN PRIVATE KEY-----",
                "\(path)/absent.crt does not exist",
                "\(path)/locked.key holds an encrypted key: expected a key without a passphrase",
                "\(path)/text.pem is not in PEM form: expected a line -----BEGIN CERTIFICATE-----",
                "\(path) is a folder",
            ])
    }

    @Test("files are left alone when the caller only needs the values")
    func unchecked() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let file = try folder.write("roost.yaml", ConfigLoaderTests.domain)
        #expect(try ConfigLoader.load(path: file, checksFiles: false).adminSocket == folder.path + "/admin.sock")
        #expect(Self.problems(file).count == 2)
    }

    @Test("a file that is absent, a folder, too large or not text is refused in one sentence")
    func unreadable() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        #expect(Self.problems(folder.path + "/none.yaml") == ["\(folder.path)/none.yaml does not exist"])
        #expect(Self.problems(folder.path) == ["\(folder.path) is a folder"])
        let large = try folder.write("large.yaml", String(repeating: "#", count: 1_048_577))
        #expect(Self.problems(large) == ["\(large) is larger than 1048576 bytes"])
        try Data([0x61, 0xFF]).write(to: URL(fileURLWithPath: folder.path + "/binary.yaml"))
        #expect(Self.problems(folder.path + "/binary.yaml") == ["is not UTF-8 text"])
    }

    @Test("the database's folder must exist")
    func databaseFolder() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try folder.writeCertificate("example")
        let file = try folder.write(
            "roost.yaml", ConfigLoaderTests.domain + "storage: { database: none/roost.db }\n")
        #expect(
            Self.problems(file)
                == ["the folder \(folder.path)/none does not exist: expected a folder the server may write to"])
    }
}
