import NIOCore
import Testing

@testable import SIPWire

@Suite("MSRP")
struct MSRPTests {
    static let send = """
        MSRP a786hjs2 SEND\r
        To-Path: msrp://biloxi.example.com:12763/kjhd37s2s20w2a;tcp\r
        From-Path: msrp://atlanta.example.com:7654/jshA7weztas;tcp\r
        Message-ID: 87652491\r
        Byte-Range: 1-25/25\r
        Success-Report: yes\r
        Content-Type: text/plain\r
        \r
        Hey Bob, are you there?\r
        \r
        -------a786hjs2$\r

        """

    /// All frames, fed in pieces of that size; nil at a fault.
    static func frames(_ bytes: [UInt8], step: Int = 1 << 20, limits: MSRPLimits = MSRPLimits()) -> [MSRPFrame]? {
        var scanner = MSRPScanner(limits: limits)
        var buffer: [UInt8] = []
        var frames: [MSRPFrame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            buffer += rest.prefix(step)
            rest = rest.dropFirst(step)
            feeding: while true {
                switch buffer.withUnsafeBytes({ scanner.next($0) }) {
                case .needMoreBytes: break feeding
                case .frame(let frame, let length):
                    frames.append(frame)
                    buffer.removeFirst(length)
                case .fault: return nil
                }
            }
        }
        return frames
    }

    @Test("the request of RFC 4975 §4 is read however it is cut", arguments: [1, 2, 3, 5, 64, 4_096])
    func request(step: Int) throws {
        let frames = try #require(Self.frames(Array((Self.send + Self.send).utf8), step: step))
        #expect(frames.count == 2)
        let frame = frames[0]
        #expect(frame.kind == .send)
        #expect(frame.transaction.string == "a786hjs2")
        #expect(frame.toPath.first?.session.string == "kjhd37s2s20w2a")
        #expect(frame.fromPath.first?.host.string == "atlanta.example.com")
        #expect(frame.fromPath.first?.port == 7654)
        #expect(frame.messageID.string == "87652491")
        #expect(frame.range?.start == 1)
        #expect(frame.range?.total == 25)
        #expect(frame.wantsSuccessReport)
        #expect(frame.body?.string == "Hey Bob, are you there?\r\n")
        #expect(frame.continuation == .complete)
    }

    @Test("an end line inside a body is content") func endLineInside() throws {
        let text = Self.send.replacing(
            "Hey Bob", with: "\r\n-------a786hjs\r\n-------a786hjs2x\r\n-------other123$\r\nHey")
        let frames = try #require(Self.frames(Array(text.utf8), step: 3))
        #expect(frames.count == 1)
        #expect(frames[0].body?.string.contains("-------other123$") == true)
    }

    @Test("responses and reports are read") func responses() throws {
        var buffer = ByteBuffer()
        let frame = try #require(Self.frames(Array(Self.send.utf8))?.first)
        MSRPWriter.response(to: frame, code: 200, comment: "OK", into: &buffer)
        MSRPWriter.report(
            of: frame.messageID, bytes: 25, code: 200, comment: "OK", to: frame.fromPath, from: frame.toPath[0],
            transaction: "dkei38sd", into: &buffer)
        let frames = try #require(Self.frames(Array(buffer.readableBytesView), step: 7))
        #expect(frames.map(\.kind) == [.response(200), .report])
        #expect(frames[0].transaction.string == "a786hjs2")
        #expect(frames[0].toPath == frame.fromPath)
        #expect(frames[1].status == 200)
        #expect(frames[1].messageID.string == "87652491")
    }

