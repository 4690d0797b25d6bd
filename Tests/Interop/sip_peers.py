"""Other people's SIP programs: sipp (scripted calls), baresip (a phone), Kamailio (a proxy), BitlBee with libpurple."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import tempfile
from pathlib import Path
from typing import Callable

from support.servers import DOMAIN, PASSWORD

from .client import WAIT, Expectation, Scene

SCENARIOS = Path(__file__).resolve().parent / "sipp"


def free_port(count: int = 1) -> int:
    """The first of `count` neighbouring ports that nobody has, on UDP and TCP."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        try:
            for port in range(first, first + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


class Program:
    """A process of somebody else whose output is read line by line; it ends with the scene."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"roost-{name}-"))
        self.lines: list[str] = []
        self._arrived = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task | None = None

    async def start(self, *arguments: str, **options) -> None:
        # Servers lie where only root looks.
        found = shutil.which(arguments[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if found is None:
            raise Expectation(f"{arguments[0]} is not installed (Tests/apt-packages.txt)")
        # It ends with the tests, however these end.
        self.process = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "TERM", found, *arguments[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=self.folder,
            start_new_session=True, **{"stdin": asyncio.subprocess.DEVNULL, **options})
        self._reading = asyncio.create_task(self._read(self.process.stdout))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            self.saw(re.sub(r"\x1b\[[0-9;]*m", "", line.decode("utf-8", "replace")).rstrip("\r\n"))
        self._arrived.set()

    def saw(self, line: str) -> None:
        self.lines.append(line)
        self._arrived.set()

    async def line(self, check: Callable[[str], bool] | str, what: str = "", seconds: float = WAIT) -> str:
        """The first line with a text, or that satisfies a check, taken out of what was seen."""
        matches = (lambda line: check in line) if isinstance(check, str) else check
        loop = asyncio.get_running_loop()
        limit = loop.time() + seconds
        while True:
            for place, line in enumerate(self.lines):
                if matches(line):
                    del self.lines[place]
                    return line
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), max(0.0, limit - loop.time()))
            except asyncio.TimeoutError:
                shown = "\n".join(self.lines[-15:])
                raise Expectation(f"{self.name}: no {what or check!r} within {seconds} s; it said:\n{shown}") from None

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            try:
                # The whole group: some fork.
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            await self.process.wait()
        if self._reading:
            self._reading.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sipp(Program):
    """One run of one scenario; `done` waits until it has succeeded."""

    def __init__(self, scenario: str) -> None:
        super().__init__(f"sipp-{scenario}")
        self.scenario = scenario
        self.port = free_port()

    async def run(self, server_port: int, user: str, transport: str = "udp", seconds: int = 20,
                  address: str = "127.0.0.1", domain: str = DOMAIN, target_domain: str = DOMAIN, **keys: str) -> "Sipp":
        """Keywords become [key] in the scenario."""
        arguments = ["sipp", f"{address}:{server_port}", "-sf", str(SCENARIOS / f"{self.scenario}.xml"),
                     "-t", {"udp": "u1", "tcp": "t1"}[transport], "-i", "127.0.0.1", "-p", str(self.port), "-m", "1",
                     "-nostdin", "-timeout", f"{seconds}s", "-timeout_error", "-trace_err", "-error_file",
                     str(self.folder / "errors"), "-trace_msg", "-message_file", str(self.folder / "messages"),
                     "-max_socket", "50", "-cp", str(free_port()), "-au", user, "-ap", PASSWORD,
                     "-key", "user", user, "-key", "domain", domain, "-key", "target_domain", target_domain]
        # The URI that a digest is made over; its own idea of it is the address that it sends to.
        whom = user if self.scenario == "publish" else keys.get("target", "")
        arguments += ["-auth_uri", f"{whom}@{target_domain}" if whom else domain]
        for key, value in keys.items():
            arguments += ["-key", key, value]
        await self.start(*arguments, env={**os.environ, "TERM": "dumb"})
        return self

    async def done(self, seconds: float = 30) -> str:
        """Waits for success; returns the messages that it sent and got."""
        try:
            status = await asyncio.wait_for(self.process.wait(), seconds)
        except asyncio.TimeoutError:
            status = "not finished"
        messages = self.text("messages")
        if status != 0:
            raise Expectation(f"sipp {self.scenario} ended with {status}:\n{self.text('errors')[-1500:]}\n"
                              f"{messages[-2500:]}")
        return messages

    def text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(errors="replace")
        except OSError:
            return ""


class Baresip(Program):
    """A phone of one user, driven over its control connection."""

    def __init__(self, user: str) -> None:
        super().__init__(f"baresip-{user}")
        self.user = user
        self.uri = f"sip:{user}@{DOMAIN}"
        self.bare = f"{user}@{DOMAIN}"
        self._writer: asyncio.StreamWriter | None = None
        self._control: asyncio.Task | None = None
        self.events: list[dict] = []
        self._event = asyncio.Event()
        self._terminal: tuple[int, ...] = ()

    async def open(self, server_port: int, transport: str = "udp", contacts: list[str] = (), account: str = "",
                   certificate: Path | None = None) -> "Baresip":
        port, control = free_port(2), free_port()
        modules = "".join(f"module {name}.so\n" for name in ("stdio", "g711", "ausine", "aufile"))
        modules += "module_tmp account.so\n"
        modules += "".join(f"module_app {name}.so\n" for name in ("contact", "menu", "presence", "ctrl_tcp"))
        authority = f"sip_cafile {certificate}\n" if certificate else ""
        (self.folder / "config").write_text(
            f"poll_method epoll\nsip_listen 127.0.0.1:{port}\nsip_trans_def {transport}\n{authority}"
            "call_local_timeout 60\naudio_source ausine,440\nausrc_srate 48000\nausrc_channels 2\n"
            f"audio_player aufile,{self.folder}/heard.wav\n"
            f"audio_alert aufile,{self.folder}/alert.wav\nnet_interface 127.0.0.1\n"
            f"module_path /usr/lib/baresip/modules\n{modules}ctrl_tcp_listen 127.0.0.1:{control}\n")
        (self.folder / "accounts").write_text(
            f"<{self.uri};transport={transport}>;auth_user={self.user};auth_pass={PASSWORD};regint=600;"
            f"outbound=\"sip:127.0.0.1:{server_port};transport={transport}\""
            f"{account}\n")
        (self.folder / "contacts").write_text(
            "".join(f'"{contact}" <sip:{contact}>;presence=p2p\n' for contact in contacts))
        # It shows messages only where somebody could type, and keeps its output back from pipes.
        self._terminal = os.openpty()
        await self.start("stdbuf", "-oL", "baresip", "-f", str(self.folder), stdin=self._terminal[1])
        await self.line("baresip is ready")
        reader, self._writer = await asyncio.open_connection("127.0.0.1", control)
        self._control = asyncio.create_task(self._take(reader))
        return self

    async def _take(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                self.events.append(json.loads(await reader.readexactly(length)))
                await reader.readexactly(1)
                self._event.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    async def event(self, check: Callable[[dict], bool], what: str, seconds: float = WAIT) -> dict:
        loop = asyncio.get_running_loop()
        limit = loop.time() + seconds
        while True:
            for place, event in enumerate(self.events):
                if check(event):
                    del self.events[place]
                    return event
            self._event.clear()
            try:
                await asyncio.wait_for(self._event.wait(), max(0.0, limit - loop.time()))
            except asyncio.TimeoutError:
                shown = "\n".join([*self.lines[-8:], *(str(event)[:200] for event in self.events[-8:])])
                raise Expectation(f"{self.name}: no {what} within {seconds} s; saw:\n{shown}") from None

    async def happened(self, kind: str, seconds: float = WAIT) -> dict:
        """An event such as REGISTER_OK or CALL_ESTABLISHED."""
        return await self.event(lambda event: event.get("type") == kind, kind, seconds)

    async def command(self, command: str, parameters: str = "") -> str:
        token = f"{command}-{id(parameters)}-{len(self.events)}"
        data = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self._writer.write(b"%d:%s," % (len(data), data))
        answer = await self.event(lambda event: event.get("token") == token, f"answer to {command}")
        return re.sub(r"\x1b\[[0-9;]*m", "", answer.get("data", ""))

    async def sees(self, contact: str, status: str, seconds: float = WAIT) -> None:
        """Waits until the contact is shown with a status: Online, Offline, Busy or Unknown."""
        await self.line(lambda line: contact in line and line.rstrip(". ").endswith(status), f"{contact} {status}", seconds)

    async def close(self) -> None:
        if self._control:
            self._control.cancel()
        if self._writer:
            self._writer.close()
        await super().close()
        for end in self._terminal:
            os.close(end)
        self._terminal = ()


class BitlBee(Program):
    """libpurple's SIMPLE behind an IRC server that serves us alone over a pair of sockets."""

    def __init__(self, user: str) -> None:
        super().__init__(f"bitlbee-{user}")
        self.user = user
        self.bare = f"{user}@{DOMAIN}"
        self._writer: asyncio.StreamWriter | None = None
        self._irc: asyncio.Task | None = None

    async def open(self, server_port: int, udp: bool = False, publishes: bool = False) -> "BitlBee":
        (self.folder / "bitlbee.conf").write_text(
            f"[settings]\nRunMode = Inetd\nAuthMode = Open\nConfigDir = {self.folder}\nPingInterval = 0\n"
            "HostName = localhost\n")
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "HOME": str(self.folder), "RES_OPTIONS": "timeout:1 attempts:1"}
        await self.start("bitlbee", "-I", "-c", str(self.folder / "bitlbee.conf"), "-d", str(self.folder),
                         stdin=theirs, env=environment)
        theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._irc = asyncio.create_task(self._read(reader))
        self.send("NICK tester", "USER tester 0 * :tester")
        await self.line(" 366 ", "channel")
        self.say("register secret")
        await self.line("Account successfully created")
        self.say("set typing_notice true")
        await self.line("typing_notice")
        self.say(f"account add simple {self.bare} {PASSWORD}")
        await self.line("Account successfully added")
        for setting, value in (("port", str(server_port)), ("udp", str(udp).lower()), ("useproxy", "true"),
                               ("proxy", "127.0.0.1"), ("auto_reconnect", "false"),
                               # It handles one message of a read: what comes in the same segment waits for the next one.
                               ("dopublish", str(publishes).lower())):
            self.say(f"account simple set {setting} {value}")
            await self.line(lambda line: f"{setting} = " in line, setting)
        return self

    def send(self, *lines: str) -> None:
        for line in lines:
            self._writer.write(line.encode() + b"\r\n")

    def say(self, text: str) -> None:
        """A command for the control channel."""
        self.send(f"PRIVMSG &bitlbee :{text}")

    async def log_in(self) -> None:
        self.say("account simple on")
        await self.line(lambda line: "Logged in" in line, "login", 30)

    async def add(self, contact: str, nick: str) -> None:
        # libpurple keeps contacts of SIMPLE with their scheme.
        self.say(f"add simple sip:{contact} {nick}")
        await self.line("to contact list", "contact")

    async def close(self) -> None:
        if self._irc:
            self._irc.cancel()
        if self._writer:
            self._writer.close()
        await super().close()


