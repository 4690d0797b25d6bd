"""Search for people and messages to many, as slixmpp's plugins do them."""

from __future__ import annotations

from .claims import claim
from .client import Scene, expect


@claim("search: slixmpp fills in the form and finds a person by the vCard")
async def search(scene: Scene) -> None:
    seeker, found = await scene.online(), await scene.online()
    card = found["xep_0054"].make_vcard()
    card["FN"] = "Mercutio of Verona"
    await found["xep_0054"].publish_vcard(card)
    request = seeker.make_iq_get(ito="search.localhost")
    request.enable("search")
    form = await request.send(timeout=10)
    fields = set(form["search"]["form"].get_fields())
    expect({"first", "last", "nick", "email", "name"} <= fields, f"fields {fields}")
    iq = seeker.make_iq_set(ito="search.localhost")
    iq["search"]["form"]["type"] = "submit"
    iq["search"]["form"].add_field(var="FORM_TYPE", ftype="hidden", value="jabber:iq:search")
    iq["search"]["form"].add_field(var="name", value="mercutio")
    answer = await iq.send(timeout=10)
    addresses = [item["jid"] for item in answer["search"]["form"]["items"]]
    expect(addresses == [found.bare], f"{addresses}")


@claim("broadcast: one message with to, cc and bcc reaches each recipient, blind ones unseen")
async def broadcast(scene: Scene) -> None:
    sender = await scene.online()
    to, copy, blind = [await scene.online() for _ in range(3)]
    message = sender.make_message(mto="localhost", mbody="to many", mtype="chat")
    message["addresses"].add_address(atype="to", jid=to.bare)
    message["addresses"].add_address(atype="cc", jid=copy.bare)
    message["addresses"].add_address(atype="bcc", jid=blind.bare)
    message.send()
    for client in (to, copy, blind):
        got = await client.body("to many")
        expect(got["from"] == sender.boundjid, f"from {got['from']}")
        blinds = [str(address["jid"]) for address in got["addresses"]["bcc"]]
        expect(blinds == ([client.bare] if client is blind else []), f"{client.bare} sees {blinds}")
        shown = {str(address["jid"]) for address in got["addresses"]["to"]}
        expect(shown == {to.bare}, f"to {shown}")
