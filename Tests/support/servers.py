"""Real server processes under test: Roost, and two others to show that the harness can fail.

Every server lives in its own temporary directory, listens on loopback only on ports moved by an offset, is started in
the foreground as a direct child, and is ended by its process id.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DOMAIN = "localhost"
PASSWORD = "pencil-and-paper"
ADMIN = "admin@localhost"
COMPONENT_SECRET = "a & b < 'c'"


class ServerFailure(Exception):
    """The server did not start, stop or answer as it must; the text says which and shows the end of its log."""


def roost_binary() -> Path:
    """The binary under test: ROOST_BIN, else the debug build, else the release build."""
    chosen = os.environ.get("ROOST_BIN")
    candidates = [Path(chosen)] if chosen else [PROJECT / ".build" / kind / "roost" for kind in ("debug", "release")]
    for path in candidates:
        if path.is_file() and os.access(path, os.X_OK):
            return path.resolve()
    raise ServerFailure("no roost binary: build it, or name it in ROOST_BIN")


class Server:
    """A child process with a plain c2s port; subclasses say how it is configured and launched."""

    name = "server"
    start_seconds = 30.0

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.port = 5222 + offset
        self.tls_port = 5223 + offset
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.log = self.directory / "process.log"
        self.process: subprocess.Popen | None = None
        self.life = 0

    def prepare(self, users: list[str]) -> None:
        """Writes configuration and creates `users` (localparts) with PASSWORD; called once, server stopped."""
        raise NotImplementedError

    async def register(self, users: list[str]) -> None:
        """Creates users that can only be created while the server runs."""

    def command(self) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    def certificate(self) -> Path:
        """PEM file of the self-signed certificate that clients shall trust."""
        raise NotImplementedError

    def set_durability(self, kind: str) -> None:
        """`power`, `process` or `memory`, from the next start on; ignored by servers without such a setting."""

    async def start(self) -> float:
        """Launches and waits until the c2s port accepts; returns the seconds that took."""
        assert self.process is None, "started twice"
        arguments, environment = self.command()
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, env={**os.environ, **environment})
        self.life += 1
        while time.monotonic() - began < self.start_seconds:
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise ServerFailure(f"{self.name} ended with status {code} while starting:\n{self.log_end()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return time.monotonic() - began
            except OSError:
                await asyncio.sleep(0.01)
        raise ServerFailure(f"{self.name} does not listen after {self.start_seconds} s:\n{self.log_end()}")

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    async def wait_exit(self, seconds: float) -> int:
        """Waits for the end of the process; returns its status (negative: ended by that signal)."""
        assert self.process is not None
        limit = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > limit:
                raise ServerFailure(f"{self.name} still runs after {seconds} s:\n{self.log_end()}")
            await asyncio.sleep(0.01)
        code, self.process = self.process.returncode, None
        return code

    def kill_now(self) -> None:
        """kill -9, and reaps; harmless when it is not running."""
        if self.process is not None:
            if self.process.poll() is None:
                os.kill(self.process.pid, signal.SIGKILL)
                self.process.wait(timeout=10)
            self.process = None

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log_end(self, lines: int = 20) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def remove(self) -> None:
        """Ends the process and removes its directory; ROOST_KEEP=1 keeps the directory for a look."""
        self.kill_now()
        if os.environ.get("ROOST_KEEP"):
            print(f"     kept {self.directory}", flush=True)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


def answers(path: Path) -> bool:
    """Whether somebody listens on a Unix socket; its file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
            return True
        except OSError:
            return False


def set_yaml(text: str, section: str | None, key: str, value: str) -> str:
    """Sets `key: value` at top level or inside a top-level `section`, replacing it where it stands."""
    if section is None:
        pattern = re.compile(rf"(?m)^{re.escape(key)}:.*$")
        line = f"{key}: {value}"
        return pattern.sub(line, text, count=1) if pattern.search(text) else text.rstrip("\n") + f"\n{line}\n"
    head = re.search(rf"(?m)^{re.escape(section)}:[ \t]*(#.*)?$", text)
    if head is None:
        return text.rstrip("\n") + f"\n{section}:\n  {key}: {value}\n"
    following = re.search(r"(?m)^\S", text[head.end():])
    end = head.end() + following.start() if following else len(text)
    body = text[head.end():end]
    pattern = re.compile(rf"(?m)^  {re.escape(key)}:.*$")
    if pattern.search(body):
        body = pattern.sub(f"  {key}: {value}", body, count=1)
    else:
        body = f"\n  {key}: {value}" + body
    return text[:head.end()] + body + text[end:]


