"""profanity, a client for people, driven through its screen."""

from __future__ import annotations

import re
import shutil
import tempfile
from typing import Callable

from support.servers import PASSWORD

from .claims import claim
from .client import Scene, expect
from .terminal import Terminal


_HEADING = re.compile(r"(Available for chat|Online|Away|Extended Away|Do not disturb|Offline|Rooms) \(\d+\)$")


def listed(group: str, contact: str) -> Callable[[str], bool]:
    """Whether the contact panel at the right shows `contact` under the heading `group`."""

    def holds(screen: str) -> bool:
        lines = screen.splitlines()
        column = max(line.find("Available for chat (") for line in lines)
        if column < 0:
            return False
        heading = ""
        for line in lines:
            text = line[column:].strip()
            found = _HEADING.search(text)
            if found:
                heading = found.group(1)
            elif heading == group and text == contact:
                return True
        return False

    return holds


class Profanity:
    """One running profanity with its own home directory."""

    def __init__(self, scene: Scene) -> None:
        if shutil.which("profanity") is None:
            expect(False, "profanity is not installed (Tests/apt-packages.txt)")
        self._home = tempfile.mkdtemp(prefix="profanity-")
        self._scene = scene
        self.terminal = Terminal(["profanity", "-l", "ERROR"], {"HOME": self._home, "XDG_CONFIG_HOME": self._home,
                                                                "XDG_DATA_HOME": self._home}, self._home)
        scene.terminals.append(self)

    async def connect(self, user: str, password: str = PASSWORD, direct_tls: bool = False) -> None:
        """Types the connect command and the password; the caller waits for what the screen then says."""
        await self.terminal.until("Profanity")
        port, policy = (self._scene.host.tls_port, "legacy") if direct_tls else (self._scene.host.port, "trust")
        self.terminal.type(f"/connect {user}@localhost server 127.0.0.1 port {port} tls {policy}")
        await self.terminal.until("Enter password")
        self.terminal.type(password)

    async def online(self, user: str) -> "Profanity":
        await self.connect(user)
        await self.terminal.until("logged in successfully")
        return self

    def type(self, line: str) -> None:
        self.terminal.type(line)

    async def until(self, shows) -> str:
        return await self.terminal.until(shows)

    async def close(self) -> None:
        await self.terminal.close()
        shutil.rmtree(self._home, ignore_errors=True)


@claim("profanity logs in over STARTTLS")
async def login(scene: Scene) -> None:
    await Profanity(scene).online(scene.user())


@claim("profanity logs in over direct TLS")
async def direct_tls(scene: Scene) -> None:
    program = Profanity(scene)
    await program.connect(scene.user(), direct_tls=True)
    # With this policy it asks about the self-signed certificate.
    await program.until("Use '/tls allow'")
    program.type("/tls allow")
    await program.until("logged in successfully")


@claim("profanity with a wrong password is told so, and gets in with the right one")
async def wrong_password(scene: Scene) -> None:
    program, user = Profanity(scene), scene.user()
    await program.connect(user, "not-the-password")
    await program.until("Login failed.")
    await program.online(user)


@claim("two profanities subscribe to each other and see each other online")
async def subscribe(scene: Scene) -> None:
    first, second = scene.user(), scene.user()
    romeo = await Profanity(scene).online(first)
    juliet = await Profanity(scene).online(second)
    for one, other, name, target in ((romeo, juliet, first, second), (juliet, romeo, second, first)):
        one.type(f"/sub request {target}@localhost")
        await other.until(f"authorization request from {name}@localhost")
        other.type(f"/sub allow {name}@localhost")
        await one.until(listed("Online", f"{target}@localhost"))
    for program, target in ((romeo, second), (juliet, first)):
        program.type("/clear")
        program.type("/roster")
        screen = await program.until("both")
        expect(f"{target}@localhost" in screen or target in screen, f"the roster shows:\n{screen}")


@claim("profanity and slixmpp chat with each other")
async def chat(scene: Scene) -> None:
    user = scene.user()
    program, client = await Profanity(scene).online(user), await scene.online()
    program.type(f"/msg {client.bare} Good morrow, cousin")
    message = await client.body("Good morrow, cousin")
    expect(message["from"].bare == f"{user}@localhost", f"from {message['from']}")
    client.send_message(mto=message["from"], mbody="Is the day so young?", mtype="chat")
    await program.until("Is the day so young?")


@claim("profanity shows at login what was stored while it was away")
async def stored(scene: Scene) -> None:
    user, client = scene.user(), await scene.online()
    for number in range(3):
        client.send_message(mto=f"{user}@localhost", mbody=f"stored word {number}", mtype="chat")
    await client.barrier()
    program = await Profanity(scene).online(user)
    await program.until("(win 2)")
    program.type("/win 2")
    screen = await program.until("stored word 2")
    places = [screen.find(f"stored word {number}") for number in range(3)]
    expect(-1 not in places and places == sorted(places), f"the screen shows:\n{screen}")


@claim("profanity sees a contact go away and leave")
async def presence(scene: Scene) -> None:
    user, client = scene.user(), await scene.online()
    program = await Profanity(scene).online(user)
    program.type(f"/sub request {client.bare}")
    await client.wait("presence", lambda p: p["type"] == "subscribe", "subscription request")
    client.send_presence(pto=f"{user}@localhost", ptype="subscribed")
    await program.until(listed("Online", client.bare))
    client.send_presence(pshow="away", pstatus="to Mantua")
    await program.until(listed("Away", client.bare))
    await client.log_out()
    await program.until(listed("Offline", client.bare))
