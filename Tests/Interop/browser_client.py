"""Headless Chromium with one page, driven through its debugging protocol, and the HTTP server that the page is from."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
import urllib.request
from pathlib import Path

from .client import WAIT, Expectation, expect
from .web_client import CLOSE, PING, PONG, TEXT, WebSocket

STROPHE = Path("/usr/share/javascript/strophe")
PAGE = Path(__file__).parent / "page"


class PageServer:
    """Serves the page and Strophe.js on an origin of its own."""

    async def start(self) -> "PageServer":
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()
            name = line.split()[1].split("?")[0].lstrip("/") or "chat.html"
            file = next((folder / name for folder in (PAGE, STROPHE)
                         if "/" not in name and (folder / name).is_file()), None)
            data = file.read_bytes() if file else b""
            kind = "text/html" if name.endswith(".html") else "text/javascript"
            writer.write(f"HTTP/1.1 {200 if file else 404} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n"
                         "Connection: close\r\n\r\n".encode() + data)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def stop(self) -> None:
        self.server.close()


class Browser:
    """One Chromium with one page."""

    async def start(self, url: str) -> "Browser":
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        expect(program is not None, "chromium is not installed (Tests/apt-packages.txt)")
        expect(STROPHE.is_dir(), "libjs-strophe is not installed (Tests/apt-packages.txt)")
        self.folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        self.numbers = itertools.count(1)
        self.process = await asyncio.create_subprocess_exec(
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={self.folder}", url,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        try:
            await asyncio.wait_for(self._attach(url), 45)
        except asyncio.TimeoutError:
            raise Expectation("chromium does not show the page within 45 s") from None
        return self

    async def _attach(self, url: str) -> None:
        ports = self.folder / "DevToolsActivePort"
        while not (ports.exists() and ports.read_text().strip()):
            expect(self.process.returncode is None, f"chromium ended with {self.process.returncode}")
            await asyncio.sleep(0.05)
        port = int(ports.read_text().split()[0])
        target = None
        while target is None:
            def pages():
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                    return json.load(answer)

            target = next((page for page in await asyncio.to_thread(pages) if page["url"].startswith(url)), None)
            await asyncio.sleep(0.05)
        path = target["webSocketDebuggerUrl"].split("/", 3)[3]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        self.socket = WebSocket(reader, writer)
        while await self.run("typeof window.begin") != "function":
            await asyncio.sleep(0.05)

    async def run(self, script: str):
        """The value of an expression in the page; promises are awaited."""
        number = next(self.numbers)
        self.socket.frame(TEXT, json.dumps({"id": number, "method": "Runtime.evaluate", "params": {
            "expression": script, "awaitPromise": True, "returnByValue": True}}).encode())
        while True:
            opcode, data = await asyncio.wait_for(self.socket.read(), WAIT)
            expect(opcode not in (0, CLOSE), "chromium closed the debugging connection")
            if opcode == PING:
                self.socket.frame(PONG, data)
                continue
            answer = json.loads(data)
            if answer.get("id") != number:
                continue
            result = answer.get("result", {})
            expect("exceptionDetails" not in result and "error" not in answer, f"{script}: {data.decode()[:500]}")
            return result["result"].get("value")

    async def wait(self, script: str, what: str):
        """Until the expression is true."""
        limit = asyncio.get_running_loop().time() + WAIT
        while True:
            value = await self.run(script)
            if value:
                return value
            if asyncio.get_running_loop().time() > limit:
                raise Expectation(f"the page has no {what}; its log: {await self.run('window.told.slice(-8).join()')}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