class RoostServer(Server):
    """The server this project is about."""

    name = "roost"

    def __init__(self, offset: int, settings: list[tuple[str | None, str, str]] | None = None,
                 components: list[str] | None = None) -> None:
        super().__init__(offset)
        self.component_port = 5347 + offset
        self.sip_port = 5060 + offset
        # Where the trunk of the suite is, at 127.0.0.2.
        self.trunk_port = 5070 + offset
        # A copy of its own, so that a build during the run does not change the program between two starts.
        self.binary = self.directory / "roost"
        shutil.copy2(roost_binary(), self.binary)
        self.config = self.directory / "roost.yaml"
        # Most tests are about people who answer requests themselves.
        self.settings = [("presence", "auto_authorize", "off"), *(settings or [])]
        if components:
            listed = ", ".join(f'{{domain: {name}.{DOMAIN}, secret: "{COMPONENT_SECRET}"}}' for name in components)
            self.settings += [("listen", "component", f"{{ address: 127.0.0.1, port: {self.component_port} }}"),
                              (None, "components", f"[{listed}]")]

    def run(self, *arguments: str, stdin: str | None = None, seconds: float = 60) -> str:
        """Runs a verb of the command line; returns its standard output."""
        done = subprocess.run([str(self.binary), *arguments], input=stdin, capture_output=True, text=True,
                              timeout=seconds, cwd=self.directory)
        if done.returncode != 0:
            shown = " ".join(arguments)
            raise ServerFailure(f"roost {shown}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def prepare(self, users: list[str]) -> None:
        self.run("init", "--dir", str(self.directory), "--domain", DOMAIN, "--admin", ADMIN, "--password-stdin",
                 "--port-offset", str(self.offset), stdin=PASSWORD + "\n")
        text = self.config.read_text()
        for section, key, value in self.settings:
            text = set_yaml(text, section, key, value)
        self.config.write_text(text)
        listing = self.directory / "users.csv"
        listing.write_text("jid,password\n" + "".join(f"{user}@{DOMAIN},{PASSWORD}\n" for user in users))
        self.import_accounts(listing)

    async def start(self) -> float:
        """Like every server, and waits for the listeners that the file names and that are opened after the c2s port."""
        began = time.monotonic()
        await super().start()
        text = self.config.read_text()
        for port in re.findall(r"(?m)^  (?:https|http|component|proxy65|admin|sip_tcp|sip_tls): *\{.*port: (\d+)", text):
            while time.monotonic() - began < self.start_seconds:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.01)
        return time.monotonic() - began

    def import_accounts(self, listing: Path) -> None:
        """Verbs work against the running server: it runs for the import, then drains."""
        arguments, _ = self.command()
        with open(self.log, "ab") as log:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)
        try:
            began = time.monotonic()
            while not answers(self.directory / "admin.sock"):
                if process.poll() is not None or time.monotonic() - began > self.start_seconds:
                    raise ServerFailure(f"roost does not open its admin socket:\n{self.log_end()}")
                time.sleep(0.01)
            self.run("user", "import", str(listing), "--config", str(self.config))
        finally:
            process.terminate()
            process.wait(timeout=30)

    def certificate(self) -> Path:
        found = re.search(r"(?m)^[ \t-]*certificate:[ \t]*(\S+)", self.config.read_text())
        if found is None:
            raise ServerFailure("roost.yaml names no certificate")
        return self.directory / found.group(1).strip("\"'")

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [str(self.binary), "serve", "--config", str(self.config)], {}

    def set_durability(self, kind: str) -> None:
        self.config.write_text(set_yaml(self.config.read_text(), "storage", "durability", kind))


