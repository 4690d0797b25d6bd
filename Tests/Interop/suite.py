"""Runs every interop test against one server process."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import time
import traceback

from support.report import Report
from support.servers import ProsodyServer, RoostServer, Server, ServerFailure

from . import external
from .client import Expectation, Scene

SUITE = "interop"
_MODULES = [
    "logging_in", "login", "contacts", "contact_files", "messaging", "archive", "privacy", "services", "eventing",
    "commands", "directory", "availability", "transfers", "streams", "greedy", "websocket", "bosh", "browser",
    "web_chat", "web_chat_rules", "restart", "administration", "policies", "components", "another_library",
    "another_eventing", "terminal_client", "portable", "external", "upload", "rooms", "settings",
    "settings_live", "console", "console_load", "api",
]
_SIP_MODULES = [
    "sip_sockets", "sip_login", "sip_calls", "sip_messages", "sip_sessions", "sip_presence", "sip_phone", "sip_purple",
    "sip_proxies", "sip_tls", "sip_admin", "sip_xcap", "sip_abuse",
]
_USERS = 600


def tests(match: str, kind: str = "roost") -> list[tuple[str, object]]:
    """(name, coroutine function) of every test, in the order of the files."""
    found = []
    for module in _MODULES + (_SIP_MODULES if kind == "roost" else []):
        loaded = importlib.import_module(f"Interop.{module}")
        for function in vars(loaded).values():
            claim = getattr(function, "claim", None)
            if claim is not None and match in claim:
                found.append((claim, function))
    return found


async def run(report: Report, offset: int, match: str = "", kind: str = "roost") -> None:
    # slixmpp logs what the tests provoke.
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    server: Server | None = None
    try:
        if kind == "roost":
            proxy = f"{{ address: 127.0.0.1, port: {7777 + offset} }}"
            trunk = (f"[{{ name: phones, destinations: [\"127.0.0.2:{5070 + offset}\"], addresses: [127.0.0.2],"
                     " domains: [phones.test], publishes_line_state: on, presence_gateway: on, keep_alive_seconds: 0 }]")
            server = RoostServer(
                offset, [("web", "request_seconds", "3"), ("files", "max_bytes", "8000000"),
                         ("files", "daily_bytes_per_user", "12000000"), ("files", "slot_seconds", "3"),
                         ("listen", "proxy65", proxy), ("proxy65", "host", "127.0.0.1"),
                         ("authentication", "client_authorities", external.AUTHORITY),
                         ("authentication", "certificate_enrolment", "on"), ("sip", "notify_seconds", "0"),
                         ("sip", "advertised_host", "127.0.0.1"),
                         ("sip", "trunks", trunk), ("sip", "routes", "[{ domain: phones.test, trunk: phones }]")], components=["push", "echo"])
            external.make_authority(server.directory)
        else:
            server = ProsodyServer(offset, tls=True)
        server.prepare([f"user{number}" for number in range(_USERS)])
        await server.start()
    except (ServerFailure, OSError) as failure:
        report.result(SUITE, "the server starts", str(failure))
        if server is not None:
            server.remove()
        return
    names = (f"user{number}" for number in itertools.count())
    try:
        for claim, function in tests(match, kind):
            await one(report, server, names, claim, function)
    finally:
        server.remove()


async def one(report: Report, server: Server, names, claim: str, function) -> None:
    scene = Scene(server, names)
    began = time.monotonic()
    limit = getattr(function, "limit", 90.0)
    problem: str | None = None
    try:
        await asyncio.wait_for(function(scene), limit)
    except Expectation as expectation:
        problem = str(expectation)
    except asyncio.TimeoutError:
        problem = f"not finished within {limit} s"
    except Exception:
        problem = traceback.format_exc(limit=-4)
    finally:
        try:
            await asyncio.wait_for(scene.close(), 30)
        except Exception as error:
            problem = problem or f"closing: {error!r}"
    if not server.is_running():
        problem = (problem or "") + f"\nthe server ended by itself:\n{server.log_end()}"
        server.kill_now()
        await server.start()
    report.result(SUITE, claim, problem, time.monotonic() - began)
