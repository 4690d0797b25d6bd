"""Message sessions (RFC 4975, RFC 7573) between SIP devices and XMPP clients, and the Microsoft form of them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import re
import ssl

from .claims import claim
from .client import WAIT, Expectation, Scene, expect
from .settings import make_certificate
from .sip_client import Message, SIPClient, phone

_numbers = itertools.count(1)


class Session:
    """A device in a session that it has opened."""

    def __init__(self, device: SIPClient, peer: str) -> None:
        self.device, self.peer = device, peer
        self.call = f"chat{next(_numbers)}@127.0.0.1"
        self.path = f"msrp://127.0.0.1:9/s{next(_numbers)}x;tcp"
        self.theirs = ""
        self.answer: Message | None = None
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    def offer(self) -> str:
        return "\r\n".join([
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=message 9 TCP/MSRP *",
            "a=accept-types:text/plain application/im-iscomposing+xml", f"a=path:{self.path}", "a=setup:actpass", ""])

    async def invite(self, offer: str | None = None, headers: list[tuple[str, str]] = ()) -> Message:
        self.answer = await self.device.request(
            "INVITE", f"sip:{self.peer}",
            [("Contact", self.device.contact), ("Content-Type", "application/sdp"), *headers],
            offer or self.offer(), call=self.call)
        if self.answer.status == 200:
            number = self.answer.get("cseq").split()[0]
            self.device.send_raw(self.device.build(
                "ACK", self.target, self.answer.get("to"), [], b"", f"z9hG4bKack{next(_numbers)}", self.call, int(number)))
            found = re.search(r"a=path:(\S+)", self.answer.text)
            self.theirs = found.group(1) if found else ""
        return self.answer

    @property
    def target(self) -> str:
        return re.search(r"<([^>]+)>", self.answer.get("contact")).group(1)

    async def say_in_dialog(self, method: str, kind: str, body: str) -> Message:
        return await self.device.request(
            method, self.target, [("Content-Type", kind)] if body else [], body, to=self.answer.get("to"), call=self.call)

    async def connect(self) -> None:
        host, port = re.match(r"msrps?://([^:/]+):(\d+)/", self.theirs).groups()
        self.reader, self.writer = await asyncio.open_connection(host, int(port))

    async def say(self, text: str, kind: str = "text/plain", chunk: int = 2048, headers: list[str] = ()) -> int:
        """The status of the last chunk."""
        body, status = text.encode(), 0
        message = f"m{next(_numbers)}"
        for start in range(0, len(body), chunk):
            part = body[start:start + chunk]
            name = f"tr{next(_numbers):06}"
            flag = "$" if start + chunk >= len(body) else "+"
            lines = [f"MSRP {name} SEND", f"To-Path: {self.theirs}", f"From-Path: {self.path}", f"Message-ID: {message}",
                     *headers, f"Byte-Range: {start + 1}-{start + len(part)}/{len(body)}", f"Content-Type: {kind}", "", ""]
            self.writer.write("\r\n".join(lines).encode() + part + f"\r\n-------{name}{flag}\r\n".encode())
            status = int((await self.frame()).split()[2])
        return status

    async def frame(self) -> str:
        """The next frame, whole."""
        first = await asyncio.wait_for(self.reader.readline(), WAIT)
        if not first:
            raise Expectation("the MSRP connection has ended")
        name = first.decode().split()[1]
        text = first
        while not re.search(rf"-------{re.escape(name)}[$+#]\r\n\Z".encode(), text):
            text += await asyncio.wait_for(self.reader.readline(), WAIT)
        return text.decode()

    async def heard(self) -> str:
        """The body of the next message that comes; it is answered."""
        while True:
            frame = await self.frame()
            name = frame.split()[1]
            self.writer.write(f"MSRP {name} 200 OK\r\nTo-Path: {self.theirs}\r\nFrom-Path: {self.path}\r\n"
                              f"-------{name}$\r\n".encode())
            if "\r\n\r\n" in frame:
                return frame.partition("\r\n\r\n")[2].rpartition("\r\n-------")[0]

    async def leave(self) -> Message:
        return await self.say_in_dialog("BYE", "", "")


@claim("a SIP device opens a message session with an XMPP user; both write, long and short")
async def session(scene: Scene) -> None:
    client = await scene.online()
    for transport in ("udp", "tcp"):
        device = await phone(scene, transport=transport)
        chat = Session(device, client.bare)
        answer = await chat.invite()
        expect(answer.status == 200, answer.start)
        await chat.connect()
        expect(await chat.say(f"hello over {transport}") == 200, "a short message is not taken")
        arrived = await client.body(f"hello over {transport}")
        expect(arrived["thread"] == chat.call, f"thread {arrived['thread']!r}")
        client.send_message(arrived["from"], "and back & <so>", mtype="chat")
        expect(await chat.heard() == "and back & <so>", "the answer is another")
        long = " ".join(f"word{number}" for number in range(2000))
        expect(await chat.say(long) == 200, "a long message is not taken")
        await client.body(long)
        expect((await chat.leave()).status == 200, "BYE is refused")


@claim("a message session of the Microsoft kind: the first message in the INVITE, the others as MESSAGE in its dialog")
async def microsoft(scene: Scene) -> None:
    client = await scene.online()
    device = await phone(scene, transport="tcp")
    chat = Session(device, client.bare)
    first = base64.b64encode("the first of all".encode()).decode()
    answer = await chat.invite(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 5060 sip null\r\n"
        "a=accept-types:text/plain text/html\r\n",
        [("Ms-Text-Format", f"text/plain; charset=UTF-8;msgr=WAA=;ms-body={first}")])
    expect(answer.status == 200, answer.start)
    expect("sip null" in answer.text, answer.text)
    await client.body("the first of all")
    said = await chat.say_in_dialog("MESSAGE", "text/plain", "the second")
    expect(said.status == 200, said.start)
    arrived = await client.body("the second")
    client.send_message(arrived["from"], "the third", mtype="chat")
    back = await device.body("the third")
    expect(back.get("call-id") == chat.call, "the answer is in no dialog")
    expect((await chat.leave()).status == 200, "BYE is refused")


@claim("message sessions are refused with media that nobody takes, and to nobody")
async def refused(scene: Scene) -> None:
    client = await scene.online()
    device = await phone(scene, transport="tcp")
    offer = Session(device, client.bare).offer()
    answer = await Session(device, client.bare).invite(offer.replace("text/plain application", "image/png application"))
    expect(answer.status == 488, answer.start)
    expect("304" in answer.get("warning"), answer.get("warning"))
    answer = await Session(device, f"nobody-at-all@{device.domain}").invite()
    expect(answer.status == 404, answer.start)


def fingerprint(der: bytes) -> str:
    digest = hashlib.sha256(der).hexdigest().upper()
    return "SHA-256 " + ":".join(digest[place:place + 2] for place in range(0, len(digest), 2))


async def called(scene: Scene, device: SIPClient) -> tuple[Session, Message]:
    """The INVITE that a device gets which takes message sessions."""
    invite = await device.wait("INVITE")
    chat = Session(device, "")
    chat.call = invite.get("call-id")
    chat.theirs = re.search(r"a=path:(\S+)", invite.text).group(1)
    return chat, invite


async def answer(chat: Session, invite: Message, setup: str, mark: str) -> None:
    body = chat.offer().replace("TCP/MSRP", "TCP/TLS/MSRP").replace("a=setup:actpass", f"a=setup:{setup}")
    chat.device.send_raw(chat.device.answer_bytes(
        invite, 200, headers=[("Contact", chat.device.contact), ("Content-Type", "application/sdp")],
        body=body + f"a=fingerprint:{mark}\r\n"))
    await chat.device.wait("ACK")


@claim("a message session that the server opens to a device on TLS is over TLS, with the certificate that the device names")
async def secured(scene: Scene) -> None:
    certificate, key = make_certificate(scene.host, "device.example", "device")
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    for right in (True, False):
        client = await scene.online()
        device = await phone(scene, transport="tls", registers=False)
        await device.request(
            "REGISTER", f"sip:{device.domain}", [("Contact", device.contact + ";message"), ("Expires", "600")],
            to=f"<{device.uri}>", call=device.call)
        came: asyncio.Queue = asyncio.Queue()
        listener = await asyncio.start_server(lambda *pair: came.put_nowait(pair), "127.0.0.1", 0, ssl=context)
        client.send_message(device.bare, "under the seal", mtype="chat")
        chat, invite = await called(scene, device)
        expect("TCP/TLS/MSRP" in invite.text and chat.theirs.startswith("msrps://"), invite.text)
        chat.path = f"msrps://127.0.0.1:{listener.sockets[0].getsockname()[1]}/sealed{right};tcp"
        await answer(chat, invite, "passive", fingerprint(der if right else der + b"x"))
        if right:
            chat.reader, chat.writer = await asyncio.wait_for(came.get(), WAIT)
            expect(await chat.heard() == "under the seal", "another text")
            expect(await chat.say("and back", headers=["Success-Report: yes"]) == 200, "the answer is not taken")
            arrived = await client.body("and back")
            client.send_raw(f"<message to='{arrived['from']}' type='chat' id='r1'><received xmlns='urn:xmpp:receipts' "
                            f"id='{arrived['id']}'/></message>")
            report = await chat.frame()
            expect(" REPORT\r\n" in report and "Status: 000 200" in report and "Byte-Range: 1-8/8" in report, report)
        else:
            # Somebody else's certificate: no session, and the message comes all the same.
            await device.body("under the seal")
        listener.close()


@claim("a device on TLS connects to the server for a session, and finds the certificate that the offer has named")
async def secured_active(scene: Scene) -> None:
    client = await scene.online()
    device = await phone(scene, transport="tls", registers=False)
    await device.request(
        "REGISTER", f"sip:{device.domain}", [("Contact", device.contact + ";message"), ("Expires", "600")],
        to=f"<{device.uri}>", call=device.call)
    client.send_message(device.bare, "come and get it", mtype="chat")
    chat, invite = await called(scene, device)
    chat.path = "msrps://127.0.0.1:9/active1;tcp"
    await answer(chat, invite, "active", fingerprint(b"none"))
    named = re.search(r"a=fingerprint:(.+?)\r\n", invite.text).group(1)
    host, port = re.match(r"msrps://([^:/]+):(\d+)/", chat.theirs).groups()
    empty = (f"MSRP open0001 SEND\r\nTo-Path: {chat.theirs}\r\nFrom-Path: {chat.path}\r\nMessage-ID: o1\r\n"
             "Byte-Range: 1-0/0\r\n-------open0001$\r\n").encode()
    # Without TLS nobody gets in who knows the path.
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(empty)
    refusal = await asyncio.wait_for(reader.read(), WAIT)
    expect(b" 481 " in refusal, f"{refusal}")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    chat.reader, chat.writer = await asyncio.open_connection(host, int(port), ssl=context)
    shown = chat.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    expect(fingerprint(shown) == named, f"{fingerprint(shown)} is not {named}")
    chat.writer.write(empty)
    expect(await chat.heard() == "come and get it", "another text")
