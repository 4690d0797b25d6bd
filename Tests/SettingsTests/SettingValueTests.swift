import Foundation
import Testing

@testable import Settings

@Suite("Values of settings")
struct SettingValueTests {
    private static func sample() -> ServerConfig {
        var config = ServerConfig()
        config.domains = [.init(name: "example.com", certificate: "/c/a.crt", key: "/c/a.key")]
        config.component = .init(address: "127.0.0.1", port: 5_347)
        config.components = [.init(domain: "push.example.com", secret: "off # \"'", title: "Push", conflict: .replace)]
        config.externalServices.secret = "turn"
        var trunk = ServerConfig.SIPTrunk(
            name: "cucm", destinations: ["cucm.example.com:5060;transport=tcp", "[::1]:5061"])
        trunk.addresses = ["10.1.2.0/24"]
        trunk.certificates = ["*.example.com"]
        trunk.publishesLineState = true
        trunk.isPresenceGateway = true
        trunk.domains = ["phones.example.com"]
        trunk.prefix = "+49"
        trunk.keepAliveSeconds = 0
        config.sip.trunks = [trunk, .init(name: "plain", destinations: ["192.0.2.1"])]
        config.sip.routes = [
            .init(domain: "*.example.net", prefix: "9", trunk: "cucm"), .init(prefix: "+", trunk: "plain"),
        ]
        return config
    }

    @Test(
        "every value survives JSON and is taken back as the same configuration",
        arguments: Setting.all.map(\.dottedPath))
    func roundTrip(key: String) throws {
        let setting = try #require(Setting.byKey[key])
        let config = Self.sample()
        let value = setting.value(in: config)
        #expect(SettingValue(json: value.json) == value)
        var taken = config
        #expect(setting.set(value, in: &taken) == [])
        #expect(taken == config)
    }

    @Test("numbers and switches are taken as text too, as people type them")
    func typed() throws {
        var config = ServerConfig()
        let ping = try #require(Setting.byKey["limits.ping_seconds"])
        #expect(ping.set(.text("77"), in: &config) == [] && config.limits.pingSeconds == 77)
        let strip = try #require(Setting.byKey["messaging.strip_xhtml"])
        for (text, wanted) in [("on", true), ("off", false), ("true", true), ("no", false), ("YES", true)] {
            #expect(strip.set(.text(text), in: &config) == [] && config.messaging.stripXHTML == wanted, "\(text)")
        }
        let https = try #require(Setting.byKey["listen.https"])
        #expect(https.set(.text("{ address: \"::1\", port: 443 }"), in: &config) == [])
        #expect(config.https == .init(address: "::1", port: 443))
        #expect(https.set(.text("off"), in: &config) == [] && config.https == nil)
        let origins = try #require(Setting.byKey["web.origins"])
        #expect(origins.set(.text("[https://a.example, https://b.example]"), in: &config) == [])
        #expect(config.web.origins == ["https://a.example", "https://b.example"])
    }

    @Test("a value that is not allowed is told with key and range, and changes nothing")
    func refused() throws {
        var config = ServerConfig()
        let setting = try #require(Setting.byKey["limits.stanza_bytes"])
        for value in [SettingValue.integer(5), .text("many"), .boolean(true), .list([]), .group([:])] {
            let problems = setting.set(value, in: &config)
            #expect(problems.count == 1 && problems[0].key == "limits.stanza_bytes", "\(value): \(problems)")
            #expect(problems.first?.text.contains("expected 10000 … 16777216") == true, "\(problems)")
        }
        #expect(config == ServerConfig())
        let origins = try #require(Setting.byKey["web.origins"])
        #expect(origins.set(.text("[a"), in: &config).count == 1)
        #expect(config == ServerConfig())
    }

    @Test("secrets are masked, and a mask given back means the secret in force")
    func secrets() throws {
        let config = Self.sample()
        for (key, secret) in [("external_services.secret", "turn"), ("components", "off # ")] {
            let setting = try #require(Setting.byKey[key])
            #expect(setting.holdsSecrets)
            let shown = setting.shownValue(in: config)
            #expect(!shown.json.contains(secret) && shown.json.contains(Setting.mask), "\(shown.json)")
            var taken = config
            #expect(setting.set(shown, in: &taken) == [] && taken == config)
        }
        let open = try #require(Setting.byKey["external_services.secret"])
        #expect(open.shownValue(in: ServerConfig()) == .text(""))
    }

    @Test("stored values lie over the file, and one that is not allowed names its key")
    func layers() throws {
        let folder = try ScratchFolder()
        let path = try folder.write(
            "roost.yaml",
            "domains: [{ name: example.com, certificate: a.crt, key: a.key }]\nlimits: { ping_seconds: 60 }\n")
        try folder.writeCertificate("a")
        defer { folder.remove() }
        let layered = try ConfigLoader.load(
            path: path, stored: ["limits.ping_seconds": .integer(90), "limits.ack": .integer(1)])
        #expect(layered.config.limits.pingSeconds == 90 && layered.file.limits.pingSeconds == 60)
        #expect(layered.keysInFile == ["domains", "limits.ping_seconds"])
        do {
            _ = try ConfigLoader.load(path: path, stored: ["limits.ping_seconds": .integer(1)])
            Issue.record("taken")
        } catch {
            #expect(error.problems.map(\.key) == ["limits.ping_seconds"])
        }
    }
}
