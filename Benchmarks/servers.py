"""The servers of the comparison: how each is configured, started, measured and stopped.

Every server gets its own folder below the work folder, loopback listeners and one domain, and runs in the foreground
as a child of this process, so that it is ended by its own process id and never by name.
"""

import hashlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DOMAIN = "localhost"


class ServerFailure(Exception):
    """A server could not be installed, configured or started; the text says what it said."""


def answers(port):
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_certificate(folder):
    """A self-signed ECDSA P-256 certificate, the same for every server; returns the paths of certificate and key."""
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    if not os.path.exists(certificate):
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-days", "3650", "-newkey", "ec",
             "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", f"/CN={DOMAIN}",
             "-addext", f"subjectAltName=DNS:{DOMAIN}", "-keyout", key, "-out", certificate],
            check=True, stderr=subprocess.DEVNULL)
        os.chmod(key, 0o644)  # the peers run as other users; it is worth nothing to anybody
    return certificate, key


class Server:
    """What the rows need of any server."""

    name = ""
    port = 0
    tls_port = 0
    # UDP and TCP.
    sip_port = 0
    # The mechanism that its stored passwords allow.
    mechanism = "SCRAM-SHA-1"
    # How its accounts are made: in-band registration, or the server's own import.
    registers = True

    def __init__(self, work):
        self.folder = os.path.join(work, self.name)
        # Whether users have history; a reason for a restart.
        self.archive = False
        # Whether it is measured with SIP; a reason for a restart too.
        self.sip = False
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def configure(self):
        raise NotImplementedError

    def command(self):
        """Arguments, environment and working folder of the foreground process."""
        raise NotImplementedError

    def start(self, seconds=60):
        """Starts the server and returns when its ports answer."""
        for port in {self.port, self.tls_port}:
            if answers(port):
                raise ServerFailure(f"{self.name}: port {port} is taken")
        arguments, environment, folder = self.command()
        self.console = open(os.path.join(self.folder, "console.log"), "ab")
        self.process = subprocess.Popen(
            arguments, env={**os.environ, **environment}, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=self.console, stderr=self.console, start_new_session=True)
        limit = time.monotonic() + seconds
        while not (answers(self.port) and answers(self.tls_port)):
            if self.process.poll() is not None or time.monotonic() > limit:
                self.stop()
                raise ServerFailure(f"{self.name} does not answer; see {self.folder}")
            time.sleep(0.1)
        time.sleep(1)

    def stop(self):
        """Ends the server in order, or by force after 20 s."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.console.close()
        self.process = None

    def fill(self, template, target, **words):
        text = open(os.path.join(HERE, "peers", template)).read()
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        with open(target, "w") as file:
            file.write(text)


def as_user(name):
    """Puts a command under the package's own account when this runs as root."""
    return ["setpriv", "--reuid", name, "--regid", name, "--clear-groups"] if os.geteuid() == 0 else []


class Prosody(Server):
    name = "prosody"
    port = tls_port = 15322
    packages = ["prosody", "lua5.4", "lua-sec", "lua-unbound"]

    def configure(self):
        os.makedirs(os.path.join(self.folder, "data"), exist_ok=True)
        certificate, key = make_certificate(os.path.dirname(self.folder))
        self.fill("prosody.cfg.lua.in", os.path.join(self.folder, "prosody.cfg.lua"), dir=self.folder, port=self.port,
                  domain=DOMAIN, certificate=certificate, key=key, archive='"mam",' if self.archive else "")
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "prosody:prosody", self.folder], check=True)

    def command(self):
        arguments = as_user("prosody") + ["prosody", "-F", "--config", os.path.join(self.folder, "prosody.cfg.lua")]
        return arguments, {"HOME": self.folder}, self.folder

    def version(self):
        return package_version("prosody")


