"""Login by certificate (XEP-0178, XEP-0257), byte by byte over real TLS with certificates that openssl makes."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import subprocess
from pathlib import Path

from support.servers import DOMAIN

from .claims import claim
from .client import Scene, expect
from .login import HEADER, Raw

AUTHORITY = "clients.pem"
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path) -> None:
    """The authority that the server's configuration names."""
    _openssl(folder, "req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=Authority of clients", "-keyout", "clients.key",
             "-out", AUTHORITY)


def certificate(scene: Scene, name: str, *alternatives: str, subject: str = "somebody", days: int = 2,
                signed: bool = True, usage: str = "") -> Path:
    """A PEM file with key and certificate. `alternatives`: `xmpp:ADDRESS` or `email:ADDRESS`."""
    folder = scene.host.directory / "certificates"
    folder.mkdir(exist_ok=True)
    values = [f"otherName:1.3.6.1.5.5.7.8.5;UTF8:{text[5:]}" if text.startswith("xmpp:") else text
              for text in alternatives]
    lines = [f"subjectAltName={','.join(values)}"] if values else []
    lines += [f"extendedKeyUsage={usage}"] if usage else []
    (folder / f"{name}.ext").write_text("\n".join(lines) + "\n")
    _openssl(folder, "req", "-new", *_KEY, "-subj", f"/CN={subject}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    signer = (["-CA", f"../{AUTHORITY}", "-CAkey", "../clients.key", "-CAcreateserial"] if signed
              else ["-signkey", f"{name}.key"])
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signer, "-days", str(days), "-extfile", f"{name}.ext",
             "-out", f"{name}.crt")
    path = folder / f"{name}.pem"
    path.write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
    return path


def encoded(path: Path) -> str:
    """The certificate as base64 of its DER form."""
    return re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", path.read_text(), re.S).group(1).replace("\n", "")


class Certified(Raw):
    """A stream over direct TLS whose client shows a certificate."""

    def __init__(self, scene: Scene, user: str, path: Path | None) -> None:
        super().__init__(scene, user)
        self.path = path

    def context(self) -> ssl.SSLContext:
        context = super().context()
        if self.path is not None:
            context.load_cert_chain(str(self.path))
        return context

    async def auth(self, authzid: str = "") -> str:
        """SASL1."""
        text = base64.b64encode(authzid.encode()).decode() if authzid else "="
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{text}</auth>")
        return await self.until("</failure>", "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")

    async def bind(self, resource: str = "desk") -> str:
        """A new stream and a resource; returns the full address."""
        self.send(HEADER.format(from_=""))
        await self.until("</stream:features>")
        answer = await self.ask("set", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                                f"<resource>{resource}</resource></bind>")
        return re.search("<jid>(.*?)</jid>", answer).group(1)

    async def ask(self, kind: str, payload: str) -> str:
        self.send(f"<iq type='{kind}' id='q1'>{payload}</iq>")
        data = ""
        while not re.search("<iq [^>]*id='q1'[^>]*(/|>.*</iq)>$", data, re.S):
            data += (await asyncio.wait_for(self.reader.readexactly(1), 15)).decode("latin-1")
        return data

    @property
    def offered(self) -> bool:
        return "<mechanism>EXTERNAL</mechanism>" in self.features


async def show(scene: Scene, user: str, path: Path | None, from_: bool = False) -> Certified:
    stream = Certified(scene, user, path)
    await stream.open(from_=from_)
    return stream


@claim("external: a certificate of the authority with an XMPP address logs in, by both profiles, with and without authzid")
async def addresses(scene: Scene) -> None:
    user = scene.user()
    path = certificate(scene, user, f"xmpp:{user}@{DOMAIN}")
    for authzid in ("", f"{user}@{DOMAIN}"):
        stream = await show(scene, user, path)
        expect(stream.offered, stream.features)
        expect("<success" in await stream.auth(authzid), f"SASL with authzid {authzid!r}")
        expect(await stream.bind() == f"{user}@{DOMAIN}/desk", "the bound address")
        again = await show(scene, user, path, from_=True)
        answer = await again.authenticate("EXTERNAL", authzid.encode(), "<bind xmlns='urn:xmpp:bind:0'/>")
        expect(f"<authorization-identifier>{user}@{DOMAIN}/" in answer, answer)
    stranger = await show(scene, user, path)
    answer = await stranger.auth(f"{scene.user()}@{DOMAIN}")
    expect("<invalid-authzid/>" in answer, answer)
    answer = await stranger.auth("@@")
    expect("<invalid-authzid/>" in answer, answer)
    # RFC 6120 §6.4.5: the same stream may go on with another mechanism.
    expect("<success" in await stranger.auth(), "a second attempt")