class ProsodyServer(Server):
    """Prosody from Debian: plain streams, stream management and offline storage; with `tls` also what the interop
    suite asks for."""

    name = "prosody"

    def __init__(self, offset: int, tls: bool = False) -> None:
        super().__init__(offset)
        self.tls = tls

    def certificate(self) -> Path:
        return self.directory / "localhost.crt"

    def prepare(self, users: list[str]) -> None:
        accounts = self.directory / "data" / DOMAIN / "accounts"
        accounts.mkdir(parents=True)
        for user in users:
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
        more = ""
        if self.tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                            f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN}", "-keyout", "localhost.key",
                            "-out", "localhost.crt"], cwd=self.directory, check=True, capture_output=True)
            more = f"""
c2s_direct_tls_ports = {{ {self.tls_port} }}
ssl = {{ key = "{self.directory}/localhost.key", certificate = "{self.directory}/localhost.crt" }}
"""
        modules = ["roster", "saslauth", "disco", "ping", "smacks", "offline"]
        if self.tls:
            modules += ["tls", "carbons", "blocklist", "vcard_legacy", "pep", "private", "version", "time", "uptime",
                        "lastactivity"]
        listed = ", ".join(f'"{module}"' for module in modules)
        (self.directory / "prosody.cfg.lua").write_text(f"""{more}
run_as_root = true
daemonize = false
data_path = "{self.directory}/data"
pidfile = "{self.directory}/prosody.pid"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
s2s_ports = {{ }}
modules_enabled = {{ {listed} }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = {str(self.tls).lower()}
authentication = "internal_plain"
storage = "internal"
smacks_hibernation_time = 300
log = {{ warn = "*console" }}
VirtualHost "{DOMAIN}"
""")

    def command(self) -> tuple[list[str], dict[str, str]]:
        return ["prosody", "-F", "--config", str(self.directory / "prosody.cfg.lua")], {}


class EjabberdServer(Server):
    """ejabberd from Debian, Mnesia storage, no distribution (so no port mapper daemon is started)."""

    name = "ejabberd"

    def prepare(self, users: list[str]) -> None:
        (self.directory / "ejabberd.yml").write_text(f"""
hosts: ["{DOMAIN}"]
loglevel: warning
listen:
  - {{port: {self.port}, ip: "127.0.0.1", module: ejabberd_c2s, shaper: none, max_stanza_size: 262144}}
auth_method: internal
shaper_rules: {{max_user_sessions: 100, max_user_offline_messages: infinity}}
modules:
  mod_disco: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_offline: {{access_max_user_messages: max_user_offline_messages}}
  mod_stream_mgmt: {{resend_on_timeout: true, max_ack_queue: infinity, resume_timeout: 5 minutes}}
  mod_register: {{ip_access: all, registration_watchers: []}}
registration_timeout: infinity
""")

    def command(self) -> tuple[list[str], dict[str, str]]:
        spool = self.directory / "spool"
        spool.mkdir(exist_ok=True)
        return (["erl", "-noinput", "-mnesia", "dir", f'"{spool}"', "-s", "ejabberd"],
                {"ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
                 "EJABBERD_CONFIG_PATH": str(self.directory / "ejabberd.yml"),
                 "EJABBERD_LOG_PATH": str(self.directory / "ejabberd.log"),
                 "ERL_CRASH_DUMP": "/dev/null", "HOME": str(self.directory)})

    async def register(self, users: list[str]) -> None:
        """In-band registration (XEP-0077), one stream for all."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
                     b" xmlns:stream='http://etherx.jabber.org/streams'>")
        await asyncio.wait_for(reader.readuntil(b"</stream:features>"), 10)
        for user in users:
            writer.write(f"<iq type='set' id='r' to='{DOMAIN}'><query xmlns='jabber:iq:register'>"
                         f"<username>{user}</username><password>{PASSWORD}</password></query></iq>".encode())
            answer = await asyncio.wait_for(reader.readuntil(b">"), 10)
            if b"error" in answer:
                raise ServerFailure(f"ejabberd refused to register {user}: {answer!r}")
            if b"/>" not in answer:
                await asyncio.wait_for(reader.readuntil(b"</iq>"), 10)
        writer.close()


KINDS = {"prosody": ProsodyServer, "ejabberd": EjabberdServer}