class Ejabberd(Server):
    name = "ejabberd"
    port, tls_port = 15222, 15223
    packages = ["ejabberd"]

    def configure(self):
        for part in ("spool", "logs"):
            os.makedirs(os.path.join(self.folder, part), exist_ok=True)
        certificate, key = make_certificate(os.path.dirname(self.folder))
        self.fill("ejabberd.yml.in", os.path.join(self.folder, "ejabberd.yml"), port=self.port,
                  tls_port=self.tls_port, domain=DOMAIN, certificate=certificate, key=key,
                  archive="mod_mam: {default: always, assume_mam_usage: true}" if self.archive else "")
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "ejabberd:ejabberd", self.folder], check=True)

    def command(self):
        beams = [line for line in subprocess.run(["dpkg", "-L", "ejabberd"], capture_output=True, text=True,
                                                 check=True).stdout.split("\n") if line.endswith("/ebin/ejabberd.app")]
        if not beams:
            raise ServerFailure("the ejabberd package has no ejabberd.app")
        libraries = os.path.dirname(os.path.dirname(os.path.dirname(beams[0])))
        spool = os.path.join(self.folder, "spool")
        # Without a node name there is no port mapper daemon to leave behind. Busy-waiting burns CPU without work.
        arguments = as_user("ejabberd") + [
            "erl", "-noinput", "+K", "true", "+P", "500000", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
            "-mnesia", "dir", f'"{spool}"', "-s", "ejabberd"]
        return arguments, {
            "HOME": spool, "EJABBERD_CONFIG_PATH": os.path.join(self.folder, "ejabberd.yml"),
            "EJABBERD_LOG_PATH": os.path.join(self.folder, "logs", "ejabberd.log"), "SPOOL_DIR": spool,
            "ERL_LIBS": libraries, "ERL_MAX_PORTS": "100000", "ERL_MAX_ETS_TABLES": "20000",
            "ERL_CRASH_DUMP_BYTES": "0"}, spool

    def version(self):
        return package_version("ejabberd")


class Kamailio(Server):
    """Registrar, proxy and presence server, all in memory: it has no other durability worth comparing."""

    name = "kamailio"
    port = tls_port = sip_port = 15460
    packages = ["kamailio", "kamailio-presence-modules", "kamailio-sqlite-modules"]
    registers = False

    @property
    def database(self):
        return os.path.join(self.folder, "kamailio.db")

    def configure(self):
        os.makedirs(self.folder, exist_ok=True)
        self.fill("kamailio.cfg.in", os.path.join(self.folder, "kamailio.cfg"), dir=self.folder, port=self.port,
                  domain=DOMAIN)
        if not os.path.exists(self.database):
            database = sqlite3.connect(self.database)
            for part in ("standard", "presence"):
                with open(f"/usr/share/kamailio/db_sqlite/{part}-create.sql") as file:
                    database.executescript(file.read())
            database.execute("CREATE TABLE secret (id INTEGER PRIMARY KEY, username TEXT UNIQUE, ha1 TEXT,"
                             " key_type INT DEFAULT 0, value_type INT DEFAULT 0, expires INT DEFAULT 0)")
            database.commit()
            database.close()
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "kamailio:kamailio", self.folder], check=True)

    def command(self):
        # tlsf and a large pool: with less memory or another allocator its figures decay while it runs.
        return as_user("kamailio") + [
            "kamailio", "-DD", "-E", "-f", os.path.join(self.folder, "kamailio.cfg"), "-Y", self.folder, "-m", "6144",
            "-M", "16", "-x", "tlsf", "-X", "fm"], {}, self.folder

    def add_accounts(self, numbers):
        """Writes the accounts; they count from the next start on."""
        self.stop()
        database = sqlite3.connect(self.database)
        database.executemany(
            "INSERT OR REPLACE INTO secret (username, ha1) VALUES (?, ?)",
            ((f"user{number}", hashlib.md5(f"user{number}:{DOMAIN}:pw{number}".encode()).hexdigest())
             for number in numbers))
        database.commit()
        database.close()

    def version(self):
        return package_version("kamailio")