@claim("external: two addresses need an authzid; an address for one resource binds that one")
async def several(scene: Scene) -> None:
    one, two = scene.user(), scene.user()
    path = certificate(scene, one, f"xmpp:{one}@{DOMAIN}", f"xmpp:{two}@{DOMAIN}/robot", "xmpp:a@elsewhere.example")
    stream = await show(scene, one, path)
    answer = await stream.auth()
    expect("<invalid-authzid/>" in answer, answer)
    expect("<success" in await stream.auth(f"{two}@{DOMAIN}"), "with authzid")
    stream.user = two
    expect(await stream.bind() == f"{two}@{DOMAIN}/robot", "the resource of the certificate")
    other = await show(scene, one, path)
    answer = await other.auth(f"{two}@{DOMAIN}/desk")
    expect("<invalid-authzid/>" in answer, answer)


@claim("external: without XMPP address the e-mail address counts, or else the common name")
async def mapping(scene: Scene) -> None:
    one, two, three = scene.user(), scene.user(), scene.user()
    for user, path in ((one, certificate(scene, one, f"email:{one}@{DOMAIN}", subject=two)),
                       (two, certificate(scene, two, subject=two)),
                       (three, certificate(scene, three, "email:a@elsewhere.example", f"xmpp:{three}@{DOMAIN}"))):
        stream = await show(scene, user, path)
        expect(stream.offered, f"{user}: {stream.features}")
        answer = await stream.authenticate("EXTERNAL", b"")
        expect(f"<authorization-identifier>{user}@{DOMAIN}<" in answer, answer)


@claim("external: it is not offered to strangers, ended or self-signed certificates, nor to those of servers, and cannot be used")
async def unacceptable(scene: Scene) -> None:
    user = scene.user()
    mine = f"xmpp:{user}@{DOMAIN}"
    cases = {"none": None, "ended": certificate(scene, "ended", mine, days=-1),
             "self-signed": certificate(scene, "self-signed", mine, signed=False),
             "nobody": certificate(scene, "nobody", f"xmpp:nobody-here@{DOMAIN}"),
             "elsewhere": certificate(scene, "elsewhere", f"xmpp:{user}@elsewhere.example"),
             "server": certificate(scene, "server", mine, usage="serverAuth")}
    for name, path in cases.items():
        stream = await show(scene, user, path)
        expect(not stream.offered and "<mechanism>SCRAM-SHA-256</mechanism>" in stream.features, f"{name}: {stream.features}")
        answer = await stream.auth()
        expect("<invalid-mechanism/>" in answer, f"{name}: {answer}")
        answer = await stream.plain()
        expect("<success" in answer, f"{name}: the password still works: {answer}")
    good = await show(scene, user, certificate(scene, "client", mine, usage="clientAuth"))
    expect(good.offered, good.features)


@claim("external: a user enrols a self-signed certificate, sees it, logs in with it, and revokes it with all its sessions")
async def enrolment(scene: Scene) -> None:
    user = scene.user()
    path = certificate(scene, user, signed=False, subject="my phone")
    before = await show(scene, user, path)
    expect(not before.offered, "offered before the enrolment")
    desk = await show(scene, user, None, from_=True)
    expect("<success" in await desk.plain("<bind xmlns='urn:xmpp:bind:0'/>"), "the password")
    space = "xmlns='urn:xmpp:saslcert:1'"
    add = f"<append {space}><name>Phone</name><x509cert>{encoded(path)}</x509cert></append>"
    expect("type='result'" in await desk.ask("set", add), "append")
    expect("<conflict" in await desk.ask("set", add), "the name twice")
    expect("<conflict" in await desk.ask("set", add.replace("Phone", "Other")), "the certificate twice")
    phone = await show(scene, user, path)
    expect(phone.offered, phone.features)
    expect("<success" in await phone.auth(), "login")
    full = await phone.bind("phone")
    listed = await desk.ask("get", f"<items {space}/>")
    expect("<name>Phone</name>" in listed and encoded(path) in listed, listed)
    expect(f"<users><resource>{full.split('/')[1]}</resource></users>" in listed, listed)
    # XEP-0257 §5.2: the certificate is not the password.
    phone.user = user
    phone.send(f"<iq type='set' id='p'><query xmlns='jabber:iq:register'><username>{user}</username>"
               "<password>new</password></query></iq>")
    expect("<not-authorized" in await phone.until("</iq>"), "a new password")
    expect("<item-not-found" in await desk.ask("set", f"<revoke {space}><name>Nothing</name></revoke>"), "unknown name")
    expect("type='result'" in await desk.ask("set", f"<revoke {space}><name>Phone</name></revoke>"), "revoke")
    expect("<not-authorized" in await phone.until("</stream:error>"), "the session goes on")
    expect(not (await show(scene, user, path)).offered, "offered after the revocation")


