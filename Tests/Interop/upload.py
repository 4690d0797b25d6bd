"""Files over HTTP (XEP-0363): slixmpp's plugin, then requests that it would not send."""

from __future__ import annotations

import asyncio
import io
import os
import ssl
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from slixmpp.exceptions import IqError

from support.servers import DOMAIN, RoostServer

from .administration import verb
from .claims import claim
from .client import Client, Scene, expect
from .web_client import HTTP, https_port

SERVICE = f"upload.{DOMAIN}"
UPLOAD = "{urn:xmpp:http:upload:0}"
# As the suite sets them.
MAX_BYTES, DAILY_BYTES, SLOT_SECONDS = 8_000_000, 12_000_000, 3


async def uploader(scene: Scene, user: str | None = None) -> Client:
    # slixmpp's plugin uploads with aiohttp, which has a TLS context of its own.
    import aiohttp.connector

    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(cafile=str(scene.host.certificate()))
    client = scene.client(user or scene.user())
    client.register_plugin("xep_0363")
    return await client.log_in()


async def slot(client: Client, name: str, size: int, kind: str = "application/octet-stream") -> tuple[str, str]:
    """Paths to write and to read."""
    answer = await client["xep_0363"].request_slot(SERVICE, name, size, kind, timeout=15)
    urls = answer["http_upload_slot"]["put"]["url"], answer["http_upload_slot"]["get"]["url"]
    expect(all(url.startswith(f"https://{DOMAIN}:{https_port(client.host)}/upload/") for url in urls), f"{urls}")
    return urlsplit(urls[0]).path, urlsplit(urls[1]).path