class Kamailio(Program):
    """A foreign proxy with a configuration of the tests (peers/), without a database."""

    def __init__(self, template: str, address: str = "127.0.0.1", port: int | None = None) -> None:
        super().__init__("kamailio")
        self.template, self.address = template, address
        self.port = port or free_port()

    async def open(self, **words: object) -> "Kamailio":
        text = (Path(__file__).resolve().parent / "peers" / self.template).read_text()
        for word, value in {"port": self.port, "dir": self.folder, **words}.items():
            text = text.replace(f"@{word}@", str(value))
        (self.folder / "kamailio.cfg").write_text(text)
        if "kamailio.db" in text:
            with contextlib.closing(sqlite3.connect(self.folder / "kamailio.db")) as database:
                for part in ("standard", "presence"):
                    database.executescript(Path(f"/usr/share/kamailio/db_sqlite/{part}-create.sql").read_text())
        await self.start("kamailio", "-DD", "-E", "-f", str(self.folder / "kamailio.cfg"), "-Y", str(self.folder), "-m",
                         "64", "-M", "8", "-w", str(self.folder))
        loop = asyncio.get_running_loop()
        limit = loop.time() + WAIT
        while True:
            try:
                _, writer = await asyncio.open_connection(self.address, self.port)
                writer.close()
                return self
            except OSError:
                if self.process.returncode is not None or loop.time() > limit:
                    shown = "\n".join(self.lines[-15:])
                    raise Expectation(f"kamailio does not start:\n{shown}") from None
                await asyncio.sleep(0.02)


