"""The console in a headless Chromium, and administrators made over the Unix socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import importlib.util
import json
import re
import socket
from pathlib import Path

from .chat_pages import ARTEFACTS, ChatPage, Chromium
from .client import WAIT, Expectation, expect

DESKTOP, PHONE = (1440, 900), (390, 844)
PASSWORD = "correct horse battery staple"
# Rules of WCAG 2.1 A and AA, and what axe calls best practice about landmarks and headings.
_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def console_port(server) -> int:
    return 8443 + server.offset


def setup_code(server) -> str:
    """What the server printed when it started."""
    found = re.findall(r"setup code\s+(\S+)", server.log.read_text())
    expect(bool(found), "the server did not print a setup code")
    return found[-1]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=WAIT)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT)
        self.sock.connect(str(self.path))


def api(server, method: str, path: str, body: object | None = None) -> tuple[int, object]:
    """One request to the API over the Unix socket, where the caller is a superuser."""
    link = _UnixConnection(server.directory / "admin.sock")
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        link.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, headers)
        answer = link.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else None
    finally:
        link.close()


def administrator(server, role: str = "superuser") -> str:
    """The name of an administrator of this role, made when there is none yet."""
    name = f"the-{role}"
    if api(server, "GET", f"/administrators/{name}")[0] != 200:
        status, answer = api(server, "POST", "/administrators", {"name": name, "password": PASSWORD, "role": role})
        expect(status == 201, f"no administrator: {status} {answer}")
    return name


class ConsolePage(ChatPage):
    """One page of the console."""

    server: object

    async def open(self, path: str) -> "ConsolePage":
        """Shows a page; `path` is below the root of the server."""
        await self.call("Page.navigate", url=f"https://localhost:{console_port(self.server)}{path}")
        await self.arrived(path.split("#")[0])
        return self

    async def arrived(self, path: str) -> None:
        """Until the page with this beginning of its address is there."""
        wanted = json.dumps(path)
        await self.wait("document.readyState === 'complete' && (location.pathname + location.search)"
                        f".startsWith({wanted}) && !!document.querySelector('main')", f"address {path}")

    async def submit(self, selector: str) -> None:
        """Clicks, and waits for the page that follows."""
        await self.shows(selector)
        await self.run(f"window.old = true, document.querySelector({json.dumps(selector)}).click()")
        await self.wait("document.readyState === 'complete' && !window.old && !!document.querySelector('main')",
                        f"page after {selector}")

    async def sign_in(self, role: str = "superuser", path: str = "/console/", name: str = "") -> "ConsolePage":
        """As an administrator of this name, or else as the one of this role."""
        name = name or await asyncio.to_thread(administrator, self.server, role)
        await self.open("/console/sign-in")
        await self.type("#name", name)
        await self.type("#password", PASSWORD)
        await self.submit("button.primary")
        await self.arrived("/console/")
        if path != "/console/":
            await self.open(path)
        return self

    async def menu(self, number: int) -> None:
        """Opens a menu of the bar: 1 for language and appearance, 2 for the account."""
        await self.run(f"document.querySelectorAll('details.menu > summary')[{number - 1}].click()")

    async def picture(self, name: str) -> Path:
        """A screenshot among the artefacts of the build."""
        await self.settled()
        data = await self.call("Page.captureScreenshot", format="png")
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTEFACTS / f"console-{name}.png"
        path.write_bytes(base64.b64decode(data["data"]))
        return path

    async def accessible(self, what: str) -> None:
        """No breach that axe finds; it computes contrast from the styles in force."""
        await self.settled()
        await self.run(axe() + "; 0")
        breaches = await self.run(f"axe.run(document, {json.dumps(_AXE)}).then(found => found.violations.map(one => "
                                  "`${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 160) + ' ' + "
                                  "(node.any[0]?.message ?? '')).join(' | ')}`))")
        expect(not breaches, f"{what}: " + "\n".join(breaches))

    async def narrow(self, what: str) -> None:
        """Nothing sticks out to the right."""
        width = await self.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if width > 0:
            culprits = await self.run("[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right"
                                      " > innerWidth + 1).slice(0, 4).map(e => e.outerHTML.slice(0, 120))")
            raise Expectation(f"{what} is {width} px too wide: {culprits}")

    async def resize(self, size: tuple[int, int]) -> None:
        await self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1,
                        mobile=size == PHONE)

    async def dark(self, dark: bool) -> None:
        """Light or dark, and without animations, which would never end."""
        await self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    async def focused(self) -> str:
        return await self.run("(e => e.id || e.getAttribute('href') || e.name || e.tagName)(document.activeElement)")


def axe() -> str:
    """The text of axe-core, as the package axe-core-python brings it."""
    found = importlib.util.find_spec("axe_core_python")
    expect(found is not None, "axe-core-python is not installed (Tests/requirements.txt)")
    scripts = list(Path(found.origin).parent.rglob("axe*.js"))
    expect(bool(scripts), "axe-core-python has no axe.min.js")
    return scripts[0].read_text()


@contextlib.asynccontextmanager
async def console(server):
    """A browser; what its pages complain of fails the test."""
    browser = await ConsoleBrowser(server).start()
    try:
        yield browser
        for page in browser.pages.values():
            page.is_clean()
    finally:
        await browser.stop()


class ConsoleBrowser(Chromium):
    """Chromium with pages of the console of one server."""

    def __init__(self, server) -> None:
        self.server = server

    async def visit(self, language: str = "en-GB", size: tuple[int, int] = DESKTOP, dark: bool = False) -> ConsolePage:
        """A page with cookies of its own."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = (await self.call("Target.createTarget", url="about:blank", browserContextId=context,
                                  width=size[0], height=size[1]))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = ConsolePage(self, session, target, context)
        page.server = self.server
        self.pages[session] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        agent = await page.run("navigator.userAgent")
        await page.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        await page.resize(size)
        await page.dark(dark)
        return page