async def put(server, path: str, data: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    link = await HTTP(server).connect()
    link.send("PUT", path, **{"Content_Length": str(len(data)), **headers})
    link.writer.write(data)
    answer = await link.answer()
    link.cut()
    return answer


async def get(server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    link = await HTTP(server).connect()
    link.send(method, path, **headers)
    answer = await link.answer(head_only=method == "HEAD")
    link.cut()
    return answer


async def stored(client: Client, name: str, data: bytes, kind: str = "application/octet-stream") -> str:
    """Uploads by hand; returns the path to read."""
    written, read = await slot(client, name, len(data), kind)
    status, _, _ = await put(client.host, written, data, Content_Type=kind)
    expect(status == 201, f"PUT of {name}: {status}")
    return read


def folder(server) -> Path:
    return server.directory / "files"


def on_disk(server, path: str) -> Path:
    name = path.split("/")[2]
    return folder(server) / name[:2] / name


async def until(check, what: str, seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while not check():
        expect(time.monotonic() < limit, what)
        await asyncio.sleep(0.02)


async def listening(server, seconds: float = 15) -> None:
    """The port of HTTPS opens a moment after the one of streams."""
    limit = time.monotonic() + seconds
    while True:
        try:
            (await HTTP(server).connect()).cut()
            return
        except OSError:
            expect(time.monotonic() < limit, "HTTPS is not served")
            await asyncio.sleep(0.02)


@claim("upload: slixmpp finds the service, uploads over TLS, and a friend reads the same bytes by the address")
async def plugin(scene: Scene) -> None:
    sender, reader = await uploader(scene), await scene.online()
    data = os.urandom(3_000_000)
    url = await sender["xep_0363"].upload_file("Romeo & Juliet №1.jpg", size=len(data), content_type="image/jpeg",
                                               input_file=io.BytesIO(data), timeout=20)
    expect(unquote(url).endswith("/Romeo & Juliet №1.jpg"), url)
    sender.send_message(mto=reader.bare, mbody=url, mtype="chat")
    got = await reader.body(url)
    status, headers, body = await get(scene.host, urlsplit(got["body"]).path)
    expect(status == 200 and body == data, f"{status}, {len(body)} bytes")
    expect(headers["content-type"] == "image/jpeg", f"{headers}")
    expect(headers["content-disposition"].startswith("inline; "), f"{headers}")
    expect(headers["content-security-policy"].startswith("default-src 'none'; sandbox"), f"{headers}")
    expect(headers["x-content-type-options"] == "nosniff", f"{headers}")
    expect("immutable" in headers["cache-control"] and headers["etag"], f"{headers}")
    place = on_disk(scene.host, urlsplit(url).path)
    expect(place.stat().st_mode & 0o077 == 0, f"mode {place.stat().st_mode:o}")
    expect(folder(scene.host).stat().st_mode & 0o007 == 0, "others may look into the folder")


@claim("upload: a file that is too large is refused with the limit, before and while it is sent")
async def too_large(scene: Scene) -> None:
    client = await uploader(scene)
    try:
        await client["xep_0363"].request_slot(SERVICE, "big", MAX_BYTES + 1, timeout=15)
        expect(False, "a slot was given")
    except IqError as error:
        answer = error.iq
        limit = answer.xml.findtext(f".//{UPLOAD}max-file-size")
        expect(answer["error"]["condition"] == "not-acceptable" and limit == str(MAX_BYTES), f"{answer}")
    written, _ = await slot(client, "small", 10)
    for size, wanted in ((11, 413), (MAX_BYTES * 2, 413), (9, 400)):
        status, _, _ = await put(scene.host, written, b"x" * 9, Content_Length=str(size))
        expect(status == wanted, f"{size} bytes into a slot of 10: {status}")
    status, _, _ = await put(scene.host, written, b"x" * 10)
    expect(status == 201, f"what fits: {status}")


@claim("upload: the daily quota counts what was uploaded, and tells when there is room again")
async def quota(scene: Scene) -> None:
    client = await uploader(scene)
    await stored(client, "first", b"a" * 7_000_000)
    try:
        await slot(client, "second", DAILY_BYTES - 6_000_000)
        expect(False, "a slot was given")
    except IqError as error:
        expect(error.iq["error"]["condition"] == "resource-constraint", f"{error.iq}")
        retry = error.iq.xml.find(f".//{UPLOAD}retry")
        expect(retry is not None, f"{error.iq}")
        stamp = retry.get("stamp")
        tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
        expect(stamp.startswith(tomorrow) and stamp.endswith("Z"), f"{stamp} is not {tomorrow}")
    await stored(client, "third", b"a" * 4_000_000)


@claim("upload: a slot takes one file; a second one, one that comes too late, and one without a slot are refused")
async def once(scene: Scene) -> None:
    client = await uploader(scene)
    late, _ = await slot(client, "late", 4)
    written, read = await slot(client, "once.txt", 4, "text/plain")
    expect((await put(scene.host, written.replace("once", "else"), b"evil"))[0] == 404, "another name")
    expect((await put(scene.host, written, b"good"))[0] == 201, "the first file")
    expect((await put(scene.host, written, b"evil"))[0] == 409, "the second file")
    status, headers, body = await get(scene.host, read)
    expect((status, body) == (200, b"good"), f"{status} {body!r}")
    expect(headers["content-type"] == "text/plain; charset=utf-8", f"{headers}")
    expect((await get(scene.host, written))[0] == 404, "reading with the secret address")
    expect((await put(scene.host, read, b"evil"))[0] == 404, "writing to the address that is read")
    expect((await put(scene.host, "/upload/" + "0" * 48 + "/x", b"evil"))[0] == 404, "a guessed slot")
    await asyncio.sleep(SLOT_SECONDS + 0.5)
    status, _, _ = await put(scene.host, late, b"late")
    expect(status == 410, f"a slot that is too old: {status}")


@claim("upload: headers that do not fit are told by their status, and the slot stays open")
async def headers_of_uploads(scene: Scene) -> None:
    client = await uploader(scene)
    written, read = await slot(client, "page.html", 6, "text/html")
    server = scene.host
    expect((await put(server, written, b"<html>", Content_Type="image/png"))[0] == 415, "another type")
    expect((await put(server, written, b"<html>", Content_Encoding="gzip"))[0] == 400, "an encoding")
    link = await HTTP(server).connect()
    link.send("PUT", written, Transfer_Encoding="chunked")
    expect((await link.answer())[0] == 411, "chunks")
    for method, wanted in (("POST", 405), ("DELETE", 405)):
        status, headers, _ = await get(server, read, method)
        expect(status == wanted and "PUT" in headers.get("allow", ""), f"{method}: {status} {headers}")
    # One that waits for our word.
    link = await HTTP(server).connect()
    link.send("PUT", written, Content_Length="6", Content_Type="text/html; charset=utf-8", Expect="100-continue")
    expect((await link.answer())[0] == 100, "100 Continue")
    link.writer.write(b"<html>")
    expect((await link.answer())[0] == 201, "the file")
    link.send("GET", read)
    status, headers, body = await link.answer()
    expect((status, body) == (200, b"<html>"), f"{status} {body!r}")
    expect(headers["content-type"] == "application/octet-stream", f"HTML as {headers['content-type']}")
    expect(headers["content-disposition"].startswith("attachment; "), f"{headers}")
    link.cut()


@claim("upload: a body that breaks off or stalls leaves nothing, and may be sent again")
async def truncated(scene: Scene) -> None:
    client = await uploader(scene)
    written, read = await slot(client, "half", 1_000_000)
    unfinished = folder(scene.host) / "incoming"
    link = await HTTP(scene.host).connect()
    link.send("PUT", written, Content_Length="1000000")
    link.writer.write(b"x" * 500_000)
    await until(lambda: any(unfinished.iterdir()), "nothing arrives")
    expect((await put(scene.host, written, b"y" * 1_000_000))[0] == 409, "a second one at the same time")
    link.cut()
    await until(lambda: not any(unfinished.iterdir()), "the half file stays")
    expect((await get(scene.host, read))[0] == 404, "half a file is read")
    data = os.urandom(1_000_000)
    status, _, _ = await put(scene.host, written, data)
    expect(status == 201, f"again: {status}")
    expect((await get(scene.host, read))[2] == data, "another file")
    # Silence: web.request_seconds is 3 here.
    written, _ = await slot(client, "stalls", 1_000)
    link = await HTTP(scene.host).connect()
    link.send("PUT", written, Content_Length="1000")
    link.writer.write(b"x")
    status, _, _ = await link.answer()
    expect(status == 408, f"a stalled upload: {status}")
    await until(lambda: not any(unfinished.iterdir()), "the stalled file stays")


@claim("upload: parts, heads and conditions as RFC 9110 has them, on one connection")
async def ranges(scene: Scene) -> None:
    client = await uploader(scene)
    data = os.urandom(700_000)
    read = await stored(client, "film.mp4", data, "video/mp4")
    link = await HTTP(scene.host).connect()

    async def ask(method: str = "GET", **headers: str):
        link.send(method, read, **headers)
        return await link.answer(head_only=method == "HEAD")

    status, headers, body = await ask(Range="bytes=1000-400999")
    expect(status == 206 and body == data[1000:401_000], f"{status}, {len(body)} bytes")
    expect(headers["content-range"] == "bytes 1000-400999/700000", f"{headers}")
    status, _, body = await ask(Range="bytes=-10")
    expect((status, body) == (206, data[-10:]), f"{status}")
    status, headers, _ = await ask(Range="bytes=700000-")
    expect(status == 416 and headers["content-range"] == "bytes */700000", f"{status} {headers}")
    status, headers, _ = await ask("HEAD")
    expect(status == 200 and headers["content-length"] == "700000", f"{status} {headers}")
    expect(headers["accept-ranges"] == "bytes", f"{headers}")
    status, headers, _ = await ask("HEAD", Range="bytes=0-9")
    expect(status == 200 and headers["content-length"] == "700000", f"{status} {headers}")
    tag = headers["etag"]
    expect((await ask(If_None_Match=tag))[0] == 304, "unchanged")
    status, _, body = await ask(If_None_Match='"other"', Range="bytes=0-0", If_Range='"other"')
    expect((status, body) == (200, data), f"{status}")
    # Several at once: answers come in order.
    for first in range(4):
        link.send("GET", read, Range=f"bytes={first}-{first + 299_999}")
    for first in range(4):
        status, _, body = await link.answer()
        expect((status, body) == (206, data[first:first + 300_000]), f"{first}: {status}")
    link.cut()


@claim("upload: pages of any origin may use it, with a preflight")
async def origins(scene: Scene) -> None:
    client = await uploader(scene)
    written, read = await slot(client, "a.png", 4, "image/png")
    status, headers, _ = await get(scene.host, written, "OPTIONS", Origin="https://chat.example",
                                   Access_Control_Request_Method="PUT")
    expect(status == 204 and "PUT" in headers["access-control-allow-methods"], f"{status} {headers}")
    for answer in (await put(scene.host, written, b"abcd", Origin="https://chat.example"),
                   await get(scene.host, read, Origin="https://chat.example")):
        expect(answer[1].get("access-control-allow-origin") == "*", f"{answer[:2]}")


@claim("upload: paths that lead elsewhere lead nowhere")
async def traversal(scene: Scene) -> None:
    client = await uploader(scene)
    read = await stored(client, "x", b"data")
    for path in ("/upload", "/upload/", "/upload/../roost.yaml", "/upload/..%2f..%2froost.yaml/x",
                 "/upload/../../roost.yaml/x", "/upload/incoming/x", read + "/..", read + "%00", read[:-1],
                 read.replace("/upload/", "/upload//"), "/upload/%2e%2e/roost.yaml"):
        status, _, body = await get(scene.host, path)
        expect(status == 404, f"{path}: {status} {body[:80]!r}")
    expect((await get(scene.host, read))[0] == 200, "the file itself")


@claim("upload: when the disk refuses, the answer is 500 and nothing is left")
async def broken_disk(scene: Scene) -> None:
    client = await uploader(scene)
    written, read = await slot(client, "x", 4)
    incoming = folder(scene.host) / "incoming"
    incoming.rmdir()
    incoming.write_text("in the way")
    try:
        status, _, _ = await put(scene.host, written, b"data")
        expect(status == 500, f"{status}")
        expect((await get(scene.host, read))[0] == 404, "there is a file")
    finally:
        incoming.unlink()
        incoming.mkdir(mode=0o700)
    expect((await put(scene.host, written, b"data"))[0] == 201, "the disk is back")
    # A file that vanished.
    on_disk(scene.host, read).unlink()
    expect((await get(scene.host, read))[0] == 404, "a file that is not there")


@claim("upload: files survive kill -9, and go with their user")
async def end(scene: Scene) -> None:
    user = scene.user()
    client = await uploader(scene, user)
    read = await stored(client, "kept.txt", b"kept", "text/plain")
    await client.log_out()
    scene.host.kill_now()
    (folder(scene.host) / "incoming" / "halffinished").write_text("of an earlier life")
    await scene.host.start()
    await listening(scene.host)
    status, _, body = await get(scene.host, read)
    expect((status, body) == (200, b"kept"), f"{status} {body!r}")
    expect(not any((folder(scene.host) / "incoming").iterdir()), "what was unfinished stays")
    place = on_disk(scene.host, read)
    expect(place.exists(), "another place")
    expect(isinstance(scene.host, RoostServer), "roost only")
    await verb(scene, "user", "remove", f"{user}@{DOMAIN}")
    expect((await get(scene.host, read))[0] == 404, "the file of a removed account")
    await until(lambda: not place.exists(), "the file stays on the disk")


@claim("upload: a download that nobody reads does not fill the memory, and does not hold up others")
async def slow_reader(scene: Scene) -> None:
    client = await uploader(scene)
    data = os.urandom(7_900_000)
    read = await stored(client, "large", data)
    links = []
    for _ in range(30):
        link = HTTP(scene.host)
        context = ssl.create_default_context(cafile=str(scene.host.certificate()))
        link.reader, link.writer = await asyncio.open_connection(
            "127.0.0.1", https_port(scene.host), ssl=context, server_hostname=DOMAIN, limit=1024)
        link.writer.transport.pause_reading()
        link.send("GET", read)
        links.append(link)
    before = resident(scene.host)
    status, _, body = await get(scene.host, read)
    expect(status == 200 and body == data, f"{status}, {len(body)} bytes")
    await client.barrier()
    grown = resident(scene.host) - before
    expect(grown < 100_000_000, f"{grown} bytes for 30 readers who do not read")
    for link in links:
        link.cut()


def resident(server) -> int:
    """Bytes of physical memory of the server."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
