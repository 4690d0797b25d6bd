"""A clean restart of the server, as a client sees it."""

from __future__ import annotations

import signal

from .claims import claim
from .client import Scene, expect


@claim("a clean stop ends with status 0 and tells the client system-shutdown; everything confirmed is there afterwards")
async def restart(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    absent = scene.user()
    await romeo.update_roster("nurse@localhost", name="Nurse", groups=["Household"])
    await romeo["xep_0191"].block("tybalt@localhost")
    card = romeo["xep_0054"].make_vcard()
    card["FN"] = "Romeo Montague"
    await romeo["xep_0054"].publish_vcard(card)
    for number in range(5):
        romeo.send_message(mto=f"{absent}@localhost", mbody=f"before {number}", mtype="chat")
    await romeo.barrier()

    scene.host.send_signal(signal.SIGTERM)
    error = await romeo.wait("stream_error", what="system-shutdown")
    expect(error["condition"] == "system-shutdown", f"stream error {error['condition']}")
    status = await scene.host.wait_exit(20)
    expect(status == 0, f"exit status {status}")
    for client in (romeo, juliet):
        client.cancel_connection_attempt()
    await scene.host.start()

    again = await scene.online(romeo.user)
    roster = await again.fetch_roster()
    expect(roster.get(juliet.bare, {}).get("subscription") == "both", f"roster {roster}")
    expect(roster.get("nurse@localhost") == {"name": "Nurse", "subscription": "none", "groups": ["Household"]},
           f"roster {roster}")
    blocked = {str(jid) for jid in await again["xep_0191"].get_blocked_jids()}
    expect(blocked == {"tybalt@localhost"}, f"blocked {blocked}")
    stored = await again["xep_0054"].get_vcard(again.bare, local=False, cached=False)
    expect("Romeo Montague" in str(stored), f"vCard {stored}")
    reader = await scene.online(absent)
    await reader.body("before 4")
    bodies = [message["body"] for message in reader.take("message")]
    expect(bodies == [f"before {number}" for number in range(4)], f"stored {bodies}")