class _MD5Alone:
    """Debian's sipp and baresip know only MD5 and give up at the offer of SHA-256, which goes for the time of a scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.set("off")

    def set(self, value: str) -> None:
        host = self.scene.host
        host.run("settings", "set", "sip.digest_sha256", value, "--config", str(host.config))

    async def close(self) -> None:
        self.set("on")


def md5_alone(scene: Scene) -> None:
    """Digest with MD5 only, until the scene ends."""
    if not any(isinstance(other, _MD5Alone) for other in scene.terminals):
        scene.terminals.append(_MD5Alone(scene))


async def sipp(scene: Scene, scenario: str, user: str, port: int | None = None, **options) -> Sipp:
    """Starts a scenario against the server, or against another port."""
    md5_alone(scene)
    run = Sipp(scenario)
    scene.terminals.append(run)
    return await run.run(port or scene.host.sip_port, user, **options)


async def baresip(scene: Scene, user: str | None = None, transport: str = "udp", port: int | None = None,
                  **options) -> Baresip:
    """A phone that has registered."""
    md5_alone(scene)
    made = Baresip(user or scene.user())
    scene.terminals.append(made)
    standard = scene.host.sip_port + (1 if transport == "tls" else 0)
    await made.open(port or standard, transport, certificate=scene.host.certificate(), **options)
    await made.line("200 OK", "registration")
    return made


async def bitlbee(scene: Scene, user: str | None = None, udp: bool = False, publishes: bool = False) -> BitlBee:
    """A libpurple client that has logged in."""
    made = BitlBee(user or scene.user())
    scene.terminals.append(made)
    await made.open(scene.host.sip_port, udp, publishes)
    await made.log_in()
    return made


async def kamailio(scene: Scene, template: str, address: str = "127.0.0.1", port: int | None = None,
                   **words: object) -> Kamailio:
    made = Kamailio(template, address, port)
    scene.terminals.append(made)
    return await made.open(server=scene.host.sip_port, **words)
