import NIOCore
import Testing

@testable import SIPWire

@Suite("Digest authentication")
struct DigestTests {
    @Test(
        "the example of RFC 7616 §3.9.1 is computed",
        arguments: [
            (DigestAlgorithm.md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (.sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ])
    func example(algorithm: DigestAlgorithm, expected: String) {
        let ha1 = Digest.ha1(
            user: "Mufasa", realm: "http-auth@example.org", password: "Circle of Life", algorithm: algorithm)
        let response = Digest.response(
            ha1: ha1, nonce: SIPBytes("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v" as StaticString),
            qop: SIPBytes("auth" as StaticString), count: SIPBytes("00000001" as StaticString),
            cnonce: SIPBytes("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" as StaticString),
            method: SIPBytes("GET" as StaticString), uri: SIPBytes("/dir/index.html" as StaticString),
            algorithm: algorithm)
        #expect(String(decoding: response, as: UTF8.self) == expected)
    }

    @Test("what a client answers is verified, and nothing else", arguments: DigestAlgorithm.allCases)
    func roundTrip(algorithm: DigestAlgorithm) throws {
        let request = try SIPParser.parse(SIPMessageTests.register)
        var builder = SIPResponseBuilder(to: request, status: .unauthorized)
        builder.addChallenge(
            .wwwAuthenticate, realm: SIPBytes("example.org" as StaticString), nonce: SIPBytes("n0" as StaticString),
            algorithm: algorithm, stale: true)
        let answer = try SIPParser.parse(builder.finish())
        let challenge = try #require(answer.first(.wwwAuthenticate).flatMap { DigestChallenge($0) })
        #expect(challenge.isStale)
        #expect(challenge.algorithm == algorithm)
        let value = challenge.authorization(
            user: #"an"na"#, password: "pw", method: .register, uri: SIPBytes("sip:example.org" as StaticString),
            cnonce: SIPBytes("c" as StaticString), count: 26)
        let credentials = try #require(DigestCredentials(value))
        #expect(credentials.username.string == #"an"na"#)
        #expect(credentials.count == 26)
        let ha1 = Digest.ha1(user: #"an"na"#, realm: "example.org", password: "pw", algorithm: algorithm)
        #expect(Digest.verify(credentials, ha1: ha1, method: SIPBytes("REGISTER" as StaticString)))
        #expect(!Digest.verify(credentials, ha1: ha1, method: SIPBytes("INVITE" as StaticString)))
        let wrong = Digest.ha1(user: #"an"na"#, realm: "example.org", password: "pW", algorithm: algorithm)
        #expect(!Digest.verify(credentials, ha1: wrong, method: SIPBytes("REGISTER" as StaticString)))
    }

    @Test(
        "credentials that cannot be used are refused",
        arguments: [
            "Basic YTpi", "Digest", "Digest ", "Digest username=a", "NoOneKnowsThisScheme opaque-data=here",
            #"Digest username="a",realm="b",nonce="c",uri="d",response="e",algorithm=SHA-512"#,
            #"Digest username="a",realm="b",nonce="c",uri="d",response="e",qop=auth-int,nc=00000001,cnonce="x""#,
            #"Digest username="a",realm="b",nonce="c",uri="d",response="e",qop=auth"#,
            #"Digest username="a",realm="b",nonce="c",uri="d",response="e",qop=auth,nc=1,cnonce="x""#,
            #"Digest username="a",username="z",realm="b",nonce="c",uri="d",response="e""#,
            #"Digest username="a,realm="b",nonce="c",uri="d",response="e"#,
        ])
    func refused(text: String) { #expect(DigestCredentials(SIPBytes(text)) == nil) }
}
