import Foundation
import NIOCore
import Testing

@testable import SIPWire

enum MessageFiles {
    static let folder = Bundle.module.resourceURL!.appendingPathComponent("Messages")

    static func read(_ name: String) throws -> ByteBuffer {
        ByteBuffer(bytes: try Data(contentsOf: folder.appendingPathComponent(name + ".sip")))
    }

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".sip") }.map { String($0.dropLast(4)) }.sorted()
    }
}

/// What an element must make of a message.
enum Verdict: Equatable, Sendable {
    case accepted
    /// Answered with this status.
    case refused(Int)
    /// Not answered at all.
    case dropped
}

@Suite("Torture messages of RFC 4475 and RFC 5118")
struct TortureTests {
    static let verdicts: [(String, Verdict)] = [
        // §3.1.1: valid
        ("wsinv", .accepted), ("intmeth", .accepted), ("esc01", .accepted), ("escnull", .accepted),
        ("esc02", .accepted), ("lwsdisp", .accepted), ("longreq", .accepted), ("dblreq", .accepted),
        ("semiuri", .accepted), ("transports", .accepted), ("mpart01", .accepted), ("unreason", .accepted),
        ("noreason", .accepted),
        // §3.1.2: invalid
        ("badinv01", .refused(400)), ("clerr", .refused(400)), ("ncl", .refused(400)), ("scalar02", .refused(400)),
        ("scalarlg", .dropped), ("quotbal", .refused(400)), ("ltgtruri", .refused(400)), ("lwsruri", .refused(400)),
        ("lwsstart", .refused(400)), ("trws", .refused(400)), ("escruri", .refused(400)),
        // The Date may be passed over.
        ("baddate", .accepted), ("regbadct", .refused(400)), ("badaspec", .refused(400)), ("baddn", .refused(400)),
        ("badvers", .refused(505)), ("mismatch01", .refused(400)), ("mismatch02", .refused(400)),
        ("bigcode", .dropped),
        // §3.2: the transaction layer knows such a branch as that of an old client.
        ("badbranch", .accepted),
        // §3.3: application layer; what only it can judge is accepted here.
        ("insuf", .refused(400)), ("unkscm", .refused(416)), ("novelsc", .refused(416)), ("unksm2", .accepted),
        ("bext01", .accepted), ("invut", .accepted), ("regaut01", .accepted), ("multi01", .refused(400)),
        ("mcl01", .refused(400)), ("bcast", .accepted), ("zeromf", .accepted), ("cparam01", .accepted),
        ("cparam02", .accepted), ("regescrt", .accepted), ("sdp01", .accepted),
        // §3.4
        ("inv2543", .accepted),
        // RFC 5118 §4
        ("v6-good", .accepted), ("v6-bad", .refused(400)), ("v6-port-ambiguous", .accepted),
        ("v6-port-unambiguous", .accepted), ("v6-received-delim", .accepted), ("v6-received-no-delim", .accepted),
        ("v6-in-sdp", .accepted), ("v6-mult-ip-in-header", .accepted), ("v6-mult-ip-in-sdp", .accepted),
        ("v6-ipv4-mapped", .accepted), ("v6-three-colons", .accepted), ("v6-two-colons", .accepted),
    ]

    @Test("each message gets its verdict", arguments: verdicts)
    func verdict(name: String, expected: Verdict) throws {
        let file = try MessageFiles.read(name)
        let got: Verdict
        do throws(SIPParseError) {
            _ = try SIPParser.parse(file)
            got = .accepted
        } catch {
            got = error.message == nil ? .dropped : .refused(Int(error.status.rawValue))
        }
        #expect(got == expected)
    }

    @Test("every file is in the table") func complete() throws {
        #expect(try MessageFiles.names() == Self.verdicts.map(\.0).sorted())
    }

    @Test("a refused request can be answered") func answerable() throws {
        for (name, verdict) in Self.verdicts {
            guard case .refused(let code) = verdict else { continue }
            do {
                _ = try SIPParser.parse(try MessageFiles.read(name))
                Issue.record("\(name) was accepted")
            } catch let error as SIPParseError {
                let request = try #require(error.message)
                let answer = SIPResponseBuilder(
                    to: request, status: error.status, toTag: SIPBytes("abc" as StaticString)
                ).finish()
                #expect(String(buffer: answer).hasPrefix("SIP/2.0 \(code) "), "\(name)")
                #expect(String(buffer: answer).hasSuffix("\r\n\r\n"))
            }
        }
    }