@claim("external: a disabled certificate keeps its sessions; one without management changes nothing")
async def disabling(scene: Scene) -> None:
    user = scene.user()
    path = certificate(scene, user, signed=False)
    desk = await show(scene, user, None, from_=True)
    await desk.plain("<bind xmlns='urn:xmpp:bind:0'/>")
    space = "xmlns='urn:xmpp:saslcert:1'"
    add = f"<append {space}><name>Bot</name><no-cert-management/><x509cert>{encoded(path)}</x509cert></append>"
    expect("type='result'" in await desk.ask("set", add), "append")
    robot = await show(scene, user, path)
    await robot.auth()
    await robot.bind()
    for payload in (add.replace("Bot", "Two"), f"<disable {space}><name>Bot</name></disable>",
                    f"<revoke {space}><name>Bot</name></revoke>"):
        expect("<forbidden" in await robot.ask("set", payload), payload)
    expect("<no-cert-management/>" in await robot.ask("get", f"<items {space}/>"), "the list")
    expect("type='result'" in await desk.ask("set", f"<disable {space}><name>Bot</name></disable>"), "disable")
    expect("type='result'" in await robot.ask("get", "<ping xmlns='urn:xmpp:ping'/>"), "the session has ended")
    expect(not (await show(scene, user, path)).offered, "offered after it was disabled")


@claim("external: what is no certificate is refused, and STARTTLS asks for certificates as direct TLS does")
async def requests(scene: Scene) -> None:
    user = scene.user()
    desk = await show(scene, user, None, from_=True)
    await desk.plain("<bind xmlns='urn:xmpp:bind:0'/>")
    space = "xmlns='urn:xmpp:saslcert:1'"
    ended = certificate(scene, f"{user}-ended", days=-1, signed=False)
    for payload, condition in (
            (f"<append {space}><x509cert>{encoded(ended)}</x509cert></append>", "bad-request"),
            (f"<append {space}><name>a</name></append>", "bad-request"),
            (f"<append {space}><name>a</name><x509cert>!</x509cert></append>", "bad-request"),
            (f"<append {space}><name>a</name><x509cert>AAAA</x509cert></append>", "bad-request"),
            (f"<append {space}><name>a</name><x509cert>{encoded(ended)}</x509cert></append>", "not-acceptable"),
            (f"<disable {space}/>", "bad-request"), (f"<disable {space}><name>a</name></disable>", "item-not-found"),
            (f"<items {space}/>", "bad-request")):
        answer = await desk.ask("set", payload)
        expect(f"<{condition} " in answer, f"{payload[:90]}: {answer}")
    path = certificate(scene, user, f"xmpp:{user}@{DOMAIN}")
    context = ssl.create_default_context(cafile=str(scene.host.certificate()))
    context.load_cert_chain(str(path))
    stream = Certified(scene, user, path)
    stream.reader, stream.writer = await asyncio.open_connection("127.0.0.1", scene.host.port)
    stream.send(HEADER.format(from_=""))
    await stream.until("</stream:features>")
    stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await stream.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await stream.writer.start_tls(context, server_hostname=DOMAIN)
    stream.send(HEADER.format(from_=""))
    stream.features = await stream.until("</stream:features>")
    expect(stream.offered and "<success" in await stream.auth(), stream.features)
