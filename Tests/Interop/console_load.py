"""How fast the pages of the console are with 25,000 users."""

from __future__ import annotations

import http.client
import sqlite3
import ssl
import statistics
import time
import urllib.parse

from support.servers import DOMAIN, RoostServer

from .chat_pages import ARTEFACTS
from .claims import claim
from .client import Scene, expect
from .console_pages import PASSWORD, administrator, console_port

USERS = 25_000
# Milliseconds of one page, from the request to the last byte.
LIMIT = 300.0
_PAGES = [
    "/console/", "/console/live", "/console/users", "/console/users?q=user2", "/console/users?q=nobody-like-this",
    f"/console/users/user24999%40{DOMAIN}", "/console/diagnostics/sessions", "/console/settings",
    "/console/settings/presence", "/console/settings/limits", "/console/settings/changed", "/console/settings/history",
    f"/console/settings/for/user/user24999%40{DOMAIN}", "/console/diagnostics/services", "/console/diagnostics/logs",
    "/console/certificates", "/console/administrators", "/console/audit", "/console/api",
    "/console/search?q=availability", "/console/diagnostics/troubleshooter",
]


def _seed(server: RoostServer) -> None:
    """Copies of one account: no password has to be hashed 25,000 times."""
    database = sqlite3.connect(next(server.directory.rglob("*.db")))
    with database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(users)")]
        others = ", ".join(name for name in columns if name not in ("id", "localpart"))
        database.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {USERS - 1}) "
            f"INSERT INTO users (localpart, {others}) SELECT 'user' || i, {others} FROM users, n "
            "WHERE localpart = 'seed'")
    database.close()


class _Visitor:
    """One connection that has signed in."""

    def __init__(self, server: RoostServer) -> None:
        context = ssl.create_default_context(cafile=str(server.certificate()))
        self.link = http.client.HTTPSConnection("localhost", console_port(server), context=context, timeout=30)
        form = urllib.parse.urlencode({"name": administrator(server), "password": PASSWORD})
        self.link.request("POST", "/console/sign-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.link.getresponse()
        answer.read()
        expect(answer.status == 303, f"the sign-in answers {answer.status}")
        self.cookie = answer.getheader("Set-Cookie").split(";")[0]

    def milliseconds(self, path: str) -> float:
        began = time.monotonic()
        self.link.request("GET", path, headers={"Cookie": self.cookie})
        answer = self.link.getresponse()
        answer.read()
        expect(answer.status == 200, f"{path} answers {answer.status}")
        return (time.monotonic() - began) * 1000


@claim("console: with 25,000 users every page is there within 300 ms (median of five; times in the artefacts)", limit=300.0)
async def pages(scene: Scene) -> None:
    server = RoostServer(scene.host.offset + 310)
    try:
        server.prepare(["seed"])
        _seed(server)
        await server.start()
        visitor = _Visitor(server)
        times = {}
        for path in _PAGES:
            visitor.milliseconds(path)
            times[path] = statistics.median(visitor.milliseconds(path) for _ in range(5))
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        (ARTEFACTS / "console-times.txt").write_text(
            f"milliseconds of a page with {USERS} users, median of five\n"
            + "".join(f"{value:7.1f}  {path}\n" for path, value in sorted(times.items(), key=lambda one: -one[1])))
        slow = {path: round(value) for path, value in times.items() if value > LIMIT}
        expect(not slow, f"slow: {slow}")
    finally:
        server.remove()