class Roost(Server):
    """Roost from this tree; `durability` is what a row asks for, and the reason for a restart."""

    name = "roost"
    offset = 10200
    port = tls_port = 5222 + offset
    sip_port = 5060 + offset
    registers = False

    def __init__(self, work, binary):
        super().__init__(work)
        self.binary = binary
        self.durability = "memory"

    @property
    def config(self):
        return os.path.join(self.folder, "roost.yaml")

    def configure(self):
        if not os.path.exists(self.config):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.roost("init", "--dir", self.folder, "--domain", DOMAIN, "--port-offset", str(self.offset))
        self.set("tls", "optional")
        self.set("durability", self.durability)
        self.set("enabled", "on" if self.archive else "off", group="archive")
        # The others neither approve requests by themselves nor merge changes of presence.
        self.set("auto_authorize", "on" if self.sip else "off", group="presence")
        self.set("coalesce_ms", 0, group="presence")
        # Neither does Kamailio, which grants every subscription and knows no length of a contact list.
        self.set("contacts_max", 0, group="presence")
        self.set("notify_seconds", 0, group="sip")
        for carrier in ("sip_udp", "sip_tcp"):
            self.set(carrier, f"{{ address: 127.0.0.1, port: {self.sip_port} }}", group="listen")
        self.set("scram_iterations", 4096)  # as ejabberd; what a login costs the server does not depend on it

    def set(self, key, value, group=None):
        """Sets one key of roost.yaml where its line stands, commented out or not, the first one of the group."""
        text = open(self.config).read()
        if group and not re.search(rf"^#?{group}:", text, re.MULTILINE):
            # The file of an older version.
            text += f"\n{group}:\n"
        start = re.search(rf"^#?{group}:", text, re.MULTILINE).start() if group else 0
        if not re.search(rf"^[ ]*#?{key}:", text[start:], re.MULTILINE):
            text = re.sub(rf"^#?{group}:\n", f"{group}:\n  {key}:\n", text, count=1, flags=re.MULTILINE)
        rest, count = re.subn(rf"^([ ]*)#?{key}:.*$", rf"\g<1>{key}: {value}", text[start:], count=1,
                              flags=re.MULTILINE)
        text = text[:start] + rest
        if count != 1:
            raise ServerFailure(f"roost.yaml has no line for {key}")
        with open(self.config, "w") as file:
            file.write(text)

    def command(self):
        return [self.binary, "serve", "--config", self.config], {}, self.folder

    def add_accounts(self, numbers):
        """Imports accounts while the server runs."""
        path = os.path.join(self.folder, "accounts.csv")
        with open(path, "w") as file:
            file.write("jid,password\n")
            for number in numbers:
                file.write(f"user{number}@{DOMAIN},pw{number}\n")
        self.roost("user", "import", path, "--config", self.config)
        os.remove(path)

    def roost(self, *arguments):
        """Runs another verb of the executable."""
        result = subprocess.run([self.binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode != 0:
            raise ServerFailure(f"roost {' '.join(arguments[:2])}: {(result.stderr or result.stdout).strip()}")

    def version(self):
        result = subprocess.run([self.binary, "version"], capture_output=True, text=True)
        return result.stdout.strip().removeprefix("roost ") or "of this tree"


def package_version(package):
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True,
                          text=True).stdout.strip()


def install(servers):
    """Installs the peers' packages without letting their services start."""
    wanted = [package for server in servers for package in getattr(server, "packages", [])
              if not package_version(package)]
    if not wanted:
        return
    if os.geteuid() != 0:
        raise ServerFailure("install first: " + " ".join(wanted))
    policy, kept = "/usr/sbin/policy-rc.d", None
    if os.path.exists(policy):
        kept = policy + ".kept-by-benchmarks"
        os.rename(policy, kept)
    with open(policy, "w") as file:
        file.write("#!/bin/sh\nexit 101\n")
    os.chmod(policy, 0o755)
    try:
        installer = os.path.join(os.path.dirname(HERE), "scripts", "apt-install")
        if subprocess.run([installer, "the benchmarks", *wanted]).returncode != 0:
            raise ServerFailure("the peers' packages could not be installed")
    finally:
        os.remove(policy)
        if kept:
            os.rename(kept, policy)
