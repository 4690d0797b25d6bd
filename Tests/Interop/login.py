"""Modern logins, spoken byte by byte over real TLS: SASL2, Bind 2, tokens, channel binding."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import ssl

from support.servers import DOMAIN, PASSWORD

from .claims import claim
from .client import Scene, expect

HEADER = ("<?xml version='1.0'?><stream:stream {from_}to='" + DOMAIN + "' version='1.0' xmlns='jabber:client'"
           " xmlns:stream='http://etherx.jabber.org/streams'>")
_AGENT = "<user-agent id='{}'><software>raw</software><device>test</device></user-agent>"
_RESUME = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"


class Raw:
    """One stream over direct TLS; `until` reads up to a closing tag."""

    def __init__(self, scene: Scene, user: str) -> None:
        self.scene, self.user = scene, user
        self.features = ""
        self.address = ""
        self.certificate = b""

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.scene.host.certificate()))
        context.set_alpn_protocols(["xmpp-client"])
        return context

    async def open(self, from_: bool = True) -> "Raw":
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.scene.host.tls_port, ssl=self.context(), server_hostname=DOMAIN)
        self.certificate = self.writer.get_extra_info("ssl_object").getpeercert(True)
        sender = f"from='{self.user}@{DOMAIN}' " if from_ else ""
        self.send(HEADER.format(from_=sender))
        self.features = await self.until("</stream:features>")
        return self

    def send(self, text: str) -> None:
        self.writer.write(text.encode())

    async def until(self, *ends: str) -> str:
        """Everything up to the first of `ends`, which all have to be closing."""
        data = b""
        while not any(data.endswith(end.encode()) for end in ends):
            data += await asyncio.wait_for(self.reader.readexactly(1), 15)
        return data.decode()

    async def outcome(self) -> str:
        return await self.until("</success>", "</failure>", "</challenge>")

    async def authenticate(self, mechanism: str, initial: bytes, inline: str = "") -> str:
        self.send(f"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'><initial-response>"
                  f"{base64.b64encode(initial).decode()}</initial-response>{inline}</authenticate>")
        return await self.outcome()

    async def plain(self, inline: str = "", password: str = PASSWORD) -> str:
        return await self.authenticate("PLAIN", f"\0{self.user}\0{password}".encode(), inline)

    async def token(self, token: str, inline: str = "<fast xmlns='urn:xmpp:fast:0'/>", binding: bytes = b"",
                    mechanism: str = "HT-SHA-256-NONE") -> str:
        """One login by token; the server's own proof is checked."""
        proof = hmac.new(token.encode(), b"Initiator" + binding, "sha256").digest()
        answer = await self.authenticate(mechanism, self.user.encode() + b"\0" + proof, inline)
        if "</success>" in answer:
            expected = base64.b64encode(hmac.new(token.encode(), b"Responder" + binding, "sha256").digest()).decode()
            expect(f"<additional-data>{expected}</additional-data>" in answer, f"no proof of the server: {answer}")
        return answer

    async def scram(self, mechanism: str, flag: str, binding: bytes = b"", inline: str = "",
                    sasl2: bool = True) -> str:
        """One SCRAM login; checks the server's signature and its hash of what it offered (XEP-0474)."""
        name = "sha256" if "256" in mechanism else "sha1"
        header = f"{flag},,"
        nonce = secrets.token_hex(12)
        bare = f"n={self.user},r={nonce}"
        first = (header + bare).encode()
        if sasl2:
            answer = await self.authenticate(mechanism, first, inline)
        else:
            self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>"
                      f"{base64.b64encode(first).decode()}</auth>")
            answer = await self.outcome()
        if "</challenge>" not in answer:
            return answer
        challenge = base64.b64decode(re.search(r">([^<]+)</challenge>", answer)[1]).decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        expect(fields["h"] == self.downgrade_hash(name, sasl2), f"downgrade hash: {challenge}")
        salted = hashlib.pbkdf2_hmac(name, PASSWORD.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        digest = lambda key, text: hmac.new(key, text, name).digest()
        key = digest(salted, b"Client Key")
        bound = base64.b64encode(header.encode() + binding).decode()
        without = f"c={bound},r={fields['r']}"
        message = f"{bare},{challenge},{without}".encode()
        signature = digest(hashlib.new(name, key).digest(), message)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
        final = base64.b64encode(f"{without},p={proof}".encode()).decode()
        space = "urn:xmpp:sasl:2" if sasl2 else "urn:ietf:params:xml:ns:xmpp-sasl"
        self.send(f"<response xmlns='{space}'>{final}</response>")
        answer = await self.outcome()
        if "</success>" in answer:
            verifier = base64.b64encode(
                b"v=" + base64.b64encode(digest(digest(salted, b"Server Key"), message))).decode()
            expect(verifier in answer, f"the server's signature is wrong: {answer}")
        return answer

    def downgrade_hash(self, name: str, sasl2: bool) -> str:
        part = re.search(r"<authentication .*?<inline>" if sasl2 else r"<mechanisms .*?</mechanisms>",
                         self.features)[0]
        names = sorted(re.findall(r"<mechanism>([^<]+)</mechanism>", part))
        types = sorted(re.findall(r"<channel-binding type='([^']+)'", self.features))
        text = "\x1e".join(names) + ("\x1f" + "\x1e".join(types) if types else "")
        return base64.b64encode(hashlib.new(name, text.encode()).digest()).decode()

    def end_point(self) -> bytes:
        """RFC 5929 §4.1; the certificates of these tests are signed with SHA-256."""
        return hashlib.sha256(self.certificate).digest()

    def close(self) -> None:
        self.writer.close()


async def opened(scene: Scene, user: str, **options) -> Raw:
    return await Raw(scene, user).open(**options)


def given_token(answer: str) -> str:
    found = re.search(r"<token xmlns='urn:xmpp:fast:0' expiry='[^']+' token='([^']+)'", answer)
    expect(found is not None, f"no token: {answer}")
    return found[1]


@claim("the answer to a stream header is to whom that was from, and to nobody where it does not say (RFC 6120 §4.7.2)")
async def header(scene: Scene) -> None:
    user = scene.user()
    for says in (True, False):
        raw = await opened(scene, user, from_=says)
        answer = raw.features[:raw.features.index("<stream:features>")]
        expect(f" from='{DOMAIN}'" in answer and (f" to='{user}@{DOMAIN}'" in answer) == says, answer)
        expect((" to=" in answer) == says, answer)
        raw.close()


def request(mechanism: str = "HT-SHA-256-NONE") -> str:
    return f"<request-token xmlns='urn:xmpp:fast:0' mechanism='{mechanism}'/>"


@claim("SCRAM bound to the certificate: right binding in, wrong binding and downgrades out, in both profiles")
async def channel_binding(scene: Scene) -> None:
    user = scene.user()
    for sasl2 in (True, False):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
            raw = await opened(scene, user)
            expect("<channel-binding type='tls-server-end-point'/>" in raw.features, raw.features)
            expect(f"<mechanism>{mechanism}-PLUS</mechanism>" in raw.features, raw.features)
            wrong = await raw.scram(f"{mechanism}-PLUS", "p=tls-server-end-point", b"\0" * 32, sasl2=sasl2)
            expect("<not-authorized" in wrong, f"another certificate: {wrong}")
            stripped = await raw.scram(mechanism, "y", sasl2=sasl2)
            expect("<not-authorized" in stripped, f"PLUS cut out of the list: {stripped}")
            unknown = await raw.scram(f"{mechanism}-PLUS", "p=tls-exporter", b"\0" * 32, sasl2=sasl2)
            expect("<malformed-request" in unknown, f"a binding that is not offered: {unknown}")
            right = await raw.scram(f"{mechanism}-PLUS", "p=tls-server-end-point", raw.end_point(), sasl2=sasl2)
            expect("</success>" in right, right)
            raw.close()
            plain = await opened(scene, user)
            expect("</success>" in await plain.scram(mechanism, "n", sasl2=sasl2), "a client without channel binding")
            plain.close()


@claim("login, binding, stream management and a token in one round trip; by token the next time")
async def one_round_trip(scene: Scene) -> None:
    user, agent = scene.user(), _AGENT.format("b6f2c7ea-1d53-4f6c-9f8c-0d7e5a1c9b01")
    raw = await opened(scene, user)
    bind = f"<bind xmlns='urn:xmpp:bind:0'><tag>raw</tag>{_RESUME}</bind>"
    answer = await raw.plain(agent + bind + request())
    expect(f"<authorization-identifier>{user}@{DOMAIN}/raw/" in answer, answer)
    expect("<enabled xmlns='urn:xmpp:sm:3'" in answer, answer)
    token = given_token(answer)
    previous = re.search(r"<enabled [^>]*id='([^']+)'", answer)[1]
    expect("urn:ietf:params:xml:ns:xmpp-bind" not in await raw.until("</stream:features>"), "binding offered again")
    raw.writer.transport.abort()
    # The link is gone; token and resumption together are one round trip from another connection.
    again = await opened(scene, user)
    answer = await again.token(token, agent + bind + "<fast xmlns='urn:xmpp:fast:0'/>"
                               f"<resume xmlns='urn:xmpp:sm:3' previd='{previous}' h='0'/>")
    expect(f"<resumed xmlns='urn:xmpp:sm:3' previd='{previous}' h='0'/>" in answer, answer)
    expect("<bound" not in answer, f"bound although resumed: {answer}")
    await again.until("</stream:features>")
    again.send("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
    expect("id='1'" in await again.until("/>"), "no answer to a ping")
    again.close()


@claim("a token is good for its client, its mechanism and its counter alone")
async def token_bounds(scene: Scene) -> None:
    user, agent = scene.user(), _AGENT.format("one")
    raw = await opened(scene, user)
    token = given_token(await raw.plain(agent + request()))
    raw.close()
    for inline, mechanism in ((_AGENT.format("two") + "<fast xmlns='urn:xmpp:fast:0'/>", "HT-SHA-256-NONE"),
                              (agent + "<fast xmlns='urn:xmpp:fast:0'/>", "HT-SHA-256-ENDP")):
        raw = await opened(scene, user)
        answer = await raw.token(token, inline, mechanism=mechanism)
        expect("<not-authorized" in answer, f"{inline} {mechanism}: {answer}")
        raw.close()
    for count, expected in ((5, "</success>"), (5, "<not-authorized"), (4, "<not-authorized"), (6, "</success>")):
        raw = await opened(scene, user)
        answer = await raw.token(token, agent + f"<fast xmlns='urn:xmpp:fast:0' count='{count}'/>")
        expect(expected in answer, f"count {count}: {answer}")
        raw.close()


@claim("a token bound to the certificate works with it, and not with the plain mechanism")
async def bound_token(scene: Scene) -> None:
    user, inline = scene.user(), _AGENT.format("one") + "<fast xmlns='urn:xmpp:fast:0'/>"
    raw = await opened(scene, user)
    token = given_token(await raw.plain(_AGENT.format("one") + request("HT-SHA-256-ENDP")))
    raw.close()
    raw = await opened(scene, user)
    answer = await raw.token(token, inline)
    expect("<not-authorized" in answer, f"without binding: {answer}")
    answer = await raw.token(token, inline, binding=b"\1" * 32, mechanism="HT-SHA-256-ENDP")
    expect("<not-authorized" in answer, f"another certificate: {answer}")
    answer = await raw.token(token, inline, binding=raw.end_point(), mechanism="HT-SHA-256-ENDP")
    expect("</success>" in answer, answer)
    raw.close()


@claim("a token is void once given back, and after a new password")
async def token_end(scene: Scene) -> None:
    user, agent = scene.user(), _AGENT.format("one")
    raw = await opened(scene, user)
    token = given_token(await raw.plain(agent + request()))
    raw.close()
    raw = await opened(scene, user)
    answer = await raw.token(token, agent + "<fast xmlns='urn:xmpp:fast:0' invalidate='true'/>")
    expect("</success>" in answer and "<token" not in answer, answer)
    raw.close()
    raw = await opened(scene, user)
    answer = await raw.token(token, agent + "<fast xmlns='urn:xmpp:fast:0'/>")
    expect("<credentials-expired" in answer, f"given back: {answer}")
    second = given_token(await raw.plain(agent + request()))
    raw.close()
    scene.host.run("user", "password", f"{user}@{DOMAIN}", "--password-stdin", "--config", str(scene.host.config),
                   stdin="another-password\n")
    raw = await opened(scene, user)
    answer = await raw.token(second, agent + "<fast xmlns='urn:xmpp:fast:0'/>")
    expect("<credentials-expired" in answer, f"after a new password: {answer}")
    expect("</success>" in await raw.plain(password="another-password"), "the new password")
    raw.close()


@claim("random and mutated SASL2 requests get an answer or an orderly end, and the server goes on")
async def noise(scene: Scene) -> None:
    import random

    chance = random.Random(20260101)
    user = scene.user()
    good = (f"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGE=</initial-response>"
            f"{_AGENT.format('one')}<bind xmlns='urn:xmpp:bind:0'><tag>x</tag>{_RESUME}</bind>"
            f"<resume xmlns='urn:xmpp:sm:3' previd='a' h='1'/><fast xmlns='urn:xmpp:fast:0' count='1'/>"
            f"{request()}</authenticate>")
    for _ in range(60):
        raw = await opened(scene, user)
        for _ in range(4):
            text = list(good)
            for _ in range(chance.randint(1, 3)):
                place = chance.randrange(len(text))
                text[place] = chance.choice(["", "<", "'", "=", "\u00e9", "0", "&amp;", "A", text[place] * 3])
            raw.send("".join(text))
        raw.send("</stream:stream>")
        try:
            await asyncio.wait_for(raw.reader.read(), 15)
        except (ConnectionError, ssl.SSLError):
            pass
        raw.close()
    raw = await opened(scene, scene.user())
    expect("</success>" in await raw.plain(), "the server does not go on")
    raw.close()