    @Test("a long message comes together from its chunks, in any order", arguments: [false, true])
    func chunks(backwards: Bool) throws {
        let body = SIPBytes((0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        var number = 0
        var buffer = ByteBuffer()
        let from = MSRPURI(host: "192.0.2.1", port: 2855, session: "abc", isSecure: false)
        let names = MSRPWriter.send(
            body, type: "text/plain", messageID: "m1", to: [from], from: from, wantsReport: true, chunk: 2_048,
            transaction: {
                number += 1; return "tr\(1_000 + number)"
            }, into: &buffer)
        #expect(names.count == 5)
        var frames = try #require(Self.frames(Array(buffer.readableBytesView), step: 100))
        if backwards { frames.reverse() }
        var assembly = MSRPAssembly(frames[0], bound: 20_000)
        let outcomes = frames.map { assembly.add($0) }
        #expect(outcomes == [.more, .more, .more, .more, .complete])
        #expect(assembly.message == body.array)
        #expect(assembly.add(frames[2]) == .complete)
    }

    @Test("messages beyond the bound are refused before they are kept") func bound() throws {
        let frame = try #require(Self.frames(Array(Self.send.utf8))?.first)
        var small = MSRPAssembly(frame, bound: 10)
        #expect(small.add(frame) == .tooLarge)
        #expect(small.message.isEmpty)
        let far = Self.send.replacing("1-25/25", with: "9000000000000000000-*/*")
        let distant = try #require(Self.frames(Array(far.utf8))?.first)
        var assembly = MSRPAssembly(frame, bound: 1_000)
        #expect(assembly.add(distant) == .tooLarge)
    }

    @Test("an abandoned message is dropped") func abandoned() throws {
        let text = Self.send.replacing("-------a786hjs2$", with: "-------a786hjs2#")
        let frame = try #require(Self.frames(Array(text.utf8))?.first)
        var assembly = MSRPAssembly(frame, bound: 1_000)
        #expect(assembly.add(frame) == .aborted)
    }

    @Test(
        "what is no MSRP ends the connection",
        arguments: [
            "GET / HTTP/1.1\r\n", "MSRP x SEND\r\n\r\n-------x$\r\n",
            "MSRP a786hjs2 SEND\r\nTo-Path: x\r\n-------a786hjs2$\r\n",
            "MSRP a786hjs2 SEND\r\n-------a786hjs2$\r\n", "MSRP a786hjs2\r\n-------a786hjs2$\r\n",
            "MSRP " + String(repeating: "a", count: 5_000),
        ])
    func faults(text: String) { #expect(Self.frames(Array(text.utf8)) == nil) }

    @Test("a body without end is cut off at the bound") func endless() {
        var limits = MSRPLimits()
        limits.chunkBytes = 1_000
        let text = Self.send.replacing("Hey Bob", with: String(repeating: "x", count: 9_000))
        #expect(Self.frames(Array(text.utf8), step: 100, limits: limits) == nil)
    }

    @Test("mutated frames break nothing") func mutations() {
        var numbers = SeededNumbers(seed: 4_975)
        let seed = Array((Self.send + Self.send).utf8)
        var read = 0
        for _ in 0..<3_000 {
            let bytes = MutationTests.mutate(seed, &numbers)
            if let frames = Self.frames(bytes, step: 97) {
                for frame in frames {
                    read += 1
                    var assembly = MSRPAssembly(frame, bound: 4_096)
                    _ = assembly.add(frame)
                    var buffer = ByteBuffer()
                    MSRPWriter.response(to: frame, code: 400, comment: "Bad Request", into: &buffer)
                }
            }
        }
        #expect(read > 500)
    }
}

@Suite("Session descriptions")
struct SDPTests {
    static let offer = """
        v=0\r
        o=alice 2890844557 2890844559 IN IP4 alicepc.example.com\r
        s= -\r
        c=IN IP4 192.0.2.7\r
        t=0 0\r
        m=message 7777 TCP/MSRP *\r
        a=accept-types:message/cpim text/plain text/html\r
        a=accept-wrapped-types:*\r
        a=path:msrp://192.0.2.7:7777/iau39soe2843z;tcp\r
        a=setup:actpass\r
        m=audio 4000 RTP/AVP 0 8\r
        c=IN IP6 2001:db8::1\r

        """

    @Test("message media are found") func offer() throws {
        let session = try #require(SDPSession(SIPBytes(Self.offer)))
        #expect(session.media.count == 2)
        let message = session.media[0]
        #expect(message.isMSRP)
        #expect(!message.isMSRPOverTLS)
        #expect(message.address?.string == "192.0.2.7")
        #expect(message.path.map(\.session.string) == ["iau39soe2843z"])
        #expect(message.accepts("text/plain"))
        #expect(!message.accepts("image/png"))
        #expect(message.acceptsWrapped("text/plain"))
        #expect(message.setup?.string == "actpass")
        #expect(session.media[1].kind.string == "audio")
        #expect(session.media[1].address?.string == "2001:db8::1")
    }

    @Test("the Microsoft form is known") func microsoft() throws {
        let text = """
            v=0\r\no=- 0 0 IN IP4 192.0.2.9\r\ns=session\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=message 5060 sip null\r
            a=accept-types:text/plain multipart/alternative\r\n
            """
        let session = try #require(SDPSession(SIPBytes(text)))
        #expect(session.media[0].isMicrosoftForm)
        #expect(!session.media[0].isMSRP)
        let old = try #require(
            SDPSession(SIPBytes(text.replacing("m=message 5060 sip null", with: "m=x-ms-message 5060 sip null"))))
        #expect(old.media[0].isMicrosoftForm)
    }

    @Test("an answer is an answer to the offer") func answer() throws {
        let offer = try #require(SDPSession(SIPBytes(Self.offer)))
        var writer = SDPWriter(address: "2001:db8::5", session: 7, version: 1)
        writer.addMSRP(
            port: 2855, isTLS: false,
            path: MSRPURI(host: "[2001:db8::5]", port: 2855, session: "s1", isSecure: false),
            acceptTypes: "message/cpim text/plain", acceptWrappedTypes: "text/plain", setup: "passive", maxSize: 10_000)
        writer.addRefused(offer.media[1])
        let answer = try #require(SDPSession(writer.bytes))
        #expect(answer.media.map(\.isRefused) == [false, true])
        #expect(answer.media[0].path.first?.host.string == "[2001:db8::5]")
        #expect(answer.media[0].maxSize == 10_000)
        #expect(answer.media[1].formats.map(\.string) == ["0", "8"])
    }

    @Test(
        "what is no description is refused",
        arguments: [
            "", "hello", "v=1\r\no=a\r\n", "v=0\r\n", "v=0\r\no=x\r\nm=message\r\n",
            "v=0\r\no=x\r\nm=message 99999 TCP/MSRP *\r\n",
            "v=0\r\no=x\r\nc=IN\r\n", "v=0\r\no=x\r\nx\r\n",
            "v=0\r\no=x\r\n" + String(repeating: "m=a 1 b c\r\n", count: 20),
        ])
    func refused(text: String) { #expect(SDPSession(SIPBytes(text)) == nil) }

    @Test(
        "MSRP URIs",
        arguments: [
            ("msrp://atlanta.example.com:7654/jshA7weztas;tcp", true), ("msrps://[2001:db8::1]:9/a/b;tcp", true),
            ("msrp://alice@192.0.2.1/x;tcp", true), ("msrp://a", false), ("msrp://a/x", false), ("sip:a;tcp", false),
            ("msrp://a:99999/x;tcp", false), ("msrp://a/x y;tcp", false),
        ])
    func uris(text: String, isValid: Bool) { #expect((MSRPURI(SIPBytes(text)) != nil) == isValid) }

    @Test("the hash of a certificate is the medium's own, else the session's") func fingerprints() throws {
        let head =
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=fingerprint:SHA-256 AA:01\r\n"
        let media = "m=message 1 TCP/TLS/MSRP *\r\na=path:msrps://192.0.2.1:1/a;tcp\r\n"
        let text = head + media + "a=fingerprint: sha-512 BB:02\r\n" + media
        let session = try #require(SDPSession(SIPBytes(text)))
        #expect(session.media.map { $0.fingerprint?.string } == ["sha-512 BB:02", "SHA-256 AA:01"])
        var writer = SDPWriter(address: "192.0.2.1", session: 1, version: 1)
        let path = MSRPURI(host: "192.0.2.1", port: 1, session: "x", isSecure: true)
        for isTLS in [true, false] {
            writer.addMSRP(
                port: 1, isTLS: isTLS, path: path, acceptTypes: "*", acceptWrappedTypes: nil, setup: nil, maxSize: nil,
                fingerprint: "SHA-256 CC:03")
        }
        let back = try #require(SDPSession(writer.bytes))
        #expect(back.media.map { $0.fingerprint?.string } == ["SHA-256 CC:03", nil])
    }
}
