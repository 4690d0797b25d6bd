import Testing
import XMLWire

@testable import XMPPServer

/// The examples of XEP-0115 §5.2 and §5.3, and answers that are ill-formed (§5.4).
@Suite("Entity capabilities")
struct CapabilityHashTests {
    private static func query(_ content: String) throws -> XMLElement {
        let bytes = Array("<query xmlns='http://jabber.org/protocol/disco#info'>\(content)</query>".utf8)
        return try bytes.withUnsafeBytes {
            try XMLElement(parsing: $0, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        }
    }

    private static let features = ["disco#info", "disco#items", "muc", "caps"].map {
        "<feature var='http://jabber.org/protocol/\($0)'/>"
    }.joined()

    @Test("the simple example") func simple() throws {
        let query = try Self.query("<identity category='client' name='Exodus 0.9.1' type='pc'/>" + Self.features)
        #expect(EntityCapabilities.verification(of: query, "sha-1") == "QgayPKawpkPSDYmwT/WM94uAlu0=")
    }

    @Test("the complex example: languages and a form") func complex() throws {
        let query = try Self.query(
            """
            <identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
            <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>\(Self.features)
            <x xmlns='jabber:x:data' type='result'>
            <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
            <field var='ip_version'><value>ipv4</value><value>ipv6</value></field>
            <field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>
            <field var='software'><value>Psi</value></field><field var='software_version'><value>0.11</value></field>
            </x>
            """)
        #expect(EntityCapabilities.verification(of: query, "sha-1") == "q07IKJEyjvHSyhy//CH0CxmKi8w=")
    }

    @Test(
        "ill-formed answers have no hash",
        arguments: [
            "<feature var='a'/><feature var='a'/>",
            "<identity category='client' type='pc'/><identity category='client' type='pc'/>",
        ])
    func illFormed(content: String) throws {
        #expect(EntityCapabilities.verification(of: try Self.query(content), "sha-1") == nil)
    }

    @Test("unknown functions have no hash") func unknown() throws {
        #expect(EntityCapabilities.verification(of: try Self.query(""), "sha-0") == nil)
        #expect(EntityCapabilities.verification(of: try Self.query(""), "sha-256") != nil)
    }
}
