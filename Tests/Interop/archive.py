"""Message history (XEP-0313) as slixmpp reads it."""

from __future__ import annotations

from xml.etree import ElementTree

from .claims import claim
from .client import Client, Scene, WAIT, expect

_SPACES = {"mam": "urn:xmpp:mam:2", "forward": "urn:xmpp:forward:0", "client": "jabber:client", "sid": "urn:xmpp:sid:0"}
NAMESPACE = _SPACES["mam"]


async def history(client: Client, with_jid: str | None = None, size: int = 10, **filters) -> list[tuple[str, str]]:
    """(id, body) of everything that slixmpp's iterator over the pages gives."""
    found = []
    pages = client["xep_0313"].retrieve(with_jid=with_jid, iterator=True, rsm={"max": size}, timeout=WAIT, **filters)
    async for page in pages:
        for message in page["mam"]["results"]:
            result = message["mam_result"]
            found.append((result["id"], result["forwarded"]["stanza"]["body"]))
    return found


@claim("archive: slixmpp pages through a history of both directions, in order and without doubles")
async def paging(scene: Scene) -> None:
    romeo, juliet, mercutio = await scene.online(), await scene.online(), await scene.online()
    texts = []
    for number in range(23):
        one, other = (romeo, juliet) if number % 2 else (juliet, romeo)
        one.send_message(mto=other.bare, mbody=f"line {number}", mtype="chat")
        await other.body(f"line {number}")
        texts.append(f"line {number}")
    mercutio.send_message(mto=romeo.bare, mbody="a plague", mtype="chat")
    await romeo.body("a plague")
    mine = await history(romeo)
    expect([text for _, text in mine] == texts + ["a plague"], f"{mine}")
    expect(len({name for name, _ in mine}) == 24, "ids are not unique")
    theirs = await history(juliet, size=7)
    expect(theirs == mine[:23], "the two archives do not name the same messages")
    expect(await history(romeo, with_jid=mercutio.bare) == mine[23:], "the filter by peer")


@claim("archive: a client that comes back finds what it missed behind the last id it saw, each message once")
async def catching_up(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    juliet = await scene.online(user)
    romeo.send_message(mto=juliet.bare, mbody="seen", mtype="chat")
    seen = await juliet.body("seen")
    last = seen.xml.find("{urn:xmpp:sid:0}stanza-id")
    expect(last is not None and last.get("by") == juliet.bare, "no stanza id of the archive")
    await juliet.log_out()
    for number in range(5):
        romeo.send_message(mto=f"{user}@localhost", mbody=f"missed {number}", mtype="chat")
    await romeo.barrier()
    again = await scene.online(user)
    await again.body("missed 4")
    iq = await again["xep_0313"].retrieve(rsm={"after": last.get("id"), "max": 50}, timeout=WAIT)
    results = [message["mam_result"] for message in iq["mam"]["results"]]
    bodies = [result["forwarded"]["stanza"]["body"] for result in results]
    expect(bodies == [f"missed {number}" for number in range(5)], f"{bodies}")
    expect(iq.xml.find("{urn:xmpp:mam:2}fin").get("complete") == "true", "the page is not complete")


@claim("archive: preferences are kept and obeyed")
async def preferences(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    request = romeo.make_iq_get()
    request.append(ElementTree.fromstring(f"<prefs xmlns='{NAMESPACE}'/>"))
    answer = await request.send(timeout=WAIT)
    default = answer.xml.find(f"{{{NAMESPACE}}}prefs").get("default")
    expect(default == "always", f"default {default}")
    request = romeo.make_iq_set()
    request.append(ElementTree.fromstring(
        f"<prefs xmlns='{NAMESPACE}' default='always'><always/><never><jid>{juliet.bare}</jid></never></prefs>"))
    await request.send(timeout=WAIT)
    juliet.send_message(mto=romeo.bare, mbody="not to be kept", mtype="chat")
    await romeo.body("not to be kept")
    expect(await history(romeo) == [], "a message was kept against the preferences")
    expect([text for _, text in await history(juliet)] == ["not to be kept"], "the other archive")


@claim("archive: nobody reads another's history")
async def others(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    iq = romeo.make_iq_set(ito=juliet.bare)
    iq["mam"]["queryid"] = "spy"
    try:
        await iq.send(timeout=WAIT)
    except Exception as error:  # slixmpp raises IqError
        condition = error.iq["error"]["condition"]
        expect(condition == "forbidden", condition)
        return
    expect(False, "the query was answered")
