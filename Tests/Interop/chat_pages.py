"""Pages of the web chat in one headless Chromium: each in a context of its own, as if on another computer."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
import tempfile
import urllib.request
from pathlib import Path

from support.servers import DOMAIN, PASSWORD, PROJECT

from .client import WAIT, Expectation, expect
from .web_client import CLOSE, PING, PONG, TEXT, WebSocket, http_port

ARTEFACTS = PROJECT / ".build" / "artefacts"
DESKTOP, PHONE = (1180, 760), (390, 780)


class Chromium:
    """The browser, spoken to through its debugging protocol with one connection for all pages."""

    async def start(self) -> "Chromium":
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        expect(program is not None, "chromium is not installed (Tests/apt-packages.txt)")
        self.folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        self.numbers = itertools.count(1)
        self.waiting: dict[int, asyncio.Future] = {}
        self.pages: dict[str, "ChatPage"] = {}
        self.reading: asyncio.Task | None = None
        self.process = await asyncio.create_subprocess_exec(
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--ignore-certificate-errors", "--remote-debugging-port=0", "--font-render-hinting=none",
            f"--user-data-dir={self.folder}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        try:
            await asyncio.wait_for(self._attach(), 45)
        except asyncio.TimeoutError:
            raise Expectation("chromium does not answer within 45 s") from None
        return self

    async def _attach(self) -> None:
        ports = self.folder / "DevToolsActivePort"
        while not (ports.exists() and ports.read_text().strip()):
            expect(self.process.returncode is None, f"chromium ended with {self.process.returncode}")
            await asyncio.sleep(0.05)
        port = int(ports.read_text().split()[0])

        def version():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version", timeout=10) as answer:
                return json.load(answer)

        path = (await asyncio.to_thread(version))["webSocketDebuggerUrl"].split("/", 3)[3]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        self.socket = WebSocket(reader, writer)
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            opcode, data = await self.socket.read()
            if opcode in (0, CLOSE):
                return
            if opcode == PING:
                self.socket.frame(PONG, data)
                continue
            answer = json.loads(data)
            future = self.waiting.pop(answer.get("id"), None)
            if future is not None and not future.done():
                future.set_result(answer)
            elif "method" in answer and answer.get("sessionId") in self.pages:
                self.pages[answer["sessionId"]].told(answer["method"], answer["params"])

    async def call(self, method: str, session: str | None = None, **params):
        number = next(self.numbers)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        self.socket.frame(TEXT, json.dumps(request).encode())
        answer = await asyncio.wait_for(self.waiting[number], WAIT)
        expect("error" not in answer, f"{method}: {answer.get('error')}")
        return answer["result"]

    async def page(self, server, language: str = "en-GB", size: tuple[int, int] = DESKTOP, dark: bool = False,
                   path: str = "/chat/", host: str = "localhost", before: str = "", secure: bool = False) -> "ChatPage":
        """A page with cookies and memory of its own. `before` is run in it before its own scripts."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = (await self.call("Target.createTarget", url="about:blank", browserContextId=context,
                                  width=size[0], height=size[1]))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = ChatPage(self, session, target, context)
        self.pages[session] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await page.call("Emulation.setLocaleOverride", locale=language)
        await page.call("Emulation.setUserAgentOverride", userAgent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
                        "(KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36", acceptLanguage=language)
        await page.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1,
                        mobile=size == PHONE)
        await page.dark(dark)
        if before:
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        page.url = f"http://{host}:{http_port(server)}{path}"
        await page.call("Page.navigate", url=page.url)
        return page

    async def stop(self) -> None:
        if self.reading is not None:
            self.reading.cancel()
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class ChatPage:
    """One page of the web chat. What a person does is done with keys and clicks where that matters."""

    def __init__(self, browser: Chromium, session: str, target: str, context: str) -> None:
        self.browser, self.session, self.target, self.context = browser, session, target, context
        # What went wrong in the page: exceptions, errors of the console, breaches of the content security policy.
        self.problems: list[str] = []
        self.addresses: list[str] = []

    def told(self, method: str, params: dict) -> None:
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.problems.append(" ".join(str(one.get("value", one.get("description"))) for one in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["source"] in ("security", "violation"):
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.addresses.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.addresses.append(params["url"])

    async def call(self, method: str, **params):
        return await self.browser.call(method, self.session, **params)

    async def run(self, script: str):
        """The value of an expression; promises are awaited."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
                                 userGesture=True)
        expect("exceptionDetails" not in answer, f"{script}: {json.dumps(answer)[:500]}")
        return answer["result"].get("value")

    async def wait(self, script: str, what: str, seconds: float = WAIT):
        """Until the expression is true."""
        limit = asyncio.get_running_loop().time() + seconds
        while True:
            value = await self.run(script)
            if value:
                return value
            if asyncio.get_running_loop().time() > limit:
                text = await self.run("document.body.innerText")
                raise Expectation(f"the page has no {what}; problems: {self.problems[-3:]}; it shows: {text[:900]!r}")
            await asyncio.sleep(0.04)

    async def shows(self, selector: str, text: str | None = None, seconds: float = WAIT):
        """Until an element is visible, with this text in it."""
        chosen, wanted = json.dumps(selector), json.dumps(text or "")
        await self.wait(f"[...document.querySelectorAll({chosen})].some(e => e.checkVisibility() && "
                        f"e.textContent.includes({wanted}))", f"{selector} with {text!r}", seconds)

    async def gone(self, selector: str) -> None:
        chosen = json.dumps(selector)
        await self.wait(f"![...document.querySelectorAll({chosen})].some(e => e.checkVisibility())", f"end of {selector}")

    async def click(self, selector: str) -> None:
        await self.shows(selector)
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def type(self, selector: str, text: str) -> None:
        """Writes into a field as an input method would."""
        await self.shows(selector)
        await self.run(f"(f => {{ f.focus(); f.select?.(); }})(document.querySelector({json.dumps(selector)}))")
        await self.call("Input.insertText", text=text)

    async def key(self, key: str, code: int, text: str = "", modifiers: int = 0) -> None:
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def enter(self) -> None:
        await self.key("Enter", 13, "\r")

    async def tab(self) -> None:
        await self.key("Tab", 9)

    async def escape(self) -> None:
        await self.key("Escape", 27)

    async def sign_in(self, user: str, password: str = PASSWORD, remember: bool = False) -> "ChatPage":
        self.user = f"{user}@{DOMAIN}"
        await self.type("#user", user)
        await self.type("#password", password)
        if remember:
            await self.click("#remember")
        await self.enter()
        return self

    async def ready(self) -> "ChatPage":
        """Signed in, contacts and history loaded."""
        await self.shows("#chat")
        await self.wait("document.querySelector('#link').hidden && !document.querySelector('#me .dot-offline')", "connection")
        return self

    async def talk(self, jid: str) -> None:
        await self.click(f".person[data-jid='{jid}']")
        await self.shows("#message")

    async def say(self, text: str) -> None:
        await self.type("#message", text)
        await self.enter()

    async def bodies(self, kind: str = "") -> list[str]:
        return await self.run(f"[...document.querySelectorAll('.message{kind} .body')].map(e => e.textContent)")

    async def state(self, text: str, state: str) -> None:
        wanted = json.dumps(text)
        await self.wait(f"[...document.querySelectorAll('.mine')].some(e => e.querySelector('.body').textContent === {wanted}"
                        f" && e.dataset.state === {json.dumps(state)})", f"message {text!r} in the state {state}")

    async def dark(self, dark: bool) -> None:
        await self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    async def settled(self) -> None:
        """Until nothing moves any more."""
        await self.run("Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(() => 0)")

    async def reload(self) -> None:
        await self.call("Page.reload")

    async def picture(self, name: str) -> Path:
        """A screenshot among the artefacts of the build."""
        await self.settled()
        data = await self.call("Page.captureScreenshot", format="png")
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTEFACTS / f"web-chat-{name}.png"
        path.write_bytes(base64.b64decode(data["data"]))
        return path

    def is_clean(self) -> None:
        expect(not self.problems, f"the page of {getattr(self, 'user', 'nobody')} complains: {self.problems}")
