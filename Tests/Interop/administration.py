"""What the administrator sees of foreign clients on the command line, and does to them."""

from __future__ import annotations

import asyncio
import json

from support.servers import PASSWORD, RoostServer

from .claims import claim
from .client import Scene, expect


async def verb(scene: Scene, *arguments: str, stdin: str | None = None) -> str:
    """Runs a verb of the command line against the running server, without holding up the clients."""
    host = scene.host
    if not isinstance(host, RoostServer):
        expect(False, f"{host.name} has no such command line")
    return await asyncio.to_thread(host.run, *arguments, "--config", str(host.config), stdin=stdin)


@claim("session list shows the full addresses of the clients that are logged in, and no others")
async def sessions(scene: Scene) -> None:
    client = await scene.online(resource="desk")
    listed = json.loads(await verb(scene, "session", "list", "--json"))
    expect(client.boundjid.full in json.dumps(listed), f"{client.boundjid} is not in {listed}")
    address = client.boundjid.full
    await client.log_out()
    listed = json.loads(await verb(scene, "session", "list", "--json"))
    expect(address not in json.dumps(listed), f"{address} is still in {listed}")


@claim("status tells as JSON how the server is")
async def status(scene: Scene) -> None:
    told = json.loads(await verb(scene, "status", "--json"))
    expect(isinstance(told, dict) and bool(told), f"{told}")


@claim("a user added on the command line logs in at once")
async def add(scene: Scene) -> None:
    await verb(scene, "user", "add", "mercutio@localhost", "--password-stdin", stdin=PASSWORD + "\n")
    await scene.online("mercutio")