    @Test("the tortuous INVITE means what it says") func tortuousInvite() throws {
        let message = try SIPParser.parse(try MessageFiles.read("wsinv"))
        #expect(message.method == .invite)
        #expect(message.requestURI?.host.string == "chair-dnrc.example.com")
        #expect(message.toTag.string == "1918181833n")
        #expect(message.fromTag.string == "98asjd8")
        #expect(message.from?.displayName?.string == #"J Rosenberg \""#)
        #expect(message.maxForwards == 68)
        #expect(message.cseq == SIPCSeq(9, .invite))
        #expect(message.first(.subject)?.string == "")
        let vias = message.vias
        #expect(vias.map { $0.host.string } == ["192.0.2.2", "spindle.example.com", "192.168.255.111"])
        #expect(vias.map(\.transport) == [.udp, .tcp, .udp])
        #expect(vias.map { $0.branch?.string } == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"])
        #expect(message.contact?.address.displayName?.string == #"Quoted string """#)
        #expect(message.contact?.q == 330)
        #expect(message.contact?.parameters["newparam"]?.string == "newvalue")
        #expect(message.routes.first?.uri.isLooseRouter == true)
        #expect(message.body.count == 150)
        #expect(message.first(named: "unknownheaderwithunusualvalue")?.string == ";;,,;;,;")
    }

    @Test("the widest range of characters is read") func widestRange() throws {
        let message = try SIPParser.parse(try MessageFiles.read("intmeth"))
        #expect(message.method == .other(Array("!interesting-Method0123456789_*+`.%indeed'~".utf8)))
        #expect(message.requestURI?.user?.string == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
        #expect(message.requestURI?.password?.string == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
        #expect(message.to?.displayName?.array == Array("BEL:\u{7} NUL:\0 DEL:\u{7F}".utf8))
        #expect(message.fromTag.string == "_token~1'+`*%!-.")
    }

    @Test("escapes are kept apart from what they stand for") func escapes() throws {
        let message = try SIPParser.parse(try MessageFiles.read("esc01"))
        #expect(message.requestURI?.decodedUser == Array("sips:user@example.com".utf8))
        #expect(message.to?.uri.decodedUser == Array("user".utf8))
        let nulls = try SIPParser.parse(try MessageFiles.read("escnull"))
        #expect(nulls.to?.uri.decodedUser == Array("null-\0-null".utf8))
        #expect(nulls.contacts?.list.count == 2)
        let unescaped = try SIPParser.parse(try MessageFiles.read("esc02"))
        #expect(unescaped.method != .register)
        #expect(unescaped.contacts?.list.count == 2)
        let semicolon = try SIPParser.parse(try MessageFiles.read("semiuri"))
        #expect(semicolon.requestURI?.user?.string == "user;par=u%40example.net")
    }

    @Test("IPv6 references and ports are told apart") func ipv6() throws {
        func uri(_ name: String) throws -> SIPURI? { try SIPParser.parse(try MessageFiles.read(name)).requestURI }
        #expect(try uri("v6-port-ambiguous")?.host.string == "[2001:db8::10:5070]")
        #expect(try uri("v6-port-ambiguous")?.port == nil)
        #expect(try uri("v6-port-unambiguous")?.host.string == "[2001:db8::10]")
        #expect(try uri("v6-port-unambiguous")?.port == 5070)
        let plain = try SIPParser.parse(try MessageFiles.read("v6-received-no-delim"))
        #expect(plain.topVia?.received?.string == "2001:db8::9:255")
        let delimited = try SIPParser.parse(try MessageFiles.read("v6-received-delim"))
        #expect(delimited.topVia?.received?.string == "[2001:db8::9:255]")
        for bad in ["[2001:db8:::10]", "[2001:db8::::192.0.2.1]", "[2001:db8::1:::192.0.2.1]", "[1:2]", "[::1"] {
            #expect(SIPURI("sip:user@" + bad) == nil, "\(bad)")
        }
    }

    @Test("what follows a datagram's body is not part of it") func doubleRequest() throws {
        let file = try MessageFiles.read("dblreq")
        let message = try SIPParser.parse(file)
        #expect(message.method == .register)
        #expect(message.count < file.readableBytes)
        #expect(message.body.isEmpty)
    }
}
